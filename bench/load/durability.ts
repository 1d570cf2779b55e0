/**
 * The durability proofs with their counts: what was traced, how many crashes were rebuilt, what they had lost; then the
 * same for two mutants of the gateway, which must lose.
 *
 *   bun bench/load/durability.ts [frames per tracker = 60]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endEverything } from "../../test/support/gateway.ts";
import { cutCrashes } from "../../test/support/preload_crash.ts";
import { earlyAcks, tracedAcks } from "../../test/support/preload_proof.ts";
import { chosenCuts, databaseName, lossOf, type RunPlan, tracedRun } from "../../test/support/preload_run.ts";

const frames = Number(process.argv[2] ?? 60);
const MOST_CUTS = 2000;

/** Traces one run, rebuilds its crashes, prints the counts; returns how many proofs it broke. */
async function prove(name: string, plan: RunPlan, scratch: string): Promise<number> {
  const run = await tracedRun(plan);
  const acks = tracedAcks(run.calls, run.gatewayPort, run.frames);
  const store = databaseName(run.calls);
  const chosen = chosenCuts(run, MOST_CUTS);
  const counts = { crashes: 0, losing: 0, twice: 0, mostLost: 0 };
  for (const crash of cutCrashes(run.calls, run.readyAt)) {
    if (!chosen.has(crash.kept)) continue;
    const { lost, twice } = lossOf(scratch, crash, store, acks);
    counts.crashes++;
    counts.losing += lost > 0 ? 1 : 0;
    counts.twice += twice;
    counts.mostLost = Math.max(counts.mostLost, lost);
  }
  const of = (kind: string): number =>
    run.calls.filter((call) => call.kind === kind && (kind === "send" || call.name.endsWith("-wal"))).length;
  const early = earlyAcks(run.calls, acks).length;
  const line = {
    run: name,
    frames: run.frames.length,
    acks: acks.length,
    walWrites: of("write"),
    walSyncs: of("sync_ended"),
    sends: of("send"),
    early,
    ...counts,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return early + counts.losing + counts.twice;
}

const scratch = mkdtempSync(join(tmpdir(), "berth-cut-"));
try {
  const plan = { trackers: 8, frames, window: 4, syncUs: 1000 };
  const honest = await prove("berth", plan, scratch);
  const mutants = [
    await prove("mutant synchronous=OFF", { ...plan, frames: 6, faults: "journal.synchronous_off:fail" }, scratch),
    await prove("mutant ack before sync", { ...plan, frames: 6, faults: "journal.ack_before_sync:fail@1+", syncUs: 5000 }, scratch),
    await prove("mutant ack before commit", { ...plan, frames: 6, faults: "journal.ack_before_commit:fail@1+", syncUs: 5000 }, scratch),
  ];
  process.exitCode = honest === 0 && mutants.every((broken) => broken > 0) ? 0 : 1;
} finally {
  await endEverything();
  rmSync(scratch, { recursive: true, force: true });
}
