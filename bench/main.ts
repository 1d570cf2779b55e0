/**
 * Every benchmark, one after another in one thread. The table goes to standard output.
 *
 *   npm run bench -- [--short] [--only crc,parse,ring,registry,journal,sse] [--json FILE]
 *
 * --short ends within a minute and is what CI runs; --json writes what bench/compare.ts compares.
 */
import { parseArgs } from "node:util";
import { choosePlatform } from "../src/platform/choose.ts";
import type { Platform } from "../src/platform/port.ts";
import { VERSION } from "../src/base/version.ts";
import { crcSuite } from "./crc.bench.ts";
import { journalSuite } from "./journal.bench.ts";
import { parseSuite } from "./parse.bench.ts";
import { registrySuite } from "./registry.bench.ts";
import { type Report, resultTable } from "./report.ts";
import { ringSuite } from "./ring.bench.ts";
import { sseSuite } from "./sse.bench.ts";
import { type Result, runSuite } from "./suite.ts";

const platform: Platform = await choosePlatform();
const { values } = parseArgs({
  args: [...platform.args],
  options: { short: { type: "boolean", default: false }, only: { type: "string" }, json: { type: "string" } },
});

const suites = {
  crc: crcSuite,
  parse: parseSuite,
  ring: ringSuite,
  registry: registrySuite,
  journal: () => journalSuite(platform),
  sse: sseSuite,
} as const;
const wanted = values.only?.split(",") ?? Object.keys(suites);
const unknown = wanted.find((name) => !Object.hasOwn(suites, name));
if (unknown !== undefined) {
  platform.writeErr(`Cannot run suite "${unknown}": expected ${Object.keys(suites).join(", ")}\n`);
  platform.exit(2);
}

const results: Result[] = [];
for (const name of wanted) {
  const suite = suites[name as keyof typeof suites]();
  try {
    results.push(...await runSuite(suite, values.short));
  } finally {
    suite.end?.();
  }
}
platform.writeOut(resultTable(results));
if (values.json !== undefined) {
  const { navigator } = globalThis as { navigator?: { userAgent?: string } };
  const report: Report = {
    at: new Date(platform.clock.wall()).toISOString(),
    mode: values.short ? "short" : "whole",
    version: VERSION,
    runtime: navigator?.userAgent ?? platform.name,
    cores: platform.cores(),
    results,
  };
  platform.writeText(values.json, `${JSON.stringify(report, null, 1)}\n`);
}
