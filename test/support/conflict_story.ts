/** Stories of takeovers on simulated time: claim after claim, and which of them raised an alarm. */
import { expect } from "bun:test";
import type { ConflictVerdict } from "../../src/wire/control.ts";
import { ConflictWorld, type From } from "./conflict_world.ts";

/** One claim of a story: after how long, from where, and what is heard of the one that loses the device by it. */
type Step = readonly [afterMs: number, from: From, heard: boolean | null];

export interface Story {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Which steps raised an alarm. */
  readonly alarms: readonly number[];
  readonly last: ConflictVerdict | null;
}

export const every = (ms: number, heard: boolean | null, ...from: From[]): Step[] => from.map((each) => [ms, each, heard]);
export const times = (count: number, ...from: From[]): From[] => Array.from({ length: count }, () => from).flat();

export function play({ steps, alarms, last }: Story): void {
  const world = new ConflictWorld();
  const told: number[] = [];
  let verdict: ConflictVerdict | null = null;
  steps.forEach(([afterMs, from, heard], i) => {
    const before = world.alarms.length;
    verdict = world.pass(afterMs).takes(from, heard);
    if (world.alarms.length > before) told.push(i);
  });
  expect(told).toEqual([...alarms]);
  expect(verdict).toBe(last as never);
}
