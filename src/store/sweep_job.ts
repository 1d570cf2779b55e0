/**
 * Deletes run rows in slices: all of a dead segment, or, of a living one, those that refer only to what retention has
 * deleted. Journal thread.
 */
import type { Job } from "./job.ts";
import { beforeSegment, type RunTable } from "./runs.ts";
import type { Segment, SegmentTable } from "./segments.ts";

export interface SweepParts {
  readonly segment: Segment;
  readonly segments: SegmentTable;
  readonly runs: RunTable;
  readonly sliceRows: number;
  /** Null: the whole segment goes. Else only rows whose last seq is below it. */
  readonly below: number | null;
  done(): void;
}

export class SweepJob implements Job {
  readonly point;
  readonly #parts: SweepParts;
  #after: bigint;
  #reached: bigint | null;

  constructor(parts: SweepParts) {
    this.#parts = parts;
    this.point = parts.below === null ? ("journal.merge_slice" as const) : ("journal.retention_slice" as const);
    this.#after = beforeSegment(parts.segment);
    this.#reached = this.#after;
  }

  step(): boolean {
    const { runs, segment, segments, sliceRows, below } = this.#parts;
    this.#reached = runs.remove(segment, this.#after, sliceRows, below);
    if (this.#reached === null && below === null) segments.remove(segment.id);
    return this.#reached === null;
  }

  committed(last: boolean): void {
    if (last) this.#parts.done();
    else this.#after = this.#reached!;
  }

  failed(): void {
    this.#reached = this.#after;
  }
}
