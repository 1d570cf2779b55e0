/**
 * The proof that "acknowledged" means "on the disk". kill -9 cannot show it, for the page cache survives a kill: a shim
 * under the gateway records every write, sync and send in order, and the disk after a power cut is rebuilt from that.
 * Two mutants of the gateway, one that never syncs and one that answers before its commit, must fail these proofs.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prng } from "../../src/base/prng.ts";
import { imeiOf } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { compiler } from "../support/preload.ts";
import { cutCrashes, looseCrash } from "../support/preload_crash.ts";
import { earlyAcks, type TracedAck, tracedAcks } from "../support/preload_proof.ts";
import { chosenCuts, databaseName, lossOf, spread, TINY, type TracedRun, tracedRun } from "../support/preload_run.ts";
import { allRecords } from "../support/rest.ts";

/** A sync takes long enough for the next frames to come meanwhile. */
const PLAN = { trackers: 6, frames: 60, window: 4, syncUs: 1000 };
/** Cuts looked at in full, evenly spread when there are more; and crashes with a random subset of the unsynced writes. */
const MOST_CUTS = 500;
const LOOSE_CRASHES = 60;

const scratch = mkdtempSync(join(tmpdir(), "berth-cut-"));
afterAll(async () => {
  await endEverything();
  rmSync(scratch, { recursive: true, force: true });
});

describe.if(compiler() !== null)("durability", () => {
  let run: TracedRun;
  let acks: TracedAck[];
  let name: string;
  beforeAll(async () => {
    run = await tracedRun(PLAN);
    acks = tracedAcks(run.calls, run.gatewayPort, run.frames);
    name = databaseName(run.calls);
  }, 60_000);

  test("every frame is acknowledged and its acknowledgement is in the trace", () => {
    expect(run.received).toBe(run.frames.length);
    expect(acks.length).toBe(run.frames.length);
  });

  test("commits were synced by their own thread, and by another while the next one was written", () => {
    const logged = run.calls.filter((call) => call.name.endsWith("-wal"));
    const writers = new Set(run.calls.filter((call) => call.kind === "write").map((call) => call.thread));
    const syncs = logged.filter((call) => call.kind === "sync_begins");
    expect(syncs.filter((call) => writers.has(call.thread)).length).toBeGreaterThan(10);
    expect(syncs.filter((call) => !writers.has(call.thread)).length).toBeGreaterThan(10);
  });

  test("every acknowledgement leaves after a sync of the log that follows its commit", () => {
    expect(earlyAcks(run.calls, acks)).toEqual([]);
  });

  test("the store cut at any unsynced write holds all that was acknowledged, once", () => {
    const chosen = chosenCuts(run, MOST_CUTS);
    let mostAcked = 0;
    for (const crash of cutCrashes(run.calls, run.readyAt)) {
      if (!chosen.has(crash.kept)) continue;
      const { lost, twice, acked } = lossOf(scratch, crash, name, acks);
      expect({ kept: crash.kept, lost, twice }).toEqual({ kept: crash.kept, lost: 0, twice: 0 });
      mostAcked = Math.max(mostAcked, acked);
    }
    expect(chosen.size).toBeGreaterThan(50);
    expect(mostAcked).toBe(run.frames.length * 4);
  }, 60_000);

  test("the store with any subset of its unsynced writes holds all that was acknowledged, once", () => {
    const random = prng(7);
    for (const ack of spread(acks, LOOSE_CRASHES)) {
      const crash = looseCrash(run.calls, ack.call, () => random.chance(0.5));
      const { lost, twice } = lossOf(scratch, crash, name, acks);
      expect({ at: ack.call, lost, twice }).toEqual({ at: ack.call, lost: 0, twice: 0 });
    }
  }, 60_000);

  test("a gateway started on a cut store serves all that was acknowledged", async () => {
    const cuts = spread([...chosenCuts(run, MOST_CUTS)], 4).slice(1);
    for (const crash of cutCrashes(run.calls, run.readyAt)) {
      if (!cuts.includes(crash.kept)) continue;
      crash.image.writeTo(scratch);
      const gateway = await Gateway.start({ data: scratch, settings: TINY });
      const served: number[] = [];
      for (let i = 1; i <= PLAN.trackers; i++) served.push(...(await allRecords(gateway.url, imeiOf(i))).map((stored) => stored.time));
      const acked = new Set(acks.filter((ack) => ack.call < crash.sentBefore).flatMap((ack) => ack.frame.times));
      expect(new Set(served).size).toBe(served.length);
      expect([...acked.difference(new Set(served))]).toEqual([]);
      expect((await gateway.stop()).code).toBe(0);
    }
  }, 60_000);

  test("a gateway that never syncs is found out", async () => {
    const mutant = await tracedRun({ ...PLAN, frames: 6, faults: "journal.synchronous_off:fail" });
    const answers = tracedAcks(mutant.calls, mutant.gatewayPort, mutant.frames);
    expect(answers.length).toBe(mutant.frames.length);
    expect(earlyAcks(mutant.calls, answers).length).toBeGreaterThan(0);
    const [first] = cutCrashes(mutant.calls, mutant.readyAt);
    expect(lossOf(scratch, first!, databaseName(mutant.calls), answers).lost).toBeGreaterThan(0);
  }, 60_000);

  test("a gateway that answers before its sync is found out", async () => {
    const mutant = await tracedRun({ ...PLAN, frames: 6, faults: "journal.ack_before_sync:fail@1+", syncUs: 5000 });
    const answers = tracedAcks(mutant.calls, mutant.gatewayPort, mutant.frames);
    expect(answers.length).toBe(mutant.frames.length);
    expect(earlyAcks(mutant.calls, answers).length).toBeGreaterThan(0);
  }, 60_000);

  test("a gateway that answers before its commit is found out", async () => {
    const mutant = await tracedRun({ ...PLAN, frames: 6, faults: "journal.ack_before_commit:fail@1+", syncUs: 5000 });
    const answers = tracedAcks(mutant.calls, mutant.gatewayPort, mutant.frames);
    expect(answers.length).toBe(mutant.frames.length);
    expect(earlyAcks(mutant.calls, answers).length).toBeGreaterThan(0);
    const store = databaseName(mutant.calls);
    let lost = 0;
    for (const crash of cutCrashes(mutant.calls, mutant.readyAt)) lost = lost || lossOf(scratch, crash, store, answers).lost;
    expect(lost).toBeGreaterThan(0);
  }, 60_000);
});

test("the durability proofs have what they need, or say what is missing", () => {
  if (compiler() === null) {
    process.stderr.write("durability: NOT PROVED on this machine: no cc, gcc or clang to build the shim test/support/preload.c\n");
  }
  expect(compiler() === null && process.env["CI"] !== undefined ? "install a C compiler" : "ok").toBe("ok");
});
