/**
 * The times of a report beside those of a baseline, as ratios. It tells, it does not judge: machines differ and no time
 * fails a build.
 *
 *   bun bench/compare.ts REPORT [BASELINE = bench/baseline.json]
 */
import { choosePlatform } from "../src/platform/choose.ts";
import type { Platform } from "../src/platform/port.ts";
import { comparison, type Report } from "./report.ts";

const platform: Platform = await choosePlatform();
const [report, baseline = `${import.meta.dirname}/baseline.json`] = platform.args;
const read = (path: string): Report => JSON.parse(platform.readText(path)) as Report;
if (report !== undefined) platform.writeOut(comparison(read(report), read(baseline)));
else {
  platform.writeErr("Usage: bun bench/compare.ts REPORT [BASELINE]\n");
  platform.exit(2);
}
