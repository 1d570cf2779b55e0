/**
 * What the journal tells the codec workers about their frames: one settled word per frame ring, and ranges of ring
 * positions on the exception ring for every verdict other than kept. Owned by the journal thread.
 *
 * A batch's ranges are only known to hold after its commit: until then they are kept here. When an exception ring is
 * full, its word stays where it is, no more frames are taken from that ring, and the others go on.
 */
import { assert } from "../../base/assert.ts";
import type { Bell } from "../../ring/wait.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import type { Board } from "../../wire/board.ts";
import { EXCEPTION_BYTES, Verdict } from "../../wire/frame_message.ts";

interface Range {
  readonly from: number;
  to: number;
  readonly verdict: Verdict;
}

const NONE: readonly Range[] = [];

export class RingVerdicts {
  readonly #worker: number;
  readonly #board: Board;
  readonly #bell: Bell;
  readonly #exceptions: RingProducer;
  /** Ranges of the batch under way. */
  #batch: Range[] = [];
  /** Ranges that hold and are not on the exception ring yet, oldest first. */
  readonly #waiting: Range[] = [];
  /** Batches that are written and not kept yet, oldest first. */
  readonly #sealed: { readonly end: number; readonly ranges: readonly Range[] }[] = [];
  /** How many of them have ranges. */
  #sealedWithRanges = 0;
  /** Where the batch under way begins and what is taken so far; positions of the frame ring. */
  #begin: number;
  #taken: number;
  /** The end of the last batch kept. */
  #ready: number;

  constructor(worker: number, board: Board, bell: Bell, exceptions: RingProducer, position: number) {
    this.#worker = worker;
    this.#board = board;
    this.#bell = bell;
    this.#exceptions = exceptions;
    this.#begin = position;
    this.#taken = position;
    this.#ready = position;
    board.setSettled(worker, position);
  }

  /** Does the exception ring have no room? Then nothing is taken from this worker's frame ring. */
  get blocked(): boolean {
    return this.#waiting.length > 0;
  }

  /** The frame that ends at `end` is in the batch with this verdict. */
  note(end: number, verdict: Verdict): void {
    if (verdict !== Verdict.kept) add(this.#batch, this.#taken, end, verdict);
    this.#taken = end;
  }

  /** The batch is written; what is told of it waits for `keep`. */
  seal(): void {
    const ranges = this.#batch.length === 0 ? NONE : this.#batch;
    this.#sealed.push({ end: this.#taken, ranges });
    if (ranges !== NONE) {
      this.#sealedWithRanges++;
      this.#batch = [];
    }
    this.#begin = this.#taken;
  }

  /**
   * What is sealed is about to be synced by the sync thread, which moves the word then. With exceptions, which must go first, it is left
   * where it is. Something is promised in any case: positions are compared modulo 2^32, and a promise of long ago may look like one ahead.
   */
  promise(): void {
    const alone = this.#sealedWithRanges > 0 || this.#waiting.length > 0;
    this.#board.promiseSettled(this.#worker, alone ? this.#board.settled(this.#worker) : this.#begin);
  }

  /** The oldest sealed batch is on the disk. */
  keep(): void {
    const kept = this.#sealed.shift();
    assert(kept !== undefined, "a batch is sealed");
    if (kept.ranges.length > 0) this.#sealedWithRanges--;
    for (const range of kept.ranges) add(this.#waiting, range.from, range.to, range.verdict);
    this.#ready = kept.end;
  }

  /** The batch is over, and nothing is sealed. A failed one is one range. */
  close(committed: boolean): void {
    if (this.#taken === this.#begin) return;
    if (!committed) this.#batch = [{ from: this.#begin, to: this.#taken, verdict: Verdict.failed }];
    this.seal();
    this.keep();
  }

  /** Puts on the ring what fits, then moves the word if nothing waits. False when the ring is full. */
  tell(): boolean {
    let told = 0;
    for (; told < this.#waiting.length; told++) {
      const range = this.#waiting[told]!;
      const at = this.#exceptions.reserve(EXCEPTION_BYTES, 1);
      if (at < 0) break;
      const { view } = this.#exceptions;
      view.setUint32(at, range.from, true);
      view.setUint32(at + 4, range.to, true);
      view.setUint32(at + 8, range.verdict, true);
      this.#exceptions.commit();
    }
    if (told > 0) {
      this.#waiting.splice(0, told);
      this.#exceptions.publish();
    }
    if (this.#waiting.length > 0) return false;
    if (this.#board.raiseSettled(this.#worker, this.#ready)) this.#bell.ring();
    return true;
  }
}

function add(ranges: Range[], from: number, to: number, verdict: Verdict): void {
  const last = ranges[ranges.length - 1];
  if (last !== undefined && last.verdict === verdict && last.to === from) last.to = to;
  else ranges.push({ from, to, verdict });
}
