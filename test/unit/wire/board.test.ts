/** The board's words: each is its own. */
import { expect, test } from "bun:test";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { ringThreads } from "../../../src/engine/boot.ts";
import { Board, createBoard, Gate, MAX_HTTP_THREADS, MAX_RINGS, MAX_THREADS, MAX_WORKERS } from "../../../src/wire/board.ts";
import { settingsWith } from "../../support/out_world.ts";

test("the words of all rings are apart, that of the peer thread behind most codec workers included", () => {
  const board = new Board(createBoard());
  board.setGate(Gate.failing);
  for (let ring = 0; ring < MAX_RINGS; ring++) board.setSettled(ring, 1000 + ring);
  for (let worker = 0; worker < MAX_WORKERS; worker++) {
    board.setSockets(worker, 2000 + worker);
    board.addLobby(worker, 51);
    board.addLobby(worker, -1);
  }
  for (let ring = 0; ring < MAX_RINGS; ring++) expect(board.settled(ring)).toBe(1000 + ring);
  for (let worker = 0; worker < MAX_WORKERS; worker++) expect(board.sockets(worker)).toBe(2050 + worker);
  expect(board.gate()).toBe(Gate.failing);
});

test("most threads there can be fit, and each that holds connections has its rings", () => {
  const roster = makeRoster(MAX_WORKERS, 1, 1, MAX_HTTP_THREADS);
  const threads = ringThreads(roster);
  expect(threads).toEqual([...roster.codec, ...roster.peer, ...roster.udp, ...roster.http]);
  expect(Math.max(...threads, ...roster.reader, ...roster.http)).toBeLessThan(MAX_THREADS);
  expect(threads.length).toBeLessThanOrEqual(MAX_RINGS);
  const { rings } = makeMemory(settingsWith({ controlRingBytes: 4096, frameRingBytes: 4096, exceptionRingBytes: 4096 }), roster);
  for (const ring of [rings.frames, rings.exceptions, rings.claims, rings.decisions]) expect(ring).toHaveLength(threads.length);
  expect(rings.adopt).toHaveLength(MAX_WORKERS);
});
