/**
 * The proofs with their full counts, one after the other: `npm run proof`. Everything here runs shorter somewhere in
 * `npm run ok`; a program that proves a figure adds itself to the list.
 *
 *   bun bench/load/proof.ts [--only NAME] [--list]
 *
 * Ends with 1 when any of them failed; all of them are run.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

interface Program {
  readonly name: string;
  /** What Bun runs. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const PROGRAMS: readonly Program[] = [
  { name: "simulation", args: ["test", "./test/sim"], env: { BERTH_SIM_SEEDS: "10000" } },
  { name: "kill9-fd", args: ["bench/load/kill9.ts", "--accept", "fd"] },
  { name: "kill9-reuseport", args: ["bench/load/kill9.ts", "--accept", "reuseport"] },
  { name: "durability", args: ["bench/load/durability.ts"] },
  { name: "wal", args: ["bench/load/wal.ts"] },
  { name: "newest-first", args: ["bench/load/newest_first.ts"] },
  { name: "dead-holders-fd", args: ["bench/load/dead_holders.ts", "--accept", "fd"] },
  { name: "dead-holders-reuseport", args: ["bench/load/dead_holders.ts", "--accept", "reuseport"] },
  { name: "peers", args: ["bench/load/peers.ts"] },
  { name: "commands", args: ["bench/load/commands.ts"] },
  { name: "stuck-holders", args: ["bench/load/stuck_holders.ts"] },
  { name: "exactly-once", args: ["test", "./test/prop/broker.test.ts"], env: { BERTH_BROKER_SEEDS: "20000" } },
  // Other cases each time, where the tests try the same ones: a failure says which.
  { name: "properties", args: ["test", "--timeout=60000", "./test/prop"], env: { BERTH_PROPERTY_SEED: String(Date.now() % 2 ** 31) } },
  { name: "stalled", args: ["bench/load/stalled.ts"] },
  { name: "idle", args: ["bench/load/idle.ts"] },
];

const ROOT = join(import.meta.dir, "..", "..");
const only = Bun.argv.includes("--only") ? Bun.argv[Bun.argv.indexOf("--only") + 1] : undefined;
const chosen = PROGRAMS.filter(({ name }) => only === undefined || name === only);

if (Bun.argv.includes("--list")) console.log(PROGRAMS.map(({ name, args }) => `${name}: bun ${args.join(" ")}`).join("\n"));
else if (chosen.length === 0) {
  console.error(`Cannot run ${only}: there is no such proof. Run: bun bench/load/proof.ts --list`);
  process.exitCode = 1;
} else {
  const outcomes = chosen.map(({ name, args, env }) => {
    console.log(`\n== ${name}: bun ${args.join(" ")}`);
    const began = performance.now();
    const { status } = spawnSync(process.execPath, [...args], { cwd: ROOT, stdio: "inherit", env: { ...process.env, ...env } });
    return { name, status, seconds: Math.round((performance.now() - began) / 1000) };
  });
  console.log(`\n${outcomes.map(({ name, status, seconds }) => `${status === 0 ? "holds" : "FAILS"}  ${name}, ${seconds} s`).join("\n")}`);
  process.exitCode = outcomes.every(({ status }) => status === 0) ? 0 : 1;
}
