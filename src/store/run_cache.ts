/**
 * Run rows the journal compared with lately, in memory up to a number of bytes: a device that sends again sends many frames. Of every
 * row of a device in a segment its times, so that one that is not met is not read; of those that were, the references too. Pure.
 * Segments never change; when the live ones do, the cache is emptied.
 */
import type { RunTimes } from "./run_times.ts";
import type { Segment } from "./segments.ts";

/** One run row. Times: an empty range when it refers to events only. */
export interface CachedRun {
  readonly part: number;
  readonly firstSeq: number;
  readonly minTime: number;
  readonly maxTime: number;
  /** Its references, while they are kept. */
  times: RunTimes | null;
}

/** What is known of a device in a segment costs this, and each of its rows as much again. */
const ENTRY_BYTES = 128;
/** Device numbers are below this. */
const DEVICES = 1 << 22;

export class RunCache {
  readonly #most: number;
  readonly #runs = new Map<number, readonly CachedRun[]>();
  /** Those with references, the first ones loaded first. */
  readonly #loaded = new Set<CachedRun>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get(segment: Pick<Segment, "id">, device: number): readonly CachedRun[] | undefined {
    return this.#runs.get(segment.id * DEVICES + device);
  }

  put(segment: Pick<Segment, "id">, device: number, runs: readonly CachedRun[]): void {
    this.#runs.set(segment.id * DEVICES + device, runs);
    this.#bytes += sizeOf(runs);
    for (const [key, oldest] of this.#runs) {
      if (this.#bytes <= this.#most || oldest === runs) break;
      this.#runs.delete(key);
      this.#bytes -= sizeOf(oldest);
      for (const run of oldest) this.#unload(run);
    }
  }

  /** Keeps the references of a row that `get` gave. */
  load(run: CachedRun, times: RunTimes): void {
    run.times = times;
    this.#loaded.add(run);
    this.#bytes += times.bytes;
    for (const oldest of this.#loaded) {
      if (this.#bytes <= this.#most || oldest === run) break;
      this.#unload(oldest);
    }
  }

  clear(): void {
    this.#runs.clear();
    this.#loaded.clear();
    this.#bytes = 0;
  }

  #unload(run: CachedRun): void {
    if (!this.#loaded.delete(run)) return;
    this.#bytes -= run.times!.bytes;
    run.times = null;
  }
}

const sizeOf = (runs: readonly CachedRun[]): number => ENTRY_BYTES * (1 + runs.length);
