/** Readers that take nothing cost their bound and nothing else; bench/load/stalled.ts does the same with 200 of them. */
import { afterAll, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { stalledRun } from "../support/stalled_run.ts";

afterAll(endEverything);

const MiB = 1024 * 1024;
const READERS = 20;
const PUBLISHED_BYTES = 20_000_000;
/** What may wait to be collected in a thread whose heap seems large to the runtime; see engine/leftovers.ts. */
const GARBAGE_BYTES = 128 * MiB;

test("stalled readers cost at most their bound, are not felt beside them, and have every event when they take again", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const outcome = await stalledRun(gateway, READERS, PUBLISHED_BYTES, true);
  // What the same costs without them is not theirs. Without a bound they would cost what was published as many times.
  expect(outcome.grownBytes).toBeLessThanOrEqual(outcome.ownBytes + READERS * MiB * 1.1 + 32 * MiB + GARBAGE_BYTES);
  expect(outcome.peakBytes).toBeGreaterThan(0);
  expect(outcome.peakBytes).toBeLessThanOrEqual(MiB);
  expect(outcome.whole).toBe(READERS);
  expect((await gateway.stop()).code).toBe(0);
}, 240_000);
