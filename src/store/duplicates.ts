/**
 * The slow path of de-duplication: which records of a frame are stored already, found by comparing bytes. Owned by the
 * journal thread. Equal means same device, same codec, same record bytes; also within the frame and within the batch.
 *
 * The frame is compared with what may hold it, nearest first: the batch under way, the tail, a tail being flushed, the
 * runs from the newest on. A step ends when no record is left in doubt, so an exact re-send costs one look.
 */
import { recordEnd } from "../codec/teltonika/avl.ts";
import type { Batch } from "./batch.ts";
import type { Coverage } from "./coverage.ts";
import { EntryView } from "./entry.ts";
import type { IncomingFrame } from "./incoming_frame.ts";
import { recordTime, sameBytes } from "./record_walk.ts";
import type { RowCache } from "./row_cache.ts";
import type { RunTable } from "./runs.ts";
import type { Segment } from "./segments.ts";
import type { Tail } from "./tail.ts";
import type { Tails } from "./tails.ts";

const UNKNOWN = 0;
const NEW = 1;
const STORED = 2;

/** Where stored frames are looked for. */
export interface StoredFrames {
  readonly batch: Pick<Batch, "refs" | "rows">;
  readonly tails: Pick<Tails, "live" | "frozen">;
  /** Complete segments, oldest first. */
  readonly segments: readonly Segment[];
  /** Rows below this seq are gone. */
  readonly oldest: number;
}

export class Duplicates {
  /** Bit i of byte i >>> 3: record i is new. Valid after `mark`. */
  readonly mask = new Uint8Array(32);
  /** How often a frame had to be compared with stored ones. */
  compares = 0;
  readonly #state = new Uint8Array(255);
  readonly #found: number[] = [];
  readonly #entry = new EntryView();
  readonly #runs: RunTable;
  readonly #rows: RowCache;
  #doubtful = 0;
  #lo = 0;
  #hi = 0;

  constructor(runs: RunTable, rows: RowCache) {
    this.#runs = runs;
    this.#rows = rows;
  }

  /** Compares the frame; returns how many of its records are new, which `mask` names. */
  mark(frame: IncomingFrame, device: number, coverage: Coverage, stored: StoredFrames): number {
    this.#begin(frame, coverage);
    if (this.#doubtful > 0) {
      this.compares++;
      this.#compareAll(frame, device, stored);
    }
    const n = frame.header.n;
    for (let i = 0; i < n; i++) if (this.#state[i] === UNKNOWN) this.#state[i] = NEW;
    if (!frame.ordered) this.#compareWithin(frame);
    this.mask.fill(0);
    let newCount = 0;
    for (let i = 0; i < n; i++) {
      if (this.#state[i] !== NEW) continue;
      this.mask[i >>> 3]! |= 1 << (i & 7);
      newCount++;
    }
    return newCount;
  }

  #begin(frame: IncomingFrame, coverage: Coverage): void {
    this.#doubtful = 0;
    this.#lo = Infinity;
    this.#hi = -Infinity;
    const { times } = frame;
    for (let i = 0; i < frame.header.n; i++) {
      const time = times[i]!;
      if (!coverage.overlaps(time, time)) {
        this.#state[i] = NEW;
        continue;
      }
      this.#state[i] = UNKNOWN;
      this.#doubtful++;
      if (time < this.#lo) this.#lo = time;
      if (time > this.#hi) this.#hi = time;
    }
  }

  #compareAll(frame: IncomingFrame, device: number, stored: StoredFrames): void {
    const { batch, tails: { live, frozen } } = stored;
    const found = this.#found;
    found.length = 0;
    batch.refs.overlapping(device, this.#lo, this.#hi, found);
    for (let k = 0; k < found.length && this.#doubtful > 0; k++) {
      const i = found[k]!;
      const { block, start } = batch.rows[batch.refs.row[i]!]!;
      this.#compare(frame, block.bytes, start + batch.refs.offset[i]!);
    }
    if (this.#doubtful > 0) this.#compareTail(frame, device, live);
    if (this.#doubtful > 0 && frozen !== null) this.#compareTail(frame, device, frozen);
    for (let s = stored.segments.length - 1; s >= 0 && this.#doubtful > 0; s--) {
      this.#compareSegment(frame, device, stored.segments[s]!, stored.oldest);
    }
  }

  #compareTail(frame: IncomingFrame, device: number, tail: Tail): void {
    const found = this.#found;
    found.length = 0;
    tail.refs.overlapping(device, this.#lo, this.#hi, found);
    for (let k = 0; k < found.length && this.#doubtful > 0; k++) {
      const i = found[k]!;
      this.#compare(frame, tail.bodies[tail.refs.row[i]!]!, tail.refs.offset[i]!);
    }
  }

  #compareSegment(frame: IncomingFrame, device: number, segment: Segment, oldest: number): void {
    const found = this.#found;
    found.length = 0;
    this.#runs.overlapping(segment, device, this.#lo, this.#hi, (rowSeq, offset) => {
      if (rowSeq >= oldest) found.push(rowSeq, offset);
    });
    for (let k = 0; k < found.length && this.#doubtful > 0; k += 2) {
      const body = this.#rows.body(found[k]!);
      if (body !== null) this.#compare(frame, body, found[k + 1]!);
    }
  }

  /** Marks the doubtful records that the stored frame at `at` of `body` holds. */
  #compare(frame: IncomingFrame, body: Uint8Array, at: number): void {
    const entry = this.#entry.over(body, at);
    const codec = body[entry.dataAt]!;
    if (frame.bytes[frame.dataAt] !== codec) return;
    const { times, offsets, dataAt, header: { n } } = frame;
    const end = entry.end;
    const storedCount = entry.n;
    let from = entry.dataAt + 2;
    // A re-send has its records in the stored order: after a match, the next one is looked for from there on.
    let guess = 0;
    for (let j = 0; j < storedCount; j++) {
      const to = recordEnd(codec, body, from, end);
      if (entry.isNew(j)) {
        const time = recordTime(body, from);
        const first = guess;
        for (let k = 0; k < n; k++) {
          const i = first + k < n ? first + k : first + k - n;
          if (this.#state[i] !== UNKNOWN || times[i] !== time) continue;
          if (!sameBytes(frame.bytes, dataAt + offsets[i]!, dataAt + offsets[i + 1]!, body, from, to)) continue;
          this.#state[i] = STORED;
          guess = i + 1 < n ? i + 1 : 0;
          if (--this.#doubtful === 0) return;
          if (frame.ordered) break;
        }
      }
      from = to;
    }
  }

  /** The first of equal records in one frame is new, the others are not. */
  #compareWithin(frame: IncomingFrame): void {
    const { bytes, dataAt, offsets, times } = frame;
    for (let i = 1; i < frame.header.n; i++) {
      if (this.#state[i] !== NEW) continue;
      for (let j = 0; j < i; j++) {
        if (times[j] !== times[i] || this.#state[j] !== NEW) continue;
        if (!sameBytes(bytes, dataAt + offsets[i]!, dataAt + offsets[i + 1]!, bytes, dataAt + offsets[j]!, dataAt + offsets[j + 1]!)) {
          continue;
        }
        this.#state[i] = STORED;
        break;
      }
    }
  }
}
