/**
 * The frames of one codec worker that wait for their verdict, in ring order. Plain arrays in a circle: no garbage per
 * frame. Owned by the codec worker; bounded by `unackedFramesPerWorker`.
 */
import { assert } from "../../base/assert.ts";

export class FrameFifo {
  readonly #limit: number;
  readonly #mask: number;
  /** Ring position after the frame. */
  readonly #ends: Uint32Array;
  readonly #conns: Uint32Array;
  /** What is acknowledged when the frame is kept; 0: kept without an answer. */
  readonly #counts: Uint8Array;
  readonly #codecs: Uint8Array;
  /** Monotonic ms when the frame was read. */
  readonly #readAt: Float64Array;
  #head = 0;
  #length = 0;

  constructor(limit: number) {
    let capacity = 16;
    while (capacity < limit) capacity *= 2;
    this.#limit = limit;
    this.#mask = capacity - 1;
    this.#ends = new Uint32Array(capacity);
    this.#conns = new Uint32Array(capacity);
    this.#counts = new Uint8Array(capacity);
    this.#codecs = new Uint8Array(capacity);
    this.#readAt = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }
  get full(): boolean {
    return this.#length >= this.#limit;
  }

  push(end: number, conn: number, count: number, codec: number, readAt: number): void {
    assert(!this.full, "more frames without a verdict than allowed");
    const at = (this.#head + this.#length++) & this.#mask;
    this.#ends[at] = end;
    this.#conns[at] = conn;
    this.#counts[at] = count;
    this.#codecs[at] = codec;
    this.#readAt[at] = readAt;
  }

  // The oldest frame. Only while length > 0.
  get end(): number {
    return this.#ends[this.#head]!;
  }
  get conn(): number {
    return this.#conns[this.#head]!;
  }
  get count(): number {
    return this.#counts[this.#head]!;
  }
  get codec(): number {
    return this.#codecs[this.#head]!;
  }
  get readAt(): number {
    return this.#readAt[this.#head]!;
  }

  shift(): void {
    assert(this.#length > 0, "no frame waits for a verdict");
    this.#head = (this.#head + 1) & this.#mask;
    this.#length--;
  }
}
