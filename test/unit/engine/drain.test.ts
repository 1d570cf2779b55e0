/** The phases of the ordered shutdown, with threads that follow them or do not. */
import { expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { drain, type DrainNeeds } from "../../../src/engine/drain.ts";
import { BELL_BYTES } from "../../../src/ring/wait.ts";
import { Board, createBoard, DrainPhase } from "../../../src/wire/board.ts";

const limits = limitsWith({ shutdownMs: 10_000, shutdownHardMs: 30_000 });

/** `clock`: of the shutdown; without one it stands still. */
function world(mono = () => 0): { board: Board; told: string[]; needs: DrainNeeds } {
  const board = new Board(createBoard());
  const told: string[] = [];
  const needs: DrainNeeds = {
    board,
    bells: new SharedArrayBuffer(64 * BELL_BYTES),
    limits,
    poke: () => {},
    clock: { wall: () => asWallMs(0), mono: () => asMonoMs(mono()) },
    threads: [{ name: "journal", thread: 1 }, { name: "codec-0", thread: 2 }],
    late: (phase, names) => told.push(`${phase}: ${names.join(",")}`),
  };
  return { board, told, needs };
}

/** Follows the phase as a loop does, up to `last`. */
function follow(board: Board, thread: number, last: DrainPhase, seen: DrainPhase[] = []): () => void {
  const timer = setInterval(() => {
    const phase = board.phase();
    if (seen.at(-1) !== phase) seen.push(phase);
    if (phase <= last) board.setPhaseDone(thread, phase);
  }, 1);
  return () => clearInterval(timer);
}

test("drain walks every phase in order once all threads are done with the one before", async () => {
  const { board, told, needs } = world();
  const seen: DrainPhase[] = [];
  const stops = [follow(board, 1, DrainPhase.end, seen), follow(board, 2, DrainPhase.end)];
  expect(await drain(needs)).toBeNull();
  for (const stop of stops) stop();
  expect(seen.filter((phase) => phase !== DrainPhase.running)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(board.phase()).toBe(DrainPhase.end);
  expect(told).toEqual([]);
});

test("drain says who is late, goes on to the commit, and names who held it at the hard limit", async () => {
  // Time passes while one of the two waits for the other.
  const isAlone = (phase: DrainPhase): boolean => board.phase() === phase && board.phaseDone(1) === phase;
  let now = 0;
  const { board, told, needs } = world(() => {
    if (isAlone(DrainPhase.pauseDevices)) now = limits.shutdownMs + 1;
    if (isAlone(DrainPhase.commitLast)) now = limits.shutdownHardMs + 1;
    return now;
  });
  const stops = [follow(board, 1, DrainPhase.end), follow(board, 2, DrainPhase.stopAccepting)];
  expect(await drain(needs)).toBe("commitLast: codec-0");
  for (const stop of stops) stop();
  expect(told).toEqual(["pauseDevices: codec-0"]);
});

test("drain of a gateway with no thread ready ends at once", async () => {
  const { needs } = world();
  expect(await drain({ ...needs, threads: [] })).toBeNull();
});
