/**
 * Messages that applications publish, on their way to the journal: in the frame ring of this http thread, as the frames of a codec
 * worker are, and answered by the same verdicts. Owned by an http thread.
 */
import { Deque } from "../../base/deque.ts";
import type { Limits } from "../../base/limits.ts";
import { distance } from "../../ring/layout.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { messageJson } from "../../store/entry.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { type Board, DrainPhase } from "../../wire/board.ts";
import { dataAt, emptyFrameHeader, FrameKind, frameMessageBytes, Verdict, writeFrameHeader } from "../../wire/frame_message.ts";
import { type Boot, ringThreads } from "../boot.ts";
import { VerdictRanges } from "../verdict_ranges.ts";

/** `kept`: on the disk. `failed`: it is not, the commit failed. `busy`: too much is waiting; it was not taken. */
export type Published = "kept" | "failed" | "busy" | "too_long";

export interface PublishParts {
  /** Index of this thread's frame ring. */
  readonly ring: number;
  readonly frames: RingProducer;
  readonly exceptions: RingConsumer;
  readonly board: Board;
  readonly counters: Counters;
  readonly limits: Pick<Limits, "messageBytes" | "messagesWaiting">;
  readonly wall: () => number;
}

/** The one of an http thread, with its rings. */
export function startPublisher(boot: Boot, board: Board, counters: Counters, wall: () => number): Publisher {
  const { thread, roster, rings, bells, settings: { limits } } = boot;
  const ring = ringThreads(roster).indexOf(thread);
  const frames = new RingProducer(rings.frames[ring]!, new Bell(bells, roster.journal));
  return new Publisher({ ring, frames, exceptions: new RingConsumer(rings.exceptions[ring]!), board, counters, limits, wall });
}

interface Waiting {
  readonly end: number;
  readonly told: (how: Published) => void;
}

const RAW_DATA = dataAt(0);
const encoder = new TextEncoder();

export class Publisher {
  readonly #parts: PublishParts;
  readonly #ranges: VerdictRanges;
  readonly #waiting = new Deque<Waiting>();
  readonly #header = emptyFrameHeader();
  /** The settled word as last seen. */
  #settled: number;

  constructor(parts: PublishParts) {
    this.#parts = parts;
    this.#ranges = new VerdictRanges(parts.exceptions);
    this.#settled = parts.board.settled(parts.ring);
  }

  /** `channel`: checked, `data`: JSON. `told` is called once, at once or when a commit has decided. */
  publish(channel: string, data: string, told: (how: Published) => void): void {
    const outcome = this.#put(channel, data, (how) => this.#tell(told, how));
    if (outcome !== null) this.#tell(told, outcome);
  }

  hasWork(): boolean {
    return this.#parts.board.settled(this.#parts.ring) !== this.#settled;
  }

  /** Tells what was decided. */
  drain(): void {
    // First the word, then the exceptions: the journal writes them in the other order.
    this.#settled = this.#parts.board.settled(this.#parts.ring);
    for (let next = this.#waiting.at(0); next !== undefined && distance(this.#settled, next.end) >= 0; next = this.#waiting.at(0)) {
      this.#waiting.shift();
      next.told(this.#ranges.of(next.end) === Verdict.kept ? "kept" : "failed");
    }
    this.#ranges.dropThrough(this.#settled);
  }

  /** What waits has no answer any more. */
  stop(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.told("failed");
  }

  /** Null: it is on its way. */
  #put(channel: string, data: string, told: (how: Published) => void): Published | null {
    const { frames, board, limits, wall } = this.#parts;
    const at = wall();
    const json = encoder.encode(messageJson(channel, at, data));
    const bytes = frameMessageBytes(json.length);
    if (json.length - messageJson(channel, at, "").length > limits.messageBytes || bytes > frames.maxPayload) return "too_long";
    // What is put in while the gateway stops may not be read any more.
    if (board.phase() !== DrainPhase.running || board.storeFailure() !== "none" || this.#waiting.length >= limits.messagesWaiting) {
      return "busy";
    }
    const to = frames.reserve(bytes, FrameKind.message);
    if (to < 0) return "busy";
    Object.assign(this.#header, { receivedAt: at, dataLength: json.length });
    writeFrameHeader(frames.view, to, this.#header);
    frames.bytes.set(json, to + RAW_DATA);
    this.#waiting.push({ end: frames.commit(), told });
    frames.publish();
    return null;
  }

  #tell(told: (how: Published) => void, how: Published): void {
    this.#parts.counters.add(slot("berth_messages_total", how));
    told(how);
  }
}
