/**
 * Finds one device's frames by record time among its chained entries. Pure. Built only for devices that are asked about:
 * frames on the fast path never are. Entries since the last question are looked through one by one, and sorted in when
 * they are many; frames that span long times (a clock that jumped) stand apart, so that the others stay quick to find.
 */

/** The entries of one device, chained: what of EntryRefs is looked at here. */
export interface Spans {
  readonly min: Readonly<Float64Array>;
  readonly max: Readonly<Float64Array>;
  /** The entry after `index` of the same device, or -1. */
  next(index: number): number;
}

/** A frame spanning more than this is looked at in every search. */
const WIDE_MS = 3_600_000;
/** Entries looked through one by one before they are sorted in. */
const UNSORTED = 64;

export class TimeIndex {
  /** Indexes of narrow frames, by their first time. */
  #sorted: number[] = [];
  readonly #wide: number[] = [];
  /** The first entry not in `#sorted` or `#wide`, or the last one when `#done`. */
  #from: number;
  #done = false;

  constructor(first: number) {
    this.#from = first;
  }

  find(refs: Spans, lo: number, hi: number, found: number[]): void {
    let fresh = 0;
    let i = this.#done ? refs.next(this.#from) : this.#from;
    const start = i;
    for (; i >= 0; i = refs.next(i)) {
      if (refs.min[i]! <= hi && refs.max[i]! >= lo) found.push(i);
      fresh++;
    }
    this.#search(refs, lo, hi, found);
    if (fresh > UNSORTED) this.#take(refs, start);
  }

  #search(refs: Spans, lo: number, hi: number, found: number[]): void {
    const sorted = this.#sorted;
    let left = 0;
    let right = sorted.length;
    while (left < right) {
      const middle = (left + right) >>> 1;
      if (refs.min[sorted[middle]!]! < lo - WIDE_MS) left = middle + 1;
      else right = middle;
    }
    for (; left < sorted.length; left++) {
      const i = sorted[left]!;
      if (refs.min[i]! > hi) break;
      if (refs.max[i]! >= lo) found.push(i);
    }
    for (const i of this.#wide) if (refs.min[i]! <= hi && refs.max[i]! >= lo) found.push(i);
  }

  #take(refs: Spans, start: number): void {
    const fresh: number[] = [];
    for (let i = start; i >= 0; i = refs.next(i)) {
      this.#from = i;
      this.#done = true;
      if (refs.min[i]! > refs.max[i]!) continue;
      if (refs.max[i]! - refs.min[i]! > WIDE_MS) this.#wide.push(i);
      else fresh.push(i);
    }
    fresh.sort((a, b) => refs.min[a]! - refs.min[b]!);
    this.#sorted = merged(refs, this.#sorted, fresh);
  }
}

function merged(refs: Spans, a: readonly number[], b: readonly number[]): number[] {
  if (a.length === 0) return [...b];
  const result = new Array<number>(a.length + b.length);
  for (let i = 0, j = 0, k = 0; k < result.length; k++) {
    result[k] = j === b.length || (i < a.length && refs.min[a[i]!]! <= refs.min[b[j]!]!) ? a[i++]! : b[j++]!;
  }
  return result;
}
