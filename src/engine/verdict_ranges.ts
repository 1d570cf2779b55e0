/**
 * The verdicts of one frame ring that are not "kept": ranges of ring positions on its exception ring, read in order as the
 * frames are settled. Owned by the thread that owns the frame ring's other end.
 */
import { broken } from "../base/assert.ts";
import { distance } from "../ring/layout.ts";
import type { RingConsumer } from "../ring/spsc.ts";
import { EXCEPTION_BYTES, Verdict } from "../wire/frame_message.ts";

export class VerdictRanges {
  readonly #exceptions: RingConsumer;
  /** The range at hand: frames with an end in (from, to]. */
  #has = false;
  #from = 0;
  #to = 0;
  #verdict: Verdict = Verdict.kept;

  constructor(exceptions: RingConsumer) {
    this.#exceptions = exceptions;
  }

  /** Of the frame that ends at `end`; ask in the order of the frames, each once settled. */
  of(end: number): Verdict {
    while (this.#has || this.#next()) {
      if (distance(end, this.#to) > 0) this.#has = false;
      else return distance(end, this.#from) > 0 ? this.#verdict : Verdict.kept;
    }
    return Verdict.kept;
  }

  /** Steps over ranges that were settled without a frame anybody asked about, so that they do not fill the ring. */
  dropThrough(settled: number): void {
    while (this.#has || this.#next()) {
      if (distance(settled, this.#to) < 0) return;
      this.#has = false;
    }
  }

  #next(): boolean {
    const ring = this.#exceptions;
    if (!ring.next()) return false;
    if (ring.length !== EXCEPTION_BYTES) broken(`exception of ${ring.length} bytes`);
    this.#from = ring.view.getUint32(ring.offset, true);
    this.#to = ring.view.getUint32(ring.offset + 4, true);
    this.#verdict = ring.view.getUint32(ring.offset + 8, true) as Verdict;
    ring.release();
    return this.#has = true;
  }
}
