/**
 * Simulated trackers that send datagrams: the packet id says whose an answer is, the AVL packet id to which packet. What is not answered
 * is sent again. A command says whose it is by the socket it comes to, so trackers have one each, up to a number of them. Owned by
 * the simulation's event loop.
 */
import { u16 } from "../base/bytes.ts";
import { encodeDatagram } from "../codec/encode.ts";
import { decodeMessages } from "../codec/teltonika/command.ts";
import { bareFrame, UDP_ANSWER_BYTES } from "../codec/teltonika/udp.ts";
import type { Peer, Platform, UdpSocket } from "../platform/port.ts";
import { Obedience } from "./simulate_commands.ts";
import type { SimulatedDevice } from "./simulate_device.ts";
import type { FrameSource } from "./simulate_source.ts";
import type { Tally } from "./simulate_tally.ts";

/** An answer that has not come by then never will: send again. The least the vendor's devices can be set to. */
const ANSWER_TIMEOUT_MS = 5000;
/** Around the data field in a TCP frame: preamble and length before it, the CRC behind it. */
const FRAME_HEAD = 8;
const FRAME_TAIL = 4;
/** Beyond, trackers share them in turn, and obey only what names them (Codec 14). */
export const SOCKETS = 512;

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
  readonly #sockets: UdpSocket[] = [];

  private constructor(platform: Needs, to: Peer) {
    this.#platform = platform;
    this.#to = to;
  }

  /** @throws with `code` when the host is not known or no socket can be had. */
  static async open(platform: Needs, host: string, port: number, trackers: number): Promise<UdpFleet> {
    const address = await platform.lookup(host);
    const fleet = new UdpFleet(platform, { address, port });
    try {
      for (let i = 0; i < Math.min(trackers, SOCKETS); i++) {
        fleet.#sockets.push(await platform.openUdp(address.includes(":") ? "::" : "0.0.0.0", 0, (bytes) => fleet.#received(i, bytes)));
      }
    } catch (error) {
      fleet.close();
      throw error;
    }
    return fleet;
  }

  /** The next one; at most 65,536. */
  tracker(imei: string, source: FrameSource, quota: number, setting: Setting): UdpTracker {
    const packetId = this.#trackers.length;
    const socket = this.#sockets[packetId % this.#sockets.length]!;
    const send = (avlPacketId: number, data: Uint8Array): void => socket.send(encodeDatagram(imei, packetId, avlPacketId, data), this.#to);
    const tracker = new UdpTracker(imei, source, quota, setting, () => this.#platform.clock.mono(), send);
    this.#trackers.push(tracker);
    return tracker;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #received(socket: number, bytes: Uint8Array): void {
    if (bytes.length === UDP_ANSWER_BYTES) return this.#trackers[u16(bytes, 2)]?.answered(bytes[5]!, bytes[6]!);
    const frame = bareFrame(bytes);
    if (frame !== null) this.#heard(socket, bytes, frame.start, frame.length)?.commanded(bytes, frame.start, frame.length);
  }

  #heard(socket: number, bytes: Uint8Array, start: number, length: number): UdpTracker | undefined {
    if (this.#trackers.length <= this.#sockets.length) return this.#trackers[socket];
    const messages = decodeMessages(bytes, start, length);
    return "fault" in messages ? undefined : this.#trackers.find(({ imei }) => imei === messages[0]?.imei);
  }
}

export class UdpTracker implements SimulatedDevice {
  readonly imei: string;
  readonly connecting = false;
  readonly #obedience: Obedience;
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
    imei: string,
    source: FrameSource,
    quota: number,
    setting: Setting,
    mono: () => number,
    sendPacket: (avlPacketId: number, data: Uint8Array) => void,
  ) {
    this.imei = imei;
    this.#obedience = new Obedience(imei);
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

  /** A command came; its answer goes out in a packet of its own, which nobody acknowledges. */
  commanded(bytes: Uint8Array, start: number, length: number): void {
    const answer = this.#obedience.answer(bytes, start, length);
    if (answer === null) return;
    this.#setting.tally.commands++;
    this.#sendPacket(this.#avlPacketId, answer);
  }

  end(): void {
    this.#quota = 0;
  }

  #offer(): void {
    if (this.#quota > 0) this.#setting.ready(this);
  }
}
