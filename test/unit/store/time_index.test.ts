/** Finding entries in memory by record time, beside a look at each. */
import { expect, test } from "bun:test";
import { prng } from "../../../src/base/prng.ts";
import { EntryRefs } from "../../../src/store/entry_refs.ts";

const HOUR = 3_600_000;

test("frames are found by time as a look at each would, whatever their order and span", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = prng(seed);
    const refs = new EntryRefs();
    for (let i = 0; i < 1500; i++) {
      const device = 1 + random.below(3);
      if (random.chance(0.1)) refs.push(device, 0, i, i, Infinity, -Infinity);
      else {
        const min = random.below(100 * HOUR);
        refs.push(device, 0, i, i, min, min + (random.chance(0.1) ? random.below(50 * HOUR) : random.below(HOUR)));
      }
      if (!random.chance(0.05)) continue;
      const lo = random.below(110 * HOUR);
      const hi = lo + random.below(2 * HOUR);
      const found: number[] = [];
      refs.overlapping(device, lo, hi, found);
      const expected: number[] = [];
      for (let k = 0; k < refs.count; k++) if (refs.device[k] === device && refs.min[k]! <= hi && refs.max[k]! >= lo) expected.push(k);
      expect(found.toSorted((a, b) => a - b)).toEqual(expected);
    }
  }
});

test("cleared references are found no more, and their devices begin anew", () => {
  const refs = new EntryRefs();
  refs.push(7, 0, 0, 1, 5, 5);
  const found: number[] = [];
  refs.overlapping(7, 0, 10, found);
  refs.clear();
  expect([refs.first(7), refs.count, refs.devices()]).toEqual([-1, 0, []]);
  refs.push(9, 0, 0, 1, 5, 5);
  refs.push(2, 0, 0, 2, 5, 5);
  refs.push(9, 0, 0, 3, 5, 5);
  expect(refs.devices()).toEqual([2, 9]);
  expect([refs.first(9), refs.next(0), refs.next(2), refs.first(1000)]).toEqual([0, 2, -1, -1]);
});
