/**
 * A histogram in a thread's counter block: one slot a bucket (values above the bound before and not above its own: the
 * exposition adds them up), then those beyond the last bound, the sum, the count.
 */
import { assert } from "../base/assert.ts";
import type { Counters } from "./counters.ts";
import { type Metric, type MetricName, METRICS, slot } from "./slots.ts";

export class Histogram {
  readonly #counters: Counters;
  readonly #bounds: Float64Array;
  readonly #first: number;

  constructor(counters: Counters, name: MetricName) {
    const metric: Metric | undefined = METRICS.find((each) => each.name === name);
    assert(metric?.type === "histogram", `${name} is not a histogram`);
    this.#counters = counters;
    this.#bounds = Float64Array.from(metric.buckets);
    this.#first = slot(name);
  }

  observe(value: number): void {
    const { length } = this.#bounds;
    let bucket = 0;
    while (bucket < length && value > this.#bounds[bucket]!) bucket++;
    this.#counters.add(this.#first + bucket);
    this.#counters.add(this.#first + length + 1, value);
    this.#counters.add(this.#first + length + 2);
  }
}
