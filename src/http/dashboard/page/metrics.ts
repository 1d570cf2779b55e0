/** The gateway's metrics over the last minutes: rates and quantiles from differences of its counters. Pure. */

/** What one look at /metrics says. */
export interface Sample {
  /** Records stored and acknowledged frames since the gateway started. */
  readonly stored: number;
  readonly acked: number;
  readonly connections: number;
  readonly takeovers: number;
  /** Upper bounds in seconds, rising, and how many acknowledgements took at most that. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

const LINE = /^(berth_[a-z_]+)(?:\{([^}]*)\})? (\S+)/;

export function parseMetrics(text: string): Sample {
  const bounds: number[] = [];
  const counts: number[] = [];
  const sample = { stored: 0, acked: 0, connections: 0, takeovers: 0 };
  for (const line of text.split("\n")) {
    if (!line.startsWith("berth_")) continue;
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === "berth_records_total" && labels.includes('"stored"')) sample.stored = Number(value);
    else if (name === "berth_connections") sample.connections = Number(value);
    else if (name === "berth_takeovers_total" && labels.includes('"admitted"')) sample.takeovers += Number(value);
    else if (name === "berth_ack_seconds_count") sample.acked = Number(value);
    else if (name === "berth_ack_seconds_bucket") {
      const bound = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
      bounds.push(bound === "+Inf" ? Infinity : Number(bound));
      counts.push(Number(value));
    }
  }
  return { ...sample, bounds, counts };
}

/** Seconds that `share` (0-1) of what came between two looks stayed within; null when nothing came. As Prometheus does it. */
export function quantile(share: number, before: Sample | null, now: Sample): number | null {
  const counts = now.counts.map((count, i) => count - (before?.counts[i] ?? 0));
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  const at = counts.findIndex((count) => count >= rank);
  const below = at > 0 ? now.bounds[at - 1]! : 0;
  const bound = now.bounds[at]!;
  // Beyond the last bound nothing is known but that it is beyond.
  if (bound === Infinity) return below;
  const under = at > 0 ? counts[at - 1]! : 0;
  return below + (bound - below) * ((rank - under) / (counts[at]! - under));
}

/** Ten minutes at one look a second. */
const KEPT = 600;
/** Quantiles are of this many looks: a second alone has too few frames in a small fleet. */
const QUANTILE_LOOKS = 10;

type Column = (number | null)[];

export class Series {
  /** Seconds since 1970, then a row of values at each; null where nothing is known. */
  readonly times: number[] = [];
  readonly rate: Column = [];
  readonly p50: Column = [];
  readonly p99: Column = [];
  #looks: { readonly at: number; readonly sample: Sample }[] = [];
  last: Sample | null = null;

  /** `at`: ms. */
  push(at: number, sample: Sample): void {
    // A gateway that started again counts from 0.
    if (this.last !== null && (sample.stored < this.last.stored || sample.acked < this.last.acked)) {
      this.#looks = [];
      this.#row(at, null, null, null);
    }
    const before = this.#looks.at(-1);
    this.#looks.push({ at, sample });
    if (this.#looks.length > QUANTILE_LOOKS + 1) this.#looks.shift();
    this.last = sample;
    if (before === undefined) return;
    const seconds = (at - before.at) / 1000;
    const rate = seconds > 0 ? (sample.stored - before.sample.stored) / seconds : null;
    const [oldest] = this.#looks;
    this.#row(at, rate, quantile(0.5, oldest!.sample, sample), quantile(0.99, oldest!.sample, sample));
  }

  /** The gateway could not be asked. */
  gap(at: number): void {
    this.#looks = [];
    this.#row(at, null, null, null);
  }

  #row(at: number, rate: number | null, p50: number | null, p99: number | null): void {
    this.times.push(at / 1000);
    this.rate.push(rate);
    this.p50.push(p50);
    this.p99.push(p99);
    if (this.times.length <= KEPT) return;
    for (const column of [this.times, this.rate, this.p50, this.p99]) column.shift();
  }
}
