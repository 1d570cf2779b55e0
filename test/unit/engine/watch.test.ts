/** Finding threads that hang, over a board and a clock made by hand. */
import { expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { Watch } from "../../../src/engine/watch.ts";
import { Board, createBoard, ThreadState } from "../../../src/wire/board.ts";
import type { Role } from "../../../src/platform/port.ts";

const limits = limitsWith({ heartbeatStaleMs: 1000, storeStaleMs: 5000, startMs: 3000, idleWaitMs: 100 });

function watched(
  ...roles: Role[]
): {
  board: Board;
  watch: Watch;
  run: (untilMs: number, beating?: readonly number[]) => { name: string; reason: string; at: number } | null;
} {
  const board = new Board(createBoard());
  const watch = new Watch(board, limits);
  roles.forEach((role, thread) => watch.add(role, role, thread, 0));
  let now = 0;
  return {
    board,
    watch,
    run: (untilMs, beating = []) => {
      for (; now <= untilMs; now += 200) {
        for (const thread of beating) board.beat(thread);
        const found = watch.look(now);
        if (found !== null) return { ...found, at: now };
      }
      return null;
    },
  };
}

test("watch leaves threads alone that beat", () => {
  const { board, run } = watched("codec", "journal");
  board.setState(0, ThreadState.ready);
  board.setState(1, ThreadState.ready);
  expect(run(20_000, [0, 1])).toBeNull();
});

test("watch names the one thread that stops beating, after its bound", () => {
  const { board, run } = watched("registry", "codec", "http");
  for (const thread of [0, 1, 2]) board.setState(thread, ThreadState.ready);
  run(2000, [0, 1, 2]);
  expect(run(20_000, [0, 2])).toMatchObject({ name: "codec", reason: "hangs: no heartbeat for 1200 ms", at: 3200 });
});

test("watch gives journal and reader the longer bound", () => {
  for (const role of ["journal", "sync", "reader"] as const) {
    const { board, run } = watched(role);
    board.setState(0, ThreadState.ready);
    expect(run(20_000)).toMatchObject({ name: role, at: 5200 });
  }
});

test("watch bounds the start of a thread though it beats", () => {
  const { run } = watched("http");
  expect(run(20_000, [0])).toMatchObject({ name: "http", reason: "is not ready after 3000 ms", at: 3200 });
});

test("watch lets the journal start as long as it shows life", () => {
  const beating = watched("journal");
  expect(beating.run(60_000, [0])).toBeNull();
  const silent = watched("journal");
  silent.run(4000);
  silent.watch.alive(0, 4000);
  expect(silent.run(60_000)).toMatchObject({ name: "journal", at: 9200 });
});

test("watch forgives all when it slept itself", () => {
  const { board, watch, run } = watched("codec");
  board.setState(0, ThreadState.ready);
  run(400, [0]);
  expect(watch.look(60_000)).toBeNull();
  expect(watch.look(60_200)).toBeNull();
});

test("watch finds a thread that hangs though every look comes late", () => {
  const { board, watch } = watched("codec", "accept");
  for (const thread of [0, 1]) board.setState(thread, ThreadState.ready);
  const found: string[] = [];
  for (let now = 600; now <= 6000 && found.length === 0; now += 600) {
    board.beat(0);
    const hung = watch.look(now);
    if (hung !== null) found.push(hung.name);
  }
  expect(found).toEqual(["accept"]);
});

test("watch never calls a loop hanging that sleeps within its idle wait", () => {
  const board = new Board(createBoard());
  const watch = new Watch(board, limitsWith({ heartbeatStaleMs: 100, idleWaitMs: 1000 }));
  watch.add("registry", "registry", 0, 0);
  board.setState(0, ThreadState.ready);
  for (let now = 0; now < 10_000; now += 40) {
    if (now % 1000 === 0) board.beat(0);
    expect(watch.look(now)).toBeNull();
  }
});

test("watch lets stopped threads rest", () => {
  const { board, run } = watched("accept");
  board.setState(0, ThreadState.stopped);
  expect(run(20_000)).toBeNull();
});
