/**
 * The frames of one run row by record time, so that a search looks at those that meet it and few others. Pure. Built when the row is
 * read for comparing; a device mostly sends in order, so there is rarely anything to sort.
 */
import { RunRefs } from "./run_refs.ts";

export class RunTimes {
  readonly refs = new RunRefs();
  /** Frames by their first time: that time, the greatest last time up to there, and which reference it is. */
  readonly #first: Float64Array;
  readonly #reach: Float64Array;
  readonly #index: Uint16Array;

  constructor(firstSeq: number, bytes: Uint8Array) {
    const { refs } = this;
    refs.over(firstSeq, bytes);
    const frames: number[] = [];
    let sorted = true;
    let last = -Infinity;
    for (let i = 0; i < refs.count; i++) {
      const min = refs.min(i);
      // An event: its range is empty.
      if (min > refs.max(i)) continue;
      if (min < last) sorted = false;
      last = min;
      frames.push(i);
    }
    if (!sorted) frames.sort((a, b) => refs.min(a) - refs.min(b));
    this.#index = Uint16Array.from(frames);
    this.#first = Float64Array.from(frames, (i) => refs.min(i));
    this.#reach = new Float64Array(frames.length);
    let reach = -Infinity;
    for (let k = 0; k < frames.length; k++) this.#reach[k] = reach = Math.max(reach, refs.max(frames[k]!));
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.refs.bytes + this.#first.byteLength + this.#reach.byteLength + this.#index.byteLength;
  }

  /** Calls back with every reference whose times meet [lo, hi], from the latest on. */
  find(lo: number, hi: number, found: (ref: number) => void): void {
    let left = 0;
    let right = this.#first.length;
    while (left < right) {
      const middle = (left + right) >>> 1;
      if (this.#first[middle]! <= hi) left = middle + 1;
      else right = middle;
    }
    for (let k = left - 1; k >= 0 && this.#reach[k]! >= lo; k--) {
      const ref = this.#index[k]!;
      if (this.refs.max(ref) >= lo) found(ref);
    }
  }
}
