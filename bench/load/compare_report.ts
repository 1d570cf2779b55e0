/** What a comparison gives: its result format, medians and ratios, and the tables. Pure. */

/** One run of one server under one load. */
export interface Run {
  readonly framesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Cores the generator itself took: near its number of threads, it is what was measured. */
  readonly generatorCores: number;
  /** Bytes the server had written to the disk. */
  readonly writtenMiB: number;
}

export interface LoadShape {
  readonly name: string;
  readonly trackers: number;
  readonly window: number;
  readonly records: number;
  /** Frames per second in all; 0: as fast as they are answered. */
  readonly rate: number;
}

export interface LoadRuns extends LoadShape {
  /** By server, in the order they ran. */
  readonly servers: Readonly<Record<string, readonly Run[]>>;
}

/** The JSON file of `compare.ts --json`. Ratios are of medians, the first server's over each other's. */
export interface Comparison {
  readonly cores: number;
  readonly kernel: string;
  readonly at: string;
  readonly codecWorkers: number;
  readonly generatorThreads: number;
  readonly runs: number;
  readonly loads: readonly LoadRuns[];
  readonly ratios: readonly Ratio[];
}

export interface Ratio {
  readonly load: string;
  readonly of: string;
  readonly to: string;
  readonly framesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const medianOf = (runs: readonly Run[], of: (run: Run) => number): number => median(runs.map(of));

/** Of every load: the first server against each other one. */
export function ratios(loads: readonly LoadRuns[]): Ratio[] {
  const all: Ratio[] = [];
  for (const { name, servers } of loads) {
    const [first, ...others] = Object.entries(servers);
    if (first === undefined) continue;
    for (const [to, runs] of others) {
      const ratio = (of: (run: Run) => number): number => medianOf(first[1], of) / medianOf(runs, of);
      all.push({
        load: name,
        of: first[0],
        to,
        framesPerSecond: ratio((run) => run.framesPerSecond),
        p50: ratio((run) => run.p50Ms),
        p99: ratio((run) => run.p99Ms),
      });
    }
  }
  return all;
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const thousands = (value: number): string => Math.round(value).toLocaleString("en-US");
const range = (runs: readonly Run[], of: (run: Run) => number, text: (value: number) => string): string =>
  `${text(medianOf(runs, of))} (${text(Math.min(...runs.map(of)))}-${text(Math.max(...runs.map(of)))})`;
const ms = (value: number): string => value.toFixed(value < 1 ? 3 : 1);

/** Two tables: medians with lowest and highest, and the ratios. */
export function markdown(comparison: Comparison): string {
  const lines = [
    row(["load", "server", "frames/s", "p50 ms", "p99 ms", "generator, cores", "written, MiB"]),
    row(Array<string>(7).fill("---")),
  ];
  for (const { name, servers } of comparison.loads) {
    for (const [server, runs] of Object.entries(servers)) {
      lines.push(row([
        name,
        server,
        range(runs, (run) => run.framesPerSecond, thousands),
        range(runs, (run) => run.p50Ms, ms),
        range(runs, (run) => run.p99Ms, ms),
        medianOf(runs, (run) => run.generatorCores).toFixed(2),
        thousands(medianOf(runs, (run) => run.writtenMiB)),
      ]));
    }
  }
  lines.push("", row(["load", "ratio", "frames/s", "p50", "p99"]), row(Array<string>(5).fill("---")));
  for (const ratio of comparison.ratios) {
    const values = [ratio.framesPerSecond, ratio.p50, ratio.p99].map((value) => value.toFixed(2));
    lines.push(row([ratio.load, `${ratio.of} / ${ratio.to}`, ...values]));
  }
  return `${lines.join("\n")}\n`;
}
