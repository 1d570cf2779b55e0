/** A histogram's slots: a bucket holds what is above the bound before and not above its own. */
import { expect, test } from "bun:test";
import { Counters, createCounters } from "../../../src/telemetry/counters.ts";
import { Histogram } from "../../../src/telemetry/histogram.ts";
import { METRICS, slot } from "../../../src/telemetry/slots.ts";

test("values fall into their bucket, the sum and the count", () => {
  const counters = new Counters(createCounters(), 1);
  const histogram = new Histogram(counters, "berth_commit_batch_records");
  const { buckets } = METRICS.find((metric) => metric.name === "berth_commit_batch_records")!;
  for (const value of [0, 1, 2, 65_536, 65_537]) histogram.observe(value);
  const first = slot("berth_commit_batch_records");
  const values = Array.from({ length: buckets.length + 3 }, (_, i) => counters.get(first + i));
  expect(values).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 131_076, 5]);
});

test("a metric of another type is a broken invariant", () => {
  expect(() => new Histogram(new Counters(createCounters(), 0), "berth_pings_total")).toThrow("berth_pings_total is not a histogram");
});
