/**
 * Which slice comes next between two commits: flush, retention, sweep, merge. Journal thread. A flush goes first and may
 * overtake a merge under way; retention is looked at before every other slice.
 */
import type { RetentionWish } from "./retention_job.ts";
import { asSeq } from "../base/brand.ts";
import { FlushJob } from "./flush_job.ts";
import type { Job } from "./job.ts";
import type { Journal } from "./journal.ts";
import { MergeJob } from "./merge_job.ts";
import { RetentionJob } from "./retention_job.ts";
import { MAX_LEVEL, MAX_PART, MAX_SEGMENT } from "./run_key.ts";
import { RUN_REFS, RunWriter } from "./run_refs.ts";
import { type Segment, SegmentState } from "./segments.ts";
import type { SqlFailure } from "./sql_error.ts";
import { SweepJob } from "./sweep_job.ts";

/** A segment's rows below the oldest seq are deleted when this part of it has expired since the last time. */
const TRIM_PART = 4;
/** 8 MiB a slice. */
const VACUUM_PAGES = 1024;

export interface Slice {
  readonly point: Job["point"];
  readonly failure: SqlFailure | null;
}

export class Upkeep {
  /** Bytes of log bodies deleted since it was last set to 0. */
  trimmedBytes = 0;
  readonly #journal: Journal;
  readonly #retention: RetentionJob;
  readonly #writer = new RunWriter();
  #wish: RetentionWish = { before: 0, excessBytes: 0 };
  #vacuum = false;
  #flush: FlushJob | null = null;
  #other: Job | null = null;
  #lastId: number;
  /** Oldest seq at the last trim, per segment id. */
  readonly #trimmed = new Map<number, number>();
  /** Segments and oldest seq of which nothing was due: a turn of the loop that changed neither need not look again. */
  #quietWith: readonly Segment[] | null = null;
  #quietAt = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#lastId = journal.allSegments.reduce((most, s) => Math.max(most, s.id), 0);
    this.#retention = new RetentionJob({
      db: journal.db,
      limits: journal.limits,
      wish: () => this.#wish,
      flushed: () => journal.flushed,
      nextSeq: () => journal.nextSeq,
      trimmed: (oldest, bytes) => {
        journal.trimmed(oldest);
        this.trimmedBytes += bytes;
        this.#wish = { before: this.#wish.before, excessBytes: Math.max(0, this.#wish.excessBytes - bytes) };
      },
      released: (held, bytes) => journal.quarantine.trimmed(held, bytes),
    });
  }

  /** What retention shall reach, and whether free pages shall go back to the disk; the caller looks at both now and then. */
  wish(wish: RetentionWish, vacuum: boolean): void {
    this.#wish = wish;
    this.#vacuum = vacuum;
  }

  /** How many thresholds full the live tail is: above 1, slices must come faster than commits. */
  fullness(): number {
    const { tails: { live }, limits } = this.#journal;
    return Math.max(live.refs.count / limits.flushFrames, live.bytes / limits.flushBytes);
  }

  /** Does the next slice of a flush wait? */
  get flushing(): boolean {
    return this.#flush !== null;
  }

  /** Would `round` freeze the tail now? It must not hold what may not be shown yet. */
  freezesNext(nowMs: number): boolean {
    return this.#flush === null && this.#flushDue(nowMs, false);
  }

  /** One slice, when one is due. `flushNow`: a clean stop flushes whatever there is. */
  round(nowMs: number, flushNow = false): Slice | null {
    const job = this.#next(nowMs, flushNow);
    if (job === null) return null;
    let last = false;
    const failure = this.#journal.transaction(() => {
      last = job.step();
    }, job.point);
    if (failure === null) job.committed(last);
    else job.failed();
    return { point: job.point, failure };
  }

  #next(nowMs: number, flushNow: boolean): Job | null {
    if (this.#flush !== null) return this.#flush;
    if (this.#retention.due()) return this.#retention;
    if (this.#flushDue(nowMs, flushNow)) return this.#freeze();
    this.#other ??= this.#fromSegments() ?? this.#giveBack();
    return this.#other;
  }

  #fromSegments(): Job | null {
    const { allSegments, oldest } = this.#journal;
    if (allSegments === this.#quietWith && oldest === this.#quietAt) return null;
    const job = this.#sweep() ?? this.#merge() ?? this.#trim();
    this.#quietWith = job === null ? allSegments : null;
    this.#quietAt = oldest;
    return job;
  }

  #flushDue(nowMs: number, flushNow: boolean): boolean {
    const { tails: { live }, limits } = this.#journal;
    if (live.refs.count === 0) return false;
    if (flushNow || this.fullness() >= 1 || nowMs - live.oldestAt >= limits.flushAgeMs) return true;
    const rests = live.bytes >= limits.flushRestBytes && nowMs - live.newestAt >= limits.flushRestMs;
    return rests || this.#retention.needsFlush(live.bytes);
  }

  #freeze(): FlushJob {
    const journal = this.#journal;
    const frozen = journal.tails.freeze();
    const { refs } = frozen;
    let minTime = Infinity;
    let maxTime = -Infinity;
    for (let i = 0; i < refs.count; i++) {
      if (refs.min[i]! < minTime) minTime = refs.min[i]!;
      if (refs.max[i]! > maxTime) maxTime = refs.max[i]!;
    }
    const state = SegmentState.building;
    const segment = {
      id: this.#newId(),
      level: 0,
      state,
      firstSeq: frozen.rowSeqs[0]!,
      lastSeq: journal.nextSeq - 1,
      minTime,
      maxTime,
      entries: refs.count,
    };
    this.#flush = new FlushJob({
      frozen,
      segment,
      segments: journal.segmentTable,
      runs: journal.runs,
      devices: journal.deviceTable,
      fold: journal.fold,
      ledger: journal.ledger,
      sliceRows: journal.limits.sliceRows,
      sliceBytes: journal.limits.sliceBytes,
      committed: () => asSeq(journal.nextSeq - 1),
      done: () => {
        journal.tails.flushed();
        this.#flush = null;
        journal.reloadSegments();
      },
    });
    return this.#flush;
  }

  /** Dead segments, those a crash left unfinished, and those wholly below the oldest seq. */
  #sweep(): Job | null {
    const journal = this.#journal;
    const gone = journal.allSegments.find((s) => s.state !== SegmentState.complete || s.lastSeq < journal.oldest);
    return gone === undefined ? null : this.#sweepOf(gone, null);
  }

  #sweepOf(segment: Segment, below: number | null): Job {
    const journal = this.#journal;
    return new SweepJob({
      segment,
      segments: journal.segmentTable,
      runs: journal.runs,
      sliceRows: journal.limits.sliceRows,
      below,
      done: () => {
        this.#other = null;
        this.#trimmed.set(segment.id, journal.oldest);
        if (below === null) this.#trimmed.delete(segment.id);
        journal.reloadSegments();
      },
    });
  }

  #merge(): Job | null {
    const journal = this.#journal;
    const sources = this.#mergeable();
    if (sources === null) return null;
    const first = sources[0]!;
    const last = sources[sources.length - 1]!;
    const target: Segment = {
      id: this.#newId(),
      level: Math.min(first.level + 1, MAX_LEVEL),
      state: SegmentState.building,
      firstSeq: first.firstSeq,
      lastSeq: last.lastSeq,
      minTime: Math.min(...sources.map((s) => s.minTime)),
      maxTime: Math.max(...sources.map((s) => s.maxTime)),
      entries: sources.reduce((sum, s) => sum + s.entries, 0),
    };
    return new MergeJob({
      sources,
      target,
      segments: journal.segmentTable,
      runs: journal.runs,
      writer: this.#writer,
      sliceRows: journal.limits.sliceRows,
      sliceBytes: journal.limits.sliceBytes,
      oldest: () => journal.oldest,
      done: () => {
        this.#other = null;
        journal.reloadSegments();
      },
    });
  }

  /** The oldest segments of the lowest level that has enough of them; not when one device could have too many references. */
  #mergeable(): Segment[] | null {
    const { segments, limits } = this.#journal;
    for (let level = 0; level <= MAX_LEVEL; level++) {
      const sources = segments.filter((s) => s.level === level).slice(0, limits.mergeFanIn);
      if (sources.length < limits.mergeFanIn) continue;
      if (sources.reduce((sum, s) => sum + s.entries, 0) <= MAX_PART * RUN_REFS) return sources;
    }
    return null;
  }

  #trim(): Job | null {
    const { segments, oldest } = this.#journal;
    for (const s of segments) {
      const from = Math.max(this.#trimmed.get(s.id) ?? 0, s.firstSeq);
      if (oldest <= from || oldest - from < (s.lastSeq - s.firstSeq + 1) / TRIM_PART) continue;
      return this.#sweepOf(s, oldest);
    }
    return null;
  }

  /** Pages freed inside the file go back to the disk, a few at a time. */
  #giveBack(): Job | null {
    if (!this.#vacuum) return null;
    this.#vacuum = false;
    const statement = this.#journal.db.prepare(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    return {
      point: "journal.retention_slice",
      step: () => {
        statement.all();
        return true;
      },
      committed: () => {
        this.#other = null;
      },
      failed: () => {
        this.#other = null;
      },
    };
  }

  #newId(): number {
    const used = new Set(this.#journal.allSegments.map((s) => s.id));
    do this.#lastId = (this.#lastId % MAX_SEGMENT) + 1; while (used.has(this.#lastId));
    return this.#lastId;
  }
}
