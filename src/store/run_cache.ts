/**
 * Run rows the journal compared with lately, by segment and device, in memory up to a number of bytes: a device that sends
 * again sends many frames. Pure. Segments never change; when the live ones do, the cache is emptied.
 */
import type { Segment } from "./segments.ts";

/** One run row. Times: null when it refers to events only. */
export interface CachedRun {
  readonly firstSeq: number;
  readonly minTime: number;
  readonly maxTime: number;
  readonly refs: Uint8Array;
}

/** What an entry costs beside its references. */
const ENTRY_BYTES = 128;
/** Device numbers are below this. */
const DEVICES = 1 << 22;

export class RunCache {
  readonly #most: number;
  readonly #runs = new Map<number, readonly CachedRun[]>();
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
      if (this.#bytes <= this.#most) break;
      this.#runs.delete(key);
      this.#bytes -= sizeOf(oldest);
    }
  }

  clear(): void {
    this.#runs.clear();
    this.#bytes = 0;
  }
}

const sizeOf = (runs: readonly CachedRun[]): number => runs.reduce((bytes, run) => bytes + run.refs.length, ENTRY_BYTES);
