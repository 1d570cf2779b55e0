/**
 * Merges consecutive segments of one level into one of the next, in slices; the last one marks it complete and its sources
 * dead, in one transaction. Journal thread. References to rows that retention has deleted are left out.
 */
import type { Job } from "./job.ts";
import { runKey } from "./run_key.ts";
import { REF_BYTES, RunRefs, type RunWriter } from "./run_refs.ts";
import { beforeSegment, type RunRow, type RunTable } from "./runs.ts";
import { type Segment, SegmentState, type SegmentTable } from "./segments.ts";

const PAGE = 64;

/** The rows of one source, in key order, read by the page. */
class Source {
  readonly #runs: RunTable;
  readonly #segment: Segment;
  #page: readonly RunRow[] = [];
  #at = 0;
  #after: bigint;
  #ended = false;
  /** Last row of the slices that are committed. */
  #kept: bigint;

  constructor(runs: RunTable, segment: Segment) {
    this.#runs = runs;
    this.#segment = segment;
    this.#after = beforeSegment(segment);
    this.#kept = this.#after;
  }

  head(): RunRow | null {
    if (this.#at === this.#page.length && !this.#ended) {
      this.#page = this.#runs.page(this.#segment, this.#after, PAGE);
      this.#at = 0;
      this.#ended = this.#page.length === 0;
    }
    return this.#page[this.#at] ?? null;
  }

  step(): void {
    const row = this.#page[this.#at++]!;
    this.#after = runKey(this.#segment.level, this.#segment.id, row.device, row.part);
  }

  keep(): void {
    this.#kept = this.#after;
  }

  back(): void {
    this.#after = this.#kept;
    this.#page = [];
    this.#at = 0;
    this.#ended = false;
  }
}

export interface MergeParts {
  readonly sources: readonly Segment[];
  readonly target: Segment;
  readonly segments: SegmentTable;
  readonly runs: RunTable;
  readonly writer: RunWriter;
  readonly sliceRows: number;
  readonly sliceBytes: number;
  /** Rows of the log below this seq are gone. */
  oldest(): number;
  done(): void;
}

export class MergeJob implements Job {
  readonly point = "journal.merge_slice";
  readonly #parts: MergeParts;
  readonly #sources: readonly Source[];
  readonly #refs = new RunRefs();
  #begun = false;
  #bytes = 0;
  /** The device merged last and the next part of its run: a slice may end inside a device. */
  #device = -1;
  #part = 0;
  #kept = { device: -1, part: 0 };

  constructor(parts: MergeParts) {
    this.#parts = parts;
    this.#sources = parts.sources.map((segment) => new Source(parts.runs, segment));
  }

  step(): boolean {
    const { segments, target, sources, sliceRows, sliceBytes } = this.#parts;
    if (!this.#begun) segments.insert(target);
    this.#bytes = 0;
    let rows = 0;
    while (rows < sliceRows && this.#bytes < sliceBytes) {
      const device = this.#lowest();
      if (device < 0) {
        segments.mark(target.id, SegmentState.complete);
        for (const source of sources) segments.mark(source.id, SegmentState.dead);
        return true;
      }
      rows += this.#merge(device);
    }
    return false;
  }

  committed(last: boolean): void {
    this.#begun = true;
    this.#kept = { device: this.#device, part: this.#part };
    for (const source of this.#sources) source.keep();
    if (last) this.#parts.done();
  }

  failed(): void {
    this.#device = this.#kept.device;
    this.#part = this.#kept.part;
    for (const source of this.#sources) source.back();
  }

  #lowest(): number {
    let lowest = -1;
    for (const source of this.#sources) {
      const device = source.head()?.device ?? -1;
      if (device >= 0 && (lowest < 0 || device < lowest)) lowest = device;
    }
    return lowest;
  }

  /**
   * One device of all sources, oldest first: their references follow each other in seq order. Stops behind a row when the slice
   * is full; the sources stand where the next slice goes on. Returns the rows written, at least 1.
   */
  #merge(device: number): number {
    const { sliceBytes } = this.#parts;
    if (device !== this.#device) this.#part = 0;
    this.#device = device;
    const first = this.#part;
    this.#parts.writer.clear();
    for (const source of this.#sources) {
      for (let row = source.head(); row !== null && row.device === device; row = source.head()) {
        this.#copy(row);
        source.step();
        if (this.#bytes >= sliceBytes) break;
      }
      if (this.#bytes >= sliceBytes) break;
    }
    this.#put();
    return Math.max(this.#part - first, 1);
  }

  #copy(row: RunRow): void {
    const { writer } = this.#parts;
    const oldest = this.#parts.oldest();
    const refs = this.#refs.over(row.firstSeq, row.refs);
    for (let i = 0; i < refs.count; i++) {
      const rowSeq = refs.rowSeq(i);
      if (rowSeq < oldest) continue;
      if (writer.add(refs.seq(i), rowSeq, refs.offset(i), refs.min(i), refs.max(i))) continue;
      this.#put();
      writer.add(refs.seq(i), rowSeq, refs.offset(i), refs.min(i), refs.max(i));
    }
  }

  #put(): void {
    const { writer, runs, target } = this.#parts;
    if (writer.count === 0) return;
    this.#bytes += writer.count * REF_BYTES;
    runs.insert({ segment: target, device: this.#device, part: this.#part++ }, writer);
    writer.clear();
  }
}
