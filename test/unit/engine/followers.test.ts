/** Who a commit wakes. */
import { expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import type { Boot } from "../../../src/engine/boot.ts";
import { Followers } from "../../../src/engine/journal/followers.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { BELL_BYTES } from "../../../src/ring/wait.ts";
import { Board } from "../../../src/wire/board.ts";
import { settingsWith } from "../../support/out_world.ts";

const EVENTS = 100;

function world() {
  const settings = settingsWith({ followEvents: EVENTS });
  const roster = makeRoster(1, 0, 0, 2);
  const memory = makeMemory(settings, roster);
  const board = new Board(memory.board);
  const followers = new Followers({ settings, roster, bells: memory.bells } as unknown as Boot, board);
  const threads = [...roster.http, ...roster.reader];
  /** Which of the sleeping threads a commit up to `seq` wakes: both http threads, then the reader. */
  const wakes = (seq: number): boolean[] => {
    const bells = threads.map((thread) => new Int32Array(memory.bells, thread * BELL_BYTES, 2));
    for (const bell of bells) bell[0] = 1;
    followers.ring(asSeq(seq));
    return bells.map((bell) => bell[0] === 0);
  };
  return { board, wakes };
}

test("a commit wakes the http threads where somebody waits for events, and nobody else", () => {
  const { board, wakes } = world();
  expect(wakes(1)).toEqual([false, false, false]);
  board.setFollows(1, true);
  expect(wakes(2)).toEqual([false, true, false]);
  board.setFollows(1, false);
  expect(wakes(3)).toEqual([false, false, false]);
});

test("so many new events wake everybody, once", () => {
  const { wakes } = world();
  expect(wakes(EVENTS - 1)).toEqual([false, false, false]);
  expect(wakes(EVENTS)).toEqual([true, true, true]);
  expect(wakes(EVENTS + 1)).toEqual([false, false, false]);
  expect(wakes(2 * EVENTS + 5)).toEqual([true, true, true]);
});
