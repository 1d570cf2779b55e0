/** What a comparison with the floor computes from its runs. */
import { describe, expect, test } from "bun:test";
import { type Comparison, type LoadRuns, markdown, median, ratios, type Run } from "../../../bench/load/compare_report.ts";

const run = (framesPerSecond: number, p50Ms = 1, p99Ms = 2): Run => ({
  framesPerSecond,
  p50Ms,
  p99Ms,
  generatorCores: 0.5,
  writtenMiB: 10,
});

const load = (servers: LoadRuns["servers"]): LoadRuns => ({ name: "fleet", trackers: 1000, window: 1, records: 4, rate: 0, servers });

const comparison = (loads: readonly LoadRuns[]): Comparison => ({
  cores: 4,
  kernel: "6",
  at: "2026-01-01T00:00:00.000Z",
  codecWorkers: 3,
  generatorThreads: 2,
  runs: 3,
  loads,
  ratios: ratios(loads),
});

describe("median", () => {
  test("median is the middle value, whatever the order", () => expect(median([9, 1, 5])).toBe(5));
  test("median of an even number is between the middle two", () => expect(median([4, 1, 3, 2])).toBe(2.5));
  test("median of nothing is no number", () => expect(median([])).toBeNaN());
});

describe("ratios", () => {
  test("ratios put the first server's medians over each other's", () => {
    const all = ratios([load({ berth: [run(80), run(100, 3), run(90, 3, 9)], durable: [run(200)], floor: [run(300, 6)] })]);
    expect(all.map(({ of, to }) => `${of} / ${to}`)).toEqual(["berth / durable", "berth / floor"]);
    expect(all[0]).toMatchObject({ load: "fleet", framesPerSecond: 0.45, p50: 3, p99: 1 });
    expect(all[1]).toMatchObject({ framesPerSecond: 0.3, p50: 0.5 });
  });

  test("ratios of one server alone are none", () => expect(ratios([load({ berth: [run(1)] }), load({})])).toEqual([]));
});

describe("markdown", () => {
  test("markdown shows median, lowest and highest of each server, then the ratios", () => {
    const text = markdown(comparison([load({ berth: [run(1000, 0.5), run(3000, 0.25), run(2000, 12)], durable: [run(4000)] })]));
    expect(text).toContain("| fleet | berth | 2,000 (1,000-3,000) | 0.500 (0.250-12.0) | 2.0 (2.0-2.0) | 0.50 | 10 |");
    expect(text).toContain("| fleet | berth / durable | 0.50 | 0.50 | 1.00 |");
  });

  test("markdown rows have as many cells as their heads", () => {
    const tables = markdown(comparison([load({ berth: [run(1)], durable: [run(2)] })])).trim().split("\n\n");
    for (const table of tables) expect(new Set(table.split("\n").map((line) => line.split("|").length)).size).toBe(1);
    expect(tables).toHaveLength(2);
  });
});
