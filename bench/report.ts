/** A run as JSON and as a table; and two runs side by side. */
import type { Result } from "./suite.ts";

export interface Report {
  readonly at: string;
  readonly mode: "short" | "whole";
  readonly version: string;
  readonly runtime: string;
  readonly cores: number;
  readonly results: readonly Result[];
}

const shown = (ns: number): string =>
  ns < 1000 ? `${ns.toFixed(1)} ns` : ns < 1e6 ? `${(ns / 1000).toFixed(2)} µs` : `${(ns / 1e6).toFixed(2)} ms`;

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ").trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}

/** Medians, spread and rates of one run. */
export function resultTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.suite,
    result.name,
    shown(result.p50),
    result.unit,
    `${shown(result.p25)}-${shown(result.p75)}`,
    shown(result.p99),
    result.mebibytesPerSecond === null ? "" : `${result.mebibytesPerSecond.toFixed(0)} MiB/s`,
    result.against === null ? "" : `${result.against.timesAsFast.toFixed(2)} × ${result.against.name}`,
  ]);
  return table([["suite", "case", "median", "per", "middle half", "p99", "rate", "compared in this run"], ...rows]);
}

/** Times of `report` divided by those of `baseline`: below 1 is faster. They mean something on one machine and mode only. */
export function comparison(report: Report, baseline: Report): string {
  const described = ({ at, mode, runtime, cores }: Report): string => `${at}, ${mode}, ${runtime}, ${cores} cores`;
  const rows = report.results.map((result) => {
    const old = baseline.results.find((each) => each.suite === result.suite && each.name === result.name);
    return [
      result.suite,
      result.name,
      shown(result.p50),
      old === undefined ? "new" : shown(old.p50),
      old === undefined ? "" : (result.p50 / old.p50).toFixed(2),
    ];
  });
  return `report   ${described(report)}\nbaseline ${described(baseline)}\n\n${
    table([["suite", "case", "median", "baseline", "ratio"], ...rows])
  }`;
}
