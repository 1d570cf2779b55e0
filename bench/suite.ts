/** What a benchmark is, and how one is measured: mitata's `measure`, its samples turned into nanoseconds per unit of work. */
import { measure } from "mitata";

export interface Case {
  readonly name: string;
  /** What one unit of work is, and how many of them a call of `run` does. */
  readonly unit: string;
  readonly units: number;
  /** Bytes of input a call works through, where a rate says something. */
  readonly bytes?: number;
  /** Another case of the suite, measured in the same run, that this one is compared with. */
  readonly against?: string;
  /** Before each call, and not measured; `run` is given what it makes. */
  prepare?(): unknown;
  /** Bound on the calls measured, where a call writes to a disk: in the short mode, and in the whole one. */
  readonly calls?: readonly [short: number, whole: number];
  run(prepared?: unknown): unknown;
}

export interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
  /** Removes what the suite made. */
  end?(): void;
}

/** Nanoseconds per unit of work over the samples mitata kept. */
export interface Result {
  readonly suite: string;
  readonly name: string;
  readonly unit: string;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p99: number;
  readonly samples: number;
  readonly mebibytesPerSecond: number | null;
  /** How many times as fast as the case it is compared with, by medians of this run. */
  readonly against: { readonly name: string; readonly timesAsFast: number } | null;
}

const SHORT_NS = 40e6;
const WHOLE_NS = 642e6;

export async function runSuite(suite: Suite, short: boolean): Promise<Result[]> {
  const results: Result[] = [];
  for (const each of suite.cases) {
    const stats = await measured(each, short);
    const per = (ns: number): number => ns / each.units;
    const other = results.find(({ name }) => name === each.against);
    results.push({
      suite: suite.name,
      name: each.name,
      unit: each.unit,
      p25: per(stats.p25),
      p50: per(stats.p50),
      p75: per(stats.p75),
      p99: per(stats.p99),
      samples: stats.samples.length,
      mebibytesPerSecond: each.bytes === undefined ? null : each.bytes / stats.p50 * 1e9 / (1 << 20),
      against: other === undefined ? null : { name: other.name, timesAsFast: other.p50 / per(stats.p50) },
    });
  }
  return results;
}

function measured(each: Case, short: boolean): ReturnType<typeof measure> {
  const options = {
    min_cpu_time: short ? SHORT_NS : WHOLE_NS,
    ...(each.calls === undefined ? {} : { max_samples: each.calls[short ? 0 : 1] }),
  };
  if (each.prepare === undefined) return measure(() => each.run(), options);
  // mitata makes a call's parameters before it measures the call: as many as the call declares.
  return measure(function* () {
    yield { 0: () => each.prepare!(), bench: (prepared: unknown): unknown => each.run(prepared) };
  }, options);
}
