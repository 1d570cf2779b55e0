/**
 * Counters of all threads in one shared array: a block of slots per thread, each slot written by that thread only, summed
 * by the http thread at scrape. Aligned 8-byte stores do not tear on the machines Berth runs on.
 */
import { MAX_THREADS } from "../wire/board.ts";
import { SLOT_COUNT } from "./slots.ts";

const BLOCK = (SLOT_COUNT + 7) & ~7;

export const createCounters = (): SharedArrayBuffer => new SharedArrayBuffer(BLOCK * MAX_THREADS * 8);

/** One thread's block. */
export class Counters {
  readonly #values: Float64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#values = new Float64Array(memory, thread * BLOCK * 8, BLOCK);
  }

  add(slot: number, by = 1): void {
    this.#values[slot]! += by;
  }
  set(slot: number, value: number): void {
    this.#values[slot] = value;
  }
  get(slot: number): number {
    return this.#values[slot]!;
  }
}

/** The sum of a slot over all threads. */
export function sumOf(memory: SharedArrayBuffer, slot: number): number {
  const values = new Float64Array(memory);
  let sum = 0;
  for (let thread = 0; thread < MAX_THREADS; thread++) sum += values[thread * BLOCK + slot]!;
  return sum;
}
