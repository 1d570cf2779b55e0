/**
 * Packets into the journal's ring, and their answers when they are on the disk, in the order of the ring. A packet that is not
 * kept is met with silence. Owned by the udp thread.
 */
import { assert, assertNever } from "../../base/assert.ts";
import { Deque } from "../../base/deque.ts";
import { AvlColumns, Fault, parseAvl } from "../../codec/teltonika/avl.ts";
import { CodecKind, codecKind } from "../../codec/teltonika/codec_id.ts";
import { channelAck, udpAnswer } from "../../codec/teltonika/udp.ts";
import type { Peer, UdpSocket } from "../../platform/port.ts";
import { distance } from "../../ring/layout.ts";
import { emptyFrameHeader, FrameKind, frameMessageBytes, Verdict, writeFrame, writeRawFrame } from "../../wire/frame_message.ts";
import type { UdpCommands } from "./commands.ts";
import type { UdpContext } from "./context.ts";
import { type Arrival, type Sender, SenderStage } from "./sender.ts";
import { VerdictRanges } from "../verdict_ranges.ts";

/** A packet without a verdict. */
interface InFlight {
  /** Ring position after it. */
  readonly end: number;
  readonly conn: number;
  readonly codec: number;
  /** Records it is answered with; null: it is not answered. */
  readonly count: number | null;
  readonly packetId: number;
  readonly type: number;
  readonly avlPacketId: number;
  readonly from: Peer;
  readonly isPart: boolean;
  readonly readAt: number;
}

export class UdpFrames {
  readonly #at: UdpContext;
  readonly #commands: UdpCommands;
  readonly #socket: () => UdpSocket | null;
  readonly #columns = new AvlColumns();
  readonly #header = emptyFrameHeader();
  readonly #waiting = new Deque<InFlight>();
  readonly #ranges: VerdictRanges;
  /** The settled word as last seen. */
  #settled: number;

  constructor(context: UdpContext, commands: UdpCommands, socket: () => UdpSocket | null) {
    this.#at = context;
    this.#commands = commands;
    this.#socket = socket;
    this.#ranges = new VerdictRanges(context.exceptions);
    this.#settled = context.board.settled(context.ring);
  }

  /** Packets without a verdict. */
  get waiting(): number {
    return this.#waiting.length;
  }

  hasWork(): boolean {
    return this.#at.board.settled(this.#at.ring) !== this.#settled;
  }

  /** A packet of a sender that may store. Without room it is dropped: the device sends it again. */
  put(sender: Sender, arrival: Arrival): void {
    const { limits, tally } = this.#at;
    const { bytes, start, length } = arrival;
    if (codecKind(bytes[start]!) === CodecKind.command) return this.#message(sender, arrival);
    const columns = this.#columns;
    const fault = parseAvl(bytes, start, length, arrival.receivedAt + limits.futureMs, columns);
    assert(fault === Fault.none, `a packet with fault ${fault} was let through`);
    const message = this.#reserve(frameMessageBytes(length), FrameKind.frame);
    if (message < 0) return;
    writeFrame(this.#at.frames, message, this.#header, sender.id, arrival.receivedAt, columns, bytes, start, length);
    this.#committed(sender, arrival, columns.codec, columns.n);
    if (columns.invalid > 0) tally.invalidRecords(columns.invalid);
  }

  /** Codec 12 to 15: the answer to a command, or kept as it came. Of who does not own the device nothing is believed. */
  #message(sender: Sender, arrival: Arrival): void {
    const { packets, tally } = this.#at;
    const { bytes, start, length } = arrival;
    if (sender.stage !== SenderStage.open) return packets.count("refused");
    const response = this.#commands.response(sender, bytes, start, length);
    if (response === "wait") return packets.count("busy");
    if (response === "answer") {
      tally.frame(bytes[start]!, "unanswered");
      return packets.count("unanswered");
    }
    const message = this.#reserve(frameMessageBytes(length), FrameKind.command);
    if (message < 0) return;
    const from = { conn: sender.id, fault: 0, receivedAt: arrival.receivedAt };
    writeRawFrame(this.#at.frames, message, this.#header, from, bytes, start, length);
    this.#committed(sender, arrival, bytes[start]!, null);
  }

  /** -1: there is no room, and the packet is dropped. */
  #reserve(size: number, kind: FrameKind): number {
    const { frames, limits, packets, tally } = this.#at;
    const full = this.#waiting.length >= limits.unackedFramesPerWorker || size > frames.maxPayload;
    const message = full ? -1 : frames.reserve(size, kind);
    if (message >= 0) return message;
    tally.framesFull();
    packets.count("busy");
    return -1;
  }

  #committed(sender: Sender, arrival: Arrival, codec: number, count: number | null): void {
    const end = this.#at.frames.commit();
    sender.position = end;
    sender.inFlight++;
    this.#at.presence.inFlight(sender.slot, sender.inFlight);
    // Not the arrival itself: its datagram would stay in memory.
    const { packetId, type, avlPacketId, from, isPart, readAt } = arrival;
    this.#waiting.push({ end, conn: sender.id, codec, count, packetId, type, avlPacketId, from, isPart, readAt });
  }

  /** Applies all verdicts there are, and answers. */
  take(): void {
    const { board, ring, table, presence } = this.#at;
    // First the word, then the exceptions: the journal writes them in the other order.
    this.#settled = board.settled(ring);
    for (let first = this.#waiting.at(0); first !== undefined && distance(this.#settled, first.end) >= 0; first = this.#waiting.at(0)) {
      this.#waiting.shift();
      this.#apply(first, this.#ranges.of(first.end));
      const sender = table.get(first.conn);
      if (sender !== null) presence.inFlight(sender.slot, --sender.inFlight);
    }
    this.#ranges.dropThrough(this.#settled);
  }

  #apply(packet: InFlight, verdict: Verdict): void {
    const { packets, tally, clock } = this.#at;
    const { codec, count, isPart, readAt } = packet;
    switch (verdict) {
      case Verdict.kept: {
        if (count === null) {
          tally.frame(codec, "unanswered");
          return packets.count("unanswered");
        }
        this.#answer(packet, count);
        tally.frame(codec, "kept");
        tally.ackSeconds.observe((clock.mono() - readAt) / 1000);
        return packets.count(isPart ? "partly" : "answered");
      }
      case Verdict.failed:
        tally.frame(codec, "failed");
        return packets.count("failed");
      case Verdict.refused:
      case Verdict.quarantined:
        tally.frame(codec, "refused");
        return packets.count("refused");
      default:
        assertNever(verdict, "verdict");
    }
  }

  #answer(packet: InFlight, count: number): void {
    const socket = this.#socket();
    const ack = channelAck(packet);
    if (ack !== null) socket?.send(ack, packet.from);
    socket?.send(udpAnswer(packet, count), packet.from);
  }
}
