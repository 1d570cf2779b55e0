/**
 * The newest committed batches, held in memory per http thread so that a subscriber a little behind needs no page.
 * Bounded in events, in bytes, and in age by the gateway's clock; the batch that came last stays whole. Pure.
 */
import { assert } from "../base/assert.ts";
import { asSeq, type MonoMs, type Seq } from "../base/brand.ts";
import { Deque } from "../base/deque.ts";
import type { Batch } from "./batch.ts";

interface Held {
  readonly batch: Batch;
  readonly arrivedAt: MonoMs;
}

export class Window {
  readonly #held = new Deque<Held>();
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  #first: Seq;
  #next: Seq;
  #bytes = 0;

  /** Empty; `next` is the seq of the first event that will be pushed. */
  constructor(next: Seq, maxEvents: number, maxBytes: number, maxAgeMs: number) {
    this.#first = next;
    this.#next = next;
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Oldest seq held; equal to `next` when nothing is. */
  get first(): Seq {
    return this.#first;
  }
  /** The seq that comes next. */
  get next(): Seq {
    return this.#next;
  }

  /** Not further behind than what fits in here, held or not. */
  isNear(position: number): boolean {
    return this.#next - 1 - position <= this.#maxEvents;
  }

  push(batch: Batch, now: MonoMs): void {
    assert(batch.first === this.#next, `window: batch starts at ${batch.first}, expected ${this.#next}`);
    this.#held.push({ batch, arrivedAt: now });
    this.#next = batch.next;
    this.#bytes += batch.bytes;
    while (this.#held.length > 1 && (this.#next - this.#first > this.#maxEvents || this.#bytes > this.#maxBytes)) this.#drop();
  }

  /** Lets go of what is too old. */
  age(now: MonoMs): void {
    for (let oldest = this.#held.at(0); oldest !== undefined && now - oldest.arrivedAt > this.#maxAgeMs; oldest = this.#held.at(0)) {
      this.#drop();
    }
  }

  /** Empties it: events before `next` were never seen by this thread. */
  restart(next: Seq): void {
    while (this.#held.length > 0) this.#held.shift();
    this.#bytes = 0;
    this.#first = next;
    this.#next = next;
  }

  /** The batch holding `seq`; null outside [first, next). */
  find(seq: number): Batch | null {
    if (seq < this.#first || seq >= this.#next) return null;
    let low = 0;
    let high = this.#held.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#held.at(middle)!.batch.first <= seq) low = middle;
      else high = middle - 1;
    }
    return this.#held.at(low)!.batch;
  }

  #drop(): void {
    const gone = this.#held.shift();
    if (gone === undefined) return;
    this.#first = asSeq(gone.batch.next);
    this.#bytes -= gone.batch.bytes;
  }
}
