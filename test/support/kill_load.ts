/**
 * Load for the kill rounds: trackers that pipeline frames, lose their link now and then, send again what was not
 * acknowledged, and remember every record they sent and which of them were acknowledged.
 */
import type { Prng } from "../../src/base/prng.ts";
import { recordsOf, type SentFrame, type TestDevice } from "./fleet.ts";
import { keyOf } from "./frames.ts";
import { Tracker } from "./tracker.ts";

/** Frames a tracker has in flight. */
const WINDOW = 6;
/** A link is lost after about this many acknowledgements. */
const LINK_LIFE_ACKS = 150;

interface RecordFate {
  /** Wall ms when the frame that was acknowledged was first written; the receiver read it later. */
  sentAt: number;
  acknowledged: boolean;
}

export class LoadDevice {
  readonly device: TestDevice;
  /** Every record ever sent, by its key. */
  readonly fates = new Map<string, RecordFate>();
  /** Frames written and not acknowledged, in order. */
  #unacked: { frame: SentFrame; keys: readonly string[] }[] = [];
  /** Frames waiting to be sent again. */
  #again: SentFrame[] = [];
  #tracker: Tracker | null = null;
  #stopped = true;
  readonly #random: Prng;
  readonly #onAck: () => void;
  /** An acknowledgement that did not fit its frame, or anything else that must not be. */
  readonly faults: string[] = [];

  constructor(device: TestDevice, random: Prng, onAck: () => void) {
    this.device = device;
    this.#random = random;
    this.#onAck = onAck;
  }

  /** Logs in, sends again what has no answer, then goes on until the gateway ends. */
  async start(port: number): Promise<void> {
    this.#stopped = false;
    await this.#connect(port);
  }

  /** The gateway is dead: reads what is left of its answers. Resolves with the number of frames without one. */
  async stopped(): Promise<number> {
    this.#stopped = true;
    await this.#tracker?.ended();
    const unacked = this.#unacked.length;
    this.#takeBack();
    return unacked;
  }

  #takeBack(): void {
    const frames = [...this.#unacked.map((each) => each.frame), ...this.#again];
    // Sometimes in another grouping, as devices do.
    this.#again = this.#random.chance(0.5) ? frames : recordsOf(frames).map((record) => this.device.frame([record]));
    this.#unacked = [];
  }

  async #connect(port: number): Promise<void> {
    let tracker: Tracker;
    try {
      tracker = await Tracker.loggedIn(port, this.device.imei);
    } catch {
      // The gateway died between two steps. The round sees it by the process.
      return;
    }
    this.#tracker = tracker;
    tracker.onAck = (count) => this.#acknowledged(tracker, port, count);
    for (let i = 0; i < WINDOW; i++) this.#writeNext(tracker);
  }

  #writeNext(tracker: Tracker): void {
    if (this.#stopped || tracker.end !== null) return;
    const frame = this.#again.shift() ?? this.device.frames(1, 5)[0]!;
    const keys = this.device.expected(frame.records).map(keyOf);
    for (const key of keys) if (!this.fates.has(key)) this.fates.set(key, { sentAt: Date.now(), acknowledged: false });
    this.#unacked.push({ frame, keys });
    tracker.write(frame.bytes);
  }

  #acknowledged(tracker: Tracker, port: number, count: number): void {
    if (tracker !== this.#tracker) return;
    const first = this.#unacked.shift();
    if (first === undefined || first.frame.records.length !== count) {
      this.faults.push(`${this.device.imei}: ${count} acknowledged, sent ${first?.frame.records.length ?? "nothing"}`);
      return;
    }
    for (const key of first.keys) this.fates.get(key)!.acknowledged = true;
    this.#onAck();
    if (!this.#stopped && this.#random.below(LINK_LIFE_ACKS) === 0) void this.#loseLink(tracker, port);
    else this.#writeNext(tracker);
  }

  /** Leaves without a word while frames are in flight; some of them are stored, and sent again all the same. */
  async #loseLink(tracker: Tracker, port: number): Promise<void> {
    tracker.onAck = null;
    tracker.reset();
    this.#takeBack();
    await this.#connect(port);
  }
}
