/** The run rows kept in memory for comparing. */
import { expect, test } from "bun:test";
import { type CachedRun, RunCache } from "../../../src/store/run_cache.ts";
import { RunWriter } from "../../../src/store/run_refs.ts";
import { RunTimes } from "../../../src/store/run_times.ts";

const run = (): CachedRun => ({ part: 0, firstSeq: 1, minTime: 0, maxTime: 1, times: null });
/** References to `count` frames: 46 bytes each. */
function times(count: number): RunTimes {
  const writer = new RunWriter();
  for (let i = 0; i < count; i++) writer.add(i + 1, 1, 0, i, i);
  return new RunTimes(1, writer.bytes());
}

test("rows are kept by segment and device, the first ones going beyond the bytes with their references", () => {
  const cache = new RunCache(2000);
  const first = [run()];
  cache.put({ id: 1 }, 1, first);
  cache.load(first[0]!, times(10));
  cache.put({ id: 1 }, 2, []);
  cache.put({ id: 2 }, 1, [run()]);
  expect([cache.get({ id: 1 }, 1)?.[0]?.times?.refs.count, cache.get({ id: 1 }, 2)?.length, cache.get({ id: 2 }, 2)]).toEqual([
    10,
    0,
    undefined,
  ]);
  cache.put({ id: 3 }, 1, Array.from({ length: 7 }, run));
  expect([cache.get({ id: 1 }, 1), cache.get({ id: 1 }, 2)?.length, cache.get({ id: 3 }, 1)?.length]).toEqual([undefined, 0, 7]);
  expect(first[0]!.times).toBeNull();
  cache.clear();
  expect(cache.get({ id: 3 }, 1)).toBe(undefined);
});

test("references go before the times of rows, those loaded first before others, and never those just loaded", () => {
  const cache = new RunCache(3000);
  const rows = [run(), run(), run()];
  cache.put({ id: 1 }, 1, rows);
  for (const row of rows) cache.load(row, times(20));
  expect(rows.map((row) => row.times !== null)).toEqual([false, true, true]);
  cache.load(rows[0]!, times(1000));
  expect(rows.map((row) => row.times !== null)).toEqual([true, false, false]);
  expect(cache.get({ id: 1 }, 1)).toBe(rows);
});
