/** The reader's loop on a thread of its own: answers, checkpoint tickets, the shutdown, and what ends it. */
import { describe, expect, test } from "bun:test";
import { asMonoMs, asSeq, asWallMs } from "../../../src/base/brand.ts";
import type { Limits } from "../../../src/base/limits.ts";
import type { Boot, Report } from "../../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { runReaderOver } from "../../../src/engine/reader.ts";
import { bunPlatform } from "../../../src/platform/bun.ts";
import { SqlError } from "../../../src/platform/port.ts";
import { Board, DrainPhase, ThreadState } from "../../../src/wire/board.ts";
import { MemoryStore } from "../../support/memory_store.ts";
import { settingsWith } from "../../support/out_world.ts";

const THREAD = makeRoster(1).reader[0]!;

/** The loop blocks its thread, so everything it meets is arranged before: `turn` runs in each idle round. */
function run(
  arrange: (store: MemoryStore, board: Board) => void,
  turn: (board: Board, turns: number) => void,
  faults = "",
  limits: Partial<Limits> = {},
) {
  const settings = settingsWith({ idleWaitMs: 10, readWaitMs: 20, ...limits });
  const roster = makeRoster(1);
  const memory = makeMemory(settings, roster);
  const boot: Boot = {
    role: "reader",
    thread: roster.reader[0]!,
    index: 0,
    instance: "test",
    settings,
    faults,
    roster,
    recovered: null,
    ...memory,
  };
  const board = new Board(memory.board);
  const store = new MemoryStore(4096);
  const reports: Report[] = [];
  arrange(store, board);
  // `follow` asks the store for its seq in every idle round: the test's turn.
  let turns = 0;
  Object.defineProperty(store, "seq", {
    get: () => {
      turn(board, ++turns);
      return asSeq(0);
    },
  });
  // Its clock stands still: a look now and then is one look, however long a round takes.
  runReaderOver(
    () => store,
    boot,
    { ...bunPlatform(), clock: { wall: () => asWallMs(0), mono: () => asMonoMs(0) } },
    (report) => reports.push(report),
  );
  return { board, store, reports, boot };
}

const endAfter = (turns: number) => (board: Board, now: number): void => {
  if (now >= turns) board.setPhase(DrainPhase.end);
};

describe("the reader's loop", () => {
  test("says that it is ready, beats, and leaves at the end of the shutdown", () => {
    const { board, boot, reports } = run(() => {}, endAfter(5));
    expect(reports.map((report) => report.type)).toEqual(["ready", "stopped"]);
    expect(board.heartbeat(boot.thread)).toBeGreaterThan(2);
    expect([board.state(boot.thread), board.phaseDone(boot.thread)]).toEqual([ThreadState.stopped, DrainPhase.end]);
  });

  test("has no part in the phases before the end", () => {
    const seen: number[] = [];
    const { boot, board } = run(() => {}, (words, turns) => {
      seen.push(words.phaseDone(THREAD));
      words.setPhase(Math.min(turns, DrainPhase.end) as DrainPhase);
    });
    expect(board.phaseDone(boot.thread)).toBe(DrainPhase.end);
    expect(seen).toContain(DrainPhase.sayBye);
  });

  test("looks again soon when much was committed meanwhile, and not for what a few trackers send", () => {
    const follow = (each: number, limits: Partial<Limits>): number => {
      const began = performance.now();
      let committed = 0;
      const turn = (board: Board, turns: number): void => {
        board.setCommitted(asSeq(committed += each));
        endAfter(20)(board, turns);
      };
      run(() => {}, turn, "", { followEvents: 1000, ...limits });
      return performance.now() - began;
    };
    expect(follow(100, { followMs: 1, idleWaitMs: 1000 })).toBeLessThan(5000);
    expect(follow(10, { followMs: 1000, idleWaitMs: 10 })).toBeLessThan(5000);
  });

  test("looks whether the rows it holds were flushed, though nothing new is committed, and not in every round", () => {
    const looks: number[] = [];
    let rounds = 0;
    run((store) => {
      Object.assign(store, { tailBytes: 1 << 20 });
      store.advance = (committed) => void looks.push(committed);
    }, (board, turns) => {
      rounds = turns;
      endAfter(20)(board, turns);
    });
    expect(rounds).toBe(20);
    expect(looks).toEqual([0]);
  });

  test("makes the checkpoint it is asked for, once, and answers the ticket", () => {
    const { board, store } = run((_, words) => words.wantCheckpoint(7), endAfter(5));
    expect([store.checkpoints, board.checkpointAnswered()]).toEqual([1, 7]);
  });

  test("answers the ticket of a checkpoint that a lock stopped", () => {
    const { board } = run((store, words) => {
      words.wantCheckpoint(7);
      store.checkpoint = () => {
        throw new SqlError("SQLITE_BUSY", "busy");
      };
    }, endAfter(5));
    expect(board.checkpointAnswered()).toBe(7);
  });

  test("ends with a store that is corrupt", () => {
    expect(() =>
      run((store, words) => {
        words.wantCheckpoint(7);
        store.checkpoint = () => {
          throw new SqlError("SQLITE_CORRUPT", "malformed");
        };
      }, endAfter(5))
    ).toThrow("malformed");
  });

  test.each(["reader.loop:throw@3", "reader.checkpoint:throw"])("ends with the fault %s", (faults) => {
    expect(() => run((_, words) => words.wantCheckpoint(1), endAfter(50), faults)).toThrow(faults.split(":")[0]!);
  });
});
