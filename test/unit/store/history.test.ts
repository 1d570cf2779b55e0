/** Rows of history beside the journal: written with their event or not at all, completed later, bounded, migrated. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asDeviceId, asFence } from "../../../src/base/brand.ts";
import { choosePlatform } from "../../../src/platform/choose.ts";
import { MIGRATIONS, STORE_FILE } from "../../../src/store/migrations.ts";
import { openStore } from "../../../src/store/open.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const ID = asDeviceId("356307042441013");
const row = (oldFence: number) => ({ at: NOW, old: { fence: oldFence }, evidence: { silentMs: 5 } });

function takeover(bench: StoreBench, oldFence: number, id = ID): void {
  const { device } = bench.journal.device(id);
  const change = { kind: "takeover", oldFence, row: row(oldFence) } as const;
  bench.journal.event("replaced", device, asFence(oldFence + 1024), NOW, { at: NOW }, { change });
}
function conflict(bench: StoreBench, n: number): number {
  const { device } = bench.journal.device(ID);
  bench.journal.event("conflict", device, asFence(1024), NOW + n, { at: NOW + n }, { change: { kind: "conflict", row: { n } } });
  bench.commit();
  return bench.journal.committed;
}
function evidence(bench: StoreBench, oldFence: number, answered: boolean): void {
  const { device } = bench.journal.device(ID);
  bench.journal.changeHistory(device, { kind: "evidence", oldFence, evidence: { answered, verdict: null } }, NOW);
}
const seen = (texts: readonly string[] | null): unknown[] => (texts ?? []).map((text) => JSON.parse(text) as unknown);

test("a takeover's evidence joins its row, in the same commit, later, or twice; that of another fence changes nothing", () => {
  const bench = new StoreBench();
  bench.connect(ID);
  takeover(bench, 1024);
  evidence(bench, 1024, true);
  takeover(bench, 2048);
  evidence(bench, 9999, true);
  bench.commit();
  const reader = bench.reader();
  expect(seen(reader.history(ID, 10))).toEqual([
    row(2048),
    { ...row(1024), evidence: { silentMs: 5, answered: true } },
  ]);
  evidence(bench, 2048, true);
  evidence(bench, 2048, false);
  bench.commit();
  expect(seen(reader.history(ID, 1))).toEqual([{ ...row(2048), evidence: { silentMs: 5, answered: false } }]);
  expect([reader.history(asDeviceId("nobody"), 10), reader.history(ID, 10)?.length]).toEqual([null, 2]);
});

test("evidence alone is work for a commit, and takes no seq", () => {
  const bench = new StoreBench();
  bench.connect(ID);
  takeover(bench, 1024);
  bench.commit();
  const { committed } = bench.journal;
  expect(bench.journal.hasWork).toBe(false);
  evidence(bench, 1024, true);
  expect(bench.journal.hasWork).toBe(true);
  bench.commit();
  expect(bench.journal.committed).toBe(committed);
});

test("a failed commit keeps all of it for the next one", () => {
  const bench = new StoreBench();
  bench.connect(ID);
  takeover(bench, 1024);
  evidence(bench, 1024, true);
  bench.probe = (point) => point === "journal.commit";
  expect(bench.journal.commit().ok).toBe(false);
  expect(bench.count("SELECT count(*) FROM takeover")).toBe(0);
  bench.probe = () => false;
  bench.commit();
  expect(seen(bench.reader().history(ID, 10))).toEqual([{ ...row(1024), evidence: { silentMs: 5, answered: true } }]);
});

test("takeovers are bounded per device, conflicts in all; the oldest go", () => {
  const bench = new StoreBench({ takeoversPerDevice: 3, conflictsKept: 2 });
  bench.connect(ID);
  bench.connect("another");
  takeover(bench, 1024, asDeviceId("another"));
  for (let i = 2; i <= 9; i++) takeover(bench, i * 1024);
  bench.commit();
  const reader = bench.reader();
  const fences = (id: string) =>
    (seen(reader.history(asDeviceId(id), 10)) as { old: { fence: number } }[]).map(({ old }) => old.fence / 1024);
  expect([fences(ID), fences("another")]).toEqual([[9, 8, 7], [1]]);
  const seqs = [1, 2, 3, 4].map((n) => conflict(bench, n));
  expect(reader.conflicts(1, Infinity, 10)).toEqual([
    { seq: seqs[3]!, json: '{"n":4}', acknowledgedAt: null },
    { seq: seqs[2]!, json: '{"n":3}', acknowledgedAt: null },
  ]);
  expect(reader.conflicts(seqs[2]!, seqs[2]!, 1).map(({ seq }) => seq)).toEqual([seqs[2]!]);
});

test("the first acknowledgement of a conflict counts, and only one by its own device", () => {
  const bench = new StoreBench();
  const own = bench.connect(ID);
  const other = bench.connect("another");
  const seq = conflict(bench, 1);
  const acknowledge = (device: typeof own, at: number) => {
    bench.journal.changeHistory(device, { kind: "acknowledged", conflict: seq }, at);
    bench.commit();
    return bench.reader().conflicts(seq, seq, 1)[0]!.acknowledgedAt;
  };
  expect([acknowledge(other, 5), acknowledge(own, 6), acknowledge(own, 7)]).toEqual([null, 6, 6]);
});

test("history goes with the journal's rows when they are too old", () => {
  const bench = new StoreBench();
  bench.connect(ID);
  takeover(bench, 1024);
  bench.commit();
  conflict(bench, 1);
  expect([bench.count("SELECT count(*) FROM takeover"), bench.count("SELECT count(*) FROM conflict")]).toEqual([1, 1]);
  bench.slices();
  bench.upkeep.wish({ before: NOW + 100, excessBytes: 0 }, false);
  expect(bench.slices()).toContain("journal.retention_slice");
  expect([bench.count("SELECT count(*) FROM takeover"), bench.count("SELECT count(*) FROM conflict")]).toEqual([0, 0]);
});

test("a store of the first version keeps its takeovers, and takes evidence about them", async () => {
  const platform = await choosePlatform();
  const directory = mkdtempSync(join(tmpdir(), "berth-history-"));
  const path = join(directory, STORE_FILE);
  const first = platform.openDatabase(path, { readOnly: false });
  first.exec(MIGRATIONS[0]!);
  first.exec("INSERT INTO meta (key, value) VALUES ('epoch', 'e'), ('fence_reserved', 1)");
  first.exec("INSERT INTO device (no, id) VALUES (1, '356307042441013')");
  first.prepare("INSERT INTO takeover (seq, device, at, json) VALUES (7, 1, 5, ?)").run(JSON.stringify(row(1024)));
  first.exec("PRAGMA user_version = 1");
  first.close();
  const opened = openStore({ path, checkpointBytes: 1 << 20, newEpoch: "f", open: () => platform.openDatabase(path, { readOnly: false }) });
  if (!opened.ok) throw new Error(opened.message);
  const db = opened.value;
  expect(db.prepare("SELECT seq, old_fence, evidence FROM takeover").all()).toEqual([{ seq: 7, old_fence: 1024, evidence: null }]);
  expect(db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()).toEqual({ value: "e" });
  db.close();
  rmSync(directory, { recursive: true });
});

test("a takeover and a conflict are shown when their event is on the disk, not when they are written", () => {
  const bench = new StoreBench();
  bench.connect(ID);
  bench.commit();
  let synced = bench.journal.committed;
  const reader = bench.reader({}, () => synced);
  takeover(bench, 1024);
  bench.commit();
  conflict(bench, 1);
  const shown = () => [reader.history(ID, 10)?.length, reader.conflicts(1, Number.MAX_SAFE_INTEGER, 10).length];
  expect(shown()).toEqual([0, 0]);
  synced = bench.journal.committed;
  expect(shown()).toEqual([1, 1]);
});
