/**
 * Simulated trackers that send datagrams, all through one socket: the packet id says whose an answer is, the AVL packet id to
 * which packet. What is not answered is sent again. Owned by the simulation's event loop.
 */
import { u16 } from "../base/bytes.ts";
import { encodeDatagram } from "../codec/encode.ts";
import { UDP_ANSWER_BYTES } from "../codec/teltonika/udp.ts";
import type { Peer, Platform, UdpSocket } from "../platform/port.ts";
import type { SimulatedDevice } from "./simulate_device.ts";
import type { FrameSource } from "./simulate_source.ts";
import type { Tally } from "./simulate_tally.ts";

/** An answer that has not come by then never will: send again. The least the vendor's devices can be set to. */
const ANSWER_TIMEOUT_MS = 5000;
/** Around the data field in a TCP frame: preamble and length before it, the CRC behind it. */
const FRAME_HEAD = 8;
const FRAME_TAIL = 4;

type Needs = Pick<Platform, "openUdp" | "lookup" | "clock">;

interface Setting {
  readonly tally: Tally;
  /** The tracker has nothing outstanding: it may be told to send. */
  ready(tracker: SimulatedDevice): void;
}

export class UdpFleet {
  readonly #platform: Needs;
  readonly #to: Peer;
  readonly #trackers: UdpTracker[] = [];
  #socket: UdpSocket | null = null;

  private constructor(platform: Needs, to: Peer) {
    this.#platform = platform;
    this.#to = to;
  }

  /** @throws with `code` when the host is not known or no socket can be had. */
  static async open(platform: Needs, host: string, port: number): Promise<UdpFleet> {
    const address = await platform.lookup(host);
    const fleet = new UdpFleet(platform, { address, port });
    fleet.#socket = await platform.openUdp(address.includes(":") ? "::" : "0.0.0.0", 0, (bytes) => fleet.#received(bytes));
    return fleet;
  }

  /** The next one; at most 65,536. */
  tracker(imei: string, source: FrameSource, quota: number, setting: Setting): UdpTracker {
    const packetId = this.#trackers.length;
    const send = (avlPacketId: number, data: Uint8Array): void =>
      this.#socket?.send(encodeDatagram(imei, packetId, avlPacketId, data), this.#to);
    const tracker = new UdpTracker(source, quota, setting, () => this.#platform.clock.mono(), send);
    this.#trackers.push(tracker);
    return tracker;
  }

  close(): void {
    this.#socket?.close();
  }

  #received(bytes: Uint8Array): void {
    if (bytes.length === UDP_ANSWER_BYTES) this.#trackers[u16(bytes, 2)]?.answered(bytes[5]!, bytes[6]!);
  }
}

export class UdpTracker implements SimulatedDevice {
  readonly connecting = false;
  readonly #source: FrameSource;
  readonly #setting: Setting;
  readonly #mono: () => number;
  readonly #sendPacket: (avlPacketId: number, data: Uint8Array) => void;
  /** Frames it may still begin. */
  #quota: number;
  #begun = false;
  /** Of the packet that waits for its answer. */
  #data: Uint8Array | null = null;
  #records = 0;
  #avlPacketId = 0;
  #sentAt = 0;

  constructor(
    source: FrameSource,
    quota: number,
    setting: Setting,
    mono: () => number,
    sendPacket: (avlPacketId: number, data: Uint8Array) => void,
  ) {
    this.#source = source;
    this.#quota = quota;
    this.#setting = setting;
    this.#mono = mono;
    this.#sendPacket = sendPacket;
  }

  get outstanding(): boolean {
    return this.#data !== null;
  }
  get finished(): boolean {
    return this.#quota === 0 && this.#data === null;
  }

  tick(now: number): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#offer();
    } else if (this.#data !== null && now - this.#sentAt > ANSWER_TIMEOUT_MS) {
      const { tally } = this.#setting;
      tally.timeouts++;
      tally.resent++;
      this.#sentAt = now;
      this.#sendPacket(this.#avlPacketId, this.#data);
    }
  }

  send(): boolean {
    if (this.#data !== null || this.#quota === 0) return false;
    const { bytes, records } = this.#source.next();
    this.#quota--;
    this.#data = bytes.slice(FRAME_HEAD, bytes.length - FRAME_TAIL);
    this.#records = records.length;
    this.#avlPacketId = (this.#avlPacketId + 1) & 0xff;
    this.#sentAt = this.#mono();
    this.#setting.tally.sent++;
    this.#sendPacket(this.#avlPacketId, this.#data);
    return true;
  }

  /** An answer came. Another one than the awaited is late, or to a packet that was sent twice. */
  answered(avlPacketId: number, accepted: number): void {
    if (this.#data === null || avlPacketId !== this.#avlPacketId) return;
    const { tally } = this.#setting;
    if (accepted !== this.#records) {
      tally.mismatches++;
      return;
    }
    if (tally.acked === 0) tally.logins++;
    tally.acked++;
    tally.records += accepted;
    tally.latencies.add(this.#mono() - this.#sentAt);
    this.#data = null;
    this.#offer();
  }

  end(): void {
    this.#quota = 0;
  }

  #offer(): void {
    if (this.#quota > 0) this.#setting.ready(this);
  }
}
