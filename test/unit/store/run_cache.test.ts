/** The run rows kept in memory for comparing. */
import { expect, test } from "bun:test";
import { RunCache } from "../../../src/store/run_cache.ts";

const run = (bytes: number) => [{ firstSeq: 1, minTime: 0, maxTime: 1, refs: new Uint8Array(bytes) }];

test("runs are kept by segment and device, the first ones going beyond the bytes", () => {
  const cache = new RunCache(1000);
  cache.put({ id: 1 }, 1, run(300));
  cache.put({ id: 1 }, 2, []);
  cache.put({ id: 2 }, 1, run(200));
  expect([cache.get({ id: 1 }, 1)?.length, cache.get({ id: 1 }, 2)?.length, cache.get({ id: 2 }, 2)]).toEqual([1, 0, undefined]);
  cache.put({ id: 3 }, 1, run(300));
  expect([cache.get({ id: 1 }, 1), cache.get({ id: 1 }, 2)?.length, cache.get({ id: 3 }, 1)?.length]).toEqual([undefined, 0, 1]);
  cache.clear();
  expect(cache.get({ id: 3 }, 1)).toBe(undefined);
});
