/** How commits get to the disk: the sync thread's loop, and the journal's side of it. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JournalSync, LogFile } from "../../../src/engine/journal/sync.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { runSync } from "../../../src/engine/sync.ts";
import type { Boot, Report } from "../../../src/engine/boot.ts";
import { bunPlatform } from "../../../src/platform/bun.ts";
import type { Platform } from "../../../src/platform/port.ts";
import { asSeq } from "../../../src/base/brand.ts";
import { BELL_BYTES } from "../../../src/ring/wait.ts";
import { STORE_FILE } from "../../../src/store/migrations.ts";
import { Board, DrainPhase, ThreadState } from "../../../src/wire/board.ts";
import { settingsWith } from "../../support/out_world.ts";

const real = bunPlatform();
const directories: string[] = [];
afterEach(() => directories.splice(0).forEach((path) => rmSync(path, { recursive: true })));

function world(role: "sync" | "journal") {
  const data = mkdtempSync(join(tmpdir(), "berth-sync-"));
  directories.push(data);
  const settings = { ...settingsWith({ idleWaitMs: 10 }), data };
  const roster = makeRoster(1);
  const memory = makeMemory(settings, roster);
  const thread = role === "sync" ? roster.sync : roster.journal;
  const boot: Boot = { role, thread, index: 0, instance: "test", settings, faults: "", roster, recovered: null, ...memory };
  return { boot, board: new Board(memory.board), log: join(data, `${STORE_FILE}-wal`) };
}

/** The loop blocks its thread, so the disk is what moves the test on: `sync` is called by it. */
function run(sync: (board: Board, times: number) => void, platform: Partial<Platform> = {}) {
  const { boot, board } = world("sync");
  const reports: Report[] = [];
  let times = 0;
  let closed = 0;
  const file = { sync: () => sync(board, ++times), close: () => void closed++ };
  board.wantSync(7);
  runSync(boot, { ...real, openForSync: () => file, ...platform }, (report) => reports.push(report));
  return { boot, board, reports, times, closed };
}

test("the sync thread syncs once for a ticket, answers it, and leaves at the end of the shutdown", () => {
  const answered: number[] = [];
  const { board, boot, reports, times, closed } = run((words, now) => {
    answered.push(words.syncAnswered());
    if (now === 1) words.wantSync(8);
    else words.setPhase(DrainPhase.end);
  });
  expect([answered, times, closed]).toEqual([[0, 7], 2, 1]);
  expect(reports.map((report) => report.type)).toEqual(["ready", "stopped"]);
  expect([board.state(boot.thread), board.phaseDone(boot.thread)]).toEqual([ThreadState.stopped, DrainPhase.end]);
});

test("the sync thread moves what was promised, and wakes whom it concerns", () => {
  const { boot, board } = world("sync");
  const before = board.settled(0);
  board.promiseCommitted(asSeq(12));
  board.promiseSettled(0, before + 64);
  board.wantSync(1);
  const bell = new Int32Array(boot.bells, boot.roster.codec[0]! * BELL_BYTES, 2);
  // Asleep: armed.
  bell[0] = 1;
  const seen: unknown[] = [];
  const file = {
    sync: () => {
      seen.push([board.committed() as number, board.settled(0), bell[1]]);
      board.setPhase(DrainPhase.end);
    },
    close: () => {},
  };
  runSync(boot, { ...real, openForSync: () => file }, () => {});
  seen.push([board.committed() as number, board.settled(0), bell[1]]);
  expect(seen).toEqual([[0, before, 0], [12, before + 64, 1]]);
});

test("a later ticket answers the earlier ones, past 2^32 too", () => {
  const { board } = world("journal");
  board.syncDone(0x7fff_ffff);
  const later = (0x7fff_ffff + 3) | 0;
  board.wantSync(later);
  expect([board.hasSynced(0x7fff_ffff), board.hasSynced((0x7fff_ffff + 1) | 0), board.awaitSync(later, 1)]).toEqual([true, false, false]);
  board.syncDone(later);
  expect([board.hasSynced((0x7fff_ffff + 1) | 0), board.awaitSync(later, 1)]).toEqual([true, true]);
});

test("what is promised while a sync is under way holds with the next one only", () => {
  const { boot, board } = world("sync");
  const before = board.settled(0);
  board.promiseCommitted(asSeq(12));
  board.promiseSettled(0, before + 64);
  board.wantSync(1);
  const seen: unknown[] = [];
  let times = 0;
  const file = {
    sync: () => {
      seen.push([board.committed() as number, board.settled(0)]);
      if (++times === 2) return board.setPhase(DrainPhase.end);
      board.promiseCommitted(asSeq(20));
      board.promiseSettled(0, before + 128);
      board.wantSync(2);
    },
    close: () => {},
  };
  runSync(boot, { ...real, openForSync: () => file }, () => {});
  seen.push([board.committed() as number, board.settled(0)]);
  expect(seen).toEqual([[0, before], [12, before + 64], [20, before + 128]]);
});

test("a sync that is late takes nothing back", () => {
  const { boot, board } = world("sync");
  const before = board.settled(0);
  board.promiseCommitted(asSeq(12));
  board.promiseSettled(0, before + 64);
  board.wantSync(1);
  const file = {
    sync: () => {
      board.raiseCommitted(asSeq(30));
      expect(board.raiseSettled(0, before + 256)).toBe(true);
      board.setPhase(DrainPhase.end);
    },
    close: () => {},
  };
  runSync(boot, { ...real, openForSync: () => file }, () => {});
  expect([board.committed() as number, board.settled(0), board.raiseSettled(0, before)]).toEqual([30, before + 256, false]);
});

test("a disk that does not sync ends the thread and leaves the ticket open", () => {
  const failing = (): void => {
    throw Object.assign(new Error("input/output error, fdatasync"), { code: "EIO" });
  };
  expect(() => run(failing)).toThrow(/^Cannot sync .*-wal: input\/output error/);
});

test("what the journal begins is over when the ticket is answered, not before", () => {
  const { boot, board, log } = world("journal");
  writeFileSync(log, "");
  const sync = new JournalSync(boot, real, board);
  const ticket = sync.begin();
  expect([ticket === board.syncWanted(), sync.isDone(ticket), board.awaitSync(ticket, 1)]).toEqual([true, false, false]);
  board.syncDone(ticket);
  expect([sync.wait(ticket), sync.isDone(ticket)]).toEqual([true, true]);
  sync.now();
  sync.close();
});

test("what the journal begins when the sync thread has left is synced by the journal, which does not wait for ever", () => {
  const { boot, board } = world("journal");
  let syncs = 0;
  const sync = new JournalSync(boot, { ...real, openForSync: () => ({ sync: () => void syncs++, close: () => {} }) }, board);
  board.setState(boot.roster.sync, ThreadState.stopped);
  expect([sync.wait(sync.begin()), syncs]).toEqual([false, 1]);
  // One that was answered before it left is told as ever.
  const last = sync.begin();
  board.syncDone(last);
  expect([sync.wait(last), syncs]).toEqual([true, 1]);
  sync.close();
});

test("a log that is not there cannot be opened", () => {
  const { boot } = world("journal");
  expect(() => new LogFile(boot, real)).toThrow("ENOENT");
});
