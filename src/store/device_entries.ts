/** One device's entries in seq order, through runs and tail, without a scan of the log. Reader threads. */
import type { RowCache } from "./row_cache.ts";
import type { RunTable } from "./runs.ts";
import type { Segment } from "./segments.ts";
import type { Tail } from "./tail.ts";

/** An entry: where it is, and its first seq. One object is used for all. */
export interface FoundEntry {
  body: Uint8Array;
  at: number;
  seq: number;
}

export interface Where {
  readonly tail: Tail;
  /** Complete segments, oldest first. */
  readonly segments: readonly Segment[];
  readonly oldest: number;
}

/** Entries that hold records of these times only; events are left out then. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

export class DeviceEntries {
  readonly #runs: RunTable;
  readonly #rows: RowCache;
  readonly #found: FoundEntry = { body: new Uint8Array(0), at: 0, seq: 0 };

  constructor(runs: RunTable, rows: RowCache) {
    this.#runs = runs;
    this.#rows = rows;
  }

  /** Entries with a seq that reaches `from` or beyond; with `times`, only frames that may hold records in it. */
  *from(where: Where, device: number, from: number, times: TimeRange | null = null): IterableIterator<FoundEntry> {
    const lo = times?.from ?? -Infinity;
    const hi = times?.to ?? Infinity;
    const events = times === null;
    const found = this.#found;
    for (const segment of where.segments) {
      if (segment.lastSeq < from || segment.lastSeq < where.oldest) continue;
      if (!events && (segment.minTime > hi || segment.maxTime < lo)) continue;
      for (const refs of this.#runs.from(segment, device, from)) {
        for (let i = 0; i < refs.count; i++) {
          const rowSeq = refs.rowSeq(i);
          const seq = refs.seq(i);
          if (rowSeq < where.oldest || seq + MOST_SEQS <= from) continue;
          if (!wanted(events, refs.min(i), refs.max(i), lo, hi)) continue;
          const body = this.#rows.body(rowSeq);
          if (body === null || !reaches(body, refs.offset(i), seq, from)) continue;
          found.body = body;
          found.at = refs.offset(i);
          found.seq = seq;
          yield found;
        }
      }
    }
    yield* this.#fromTail(where.tail, device, from, events, lo, hi);
  }

  *#fromTail(tail: Tail, device: number, from: number, events: boolean, lo: number, hi: number): IterableIterator<FoundEntry> {
    const { refs } = tail;
    const found = this.#found;
    for (let i = refs.first(device); i >= 0; i = refs.next(i)) {
      const seq = refs.seq[i]!;
      if (seq + MOST_SEQS <= from || !wanted(events, refs.min[i]!, refs.max[i]!, lo, hi)) continue;
      const body = tail.bodies[refs.row[i]!]!;
      if (!reaches(body, refs.offset[i]!, seq, from)) continue;
      found.body = body;
      found.at = refs.offset[i]!;
      found.seq = seq;
      yield found;
    }
  }
}

/** A frame has at most 255 records, and so seqs. */
const MOST_SEQS = 255;
const SEQS_AT = 12;
const KIND_AT = 4;

const wanted = (events: boolean, min: number, max: number, lo: number, hi: number): boolean =>
  (events && min > max) || (min <= hi && max >= lo);

function reaches(body: Uint8Array, at: number, seq: number, from: number): boolean {
  // seqs: 1 for an event, the number of new records (at most 255: its lowest byte) for a frame.
  const seqs = body[at + KIND_AT] === 1 ? body[at + SEQS_AT]! : 1;
  return seq + seqs > from;
}
