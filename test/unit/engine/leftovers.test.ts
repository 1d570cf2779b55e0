/** When a thread's garbage is collected. */
import { beforeEach, describe, expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { Leftovers } from "../../../src/engine/leftovers.ts";

const LIMITS = { collectMs: 10_000, collectBytes: 1000 };

describe("leftovers", () => {
  let now: number;
  let collections: number;
  let young: number;
  let given: number;
  let leftovers: Leftovers;
  let resident: number;
  const idleAt = (at: number): number => {
    now = at;
    leftovers.idle();
    return collections;
  };

  const workALot = (): void => {
    for (let i = 0; i < 256; i++) leftovers.worked();
  };

  beforeEach(() => {
    now = 0;
    collections = 0;
    const clock = { wall: () => asWallMs(0), mono: () => asMonoMs(now) };
    young = 0;
    given = 0;
    resident = 50_000;
    const memory = {
      collect: () => void collections++,
      collectYoung: () => void young++,
      residentBytes: () => resident,
      discard: () => {},
    };
    leftovers = new Leftovers({ clock, ...memory }, LIMITS, () => void given++);
  });

  test("leftovers are collected after a second without work", () => {
    expect(idleAt(20_000)).toBe(0);
    expect(idleAt(20_999)).toBe(0);
    expect(idleAt(21_000)).toBe(1);
  });

  test("leftovers go with what the thread can do without", () => {
    idleAt(20_000);
    expect(given).toBe(0);
    idleAt(21_000);
    expect(given).toBe(1);
  });

  test("leftovers of every thousand arrivals are collected while there is work, and those of other work are not", () => {
    for (let i = 0; i < 5000; i++) leftovers.worked();
    expect(young).toBe(0);
    for (let i = 0; i < 999; i++) leftovers.worked(1);
    expect(young).toBe(0);
    leftovers.worked(1);
    expect(young).toBe(1);
    for (let i = 0; i < 20; i++) leftovers.worked(100);
    expect([young, collections]).toEqual([3, 0]);
  });

  test("leftovers of a thread that never rests are collected when the process has grown: young ones, and all when that is not enough", () => {
    const workAt = (at: number, bytes: number): readonly [number, number] => {
      now = at;
      resident = bytes;
      leftovers.worked();
      return [young, collections];
    };
    expect([workAt(0, 50_000), workAt(500, 50_999), workAt(1000, 50_500)]).toEqual([[0, 0], [0, 0], [0, 0]]);
    // Looked at twice a second.
    expect([workAt(1499, 51_000), workAt(1500, 51_000)]).toEqual([[0, 0], [1, 0]]);
    // What is left then counts as in use, until there is four times as much of it.
    expect([workAt(2000, 51_999), workAt(2500, 52_000), workAt(3000, 53_000)]).toEqual([[1, 0], [2, 0], [3, 0]]);
    expect([workAt(3500, 54_000), workAt(4000, 54_999), workAt(4500, 55_000)]).toEqual([[3, 1], [3, 1], [4, 1]]);
    // It counts from the least it was.
    expect([workAt(5000, 40_000), workAt(5500, 40_999), workAt(6000, 41_000)]).toEqual([[4, 1], [4, 1], [5, 1]]);
    expect(workAt(6500, 44_000)).toEqual([5, 2]);
  });

  test("leftovers of nothing are not collected again", () => {
    idleAt(20_000);
    expect(idleAt(21_000)).toBe(1);
    for (let at = 22_000; at < 120_000; at += 1000) expect(idleAt(at)).toBe(1);
    workALot();
    idleAt(130_000);
    expect(idleAt(131_000)).toBe(2);
  });

  test("leftovers of a little work are collected when it adds up", () => {
    idleAt(20_000);
    expect(idleAt(21_000)).toBe(1);
    const rest = (from: number): number => {
      idleAt(from);
      return idleAt(from + 2000);
    };
    for (let i = 1; i <= 255; i++) {
      leftovers.worked();
      expect(rest(21_000 + i * 10_000)).toBe(1);
    }
    leftovers.worked();
    expect(rest(21_000 + 256 * 10_000)).toBe(2);
    leftovers.worked(255);
    expect(rest(21_000 + 257 * 10_000)).toBe(3);
  });

  test("leftovers of a little work are collected when the process has grown", () => {
    idleAt(20_000);
    expect(idleAt(21_000)).toBe(1);
    resident += 8 * 1024 * 1024 - 1;
    leftovers.worked();
    idleAt(40_000);
    expect(idleAt(41_000)).toBe(1);
    resident += 1;
    leftovers.worked();
    idleAt(60_000);
    expect(idleAt(61_000)).toBe(2);
  });

  test("leftovers of a thread that let go of something large are collected, however little work it was", () => {
    idleAt(20_000);
    expect(idleAt(21_000)).toBe(1);
    leftovers.letGo();
    idleAt(40_000);
    expect(idleAt(41_000)).toBe(2);
  });

  test("leftovers wait while work comes in between", () => {
    for (let at = 20_000; at < 60_000; at += 900) {
      expect(idleAt(at)).toBe(0);
      leftovers.worked();
    }
  });

  test("leftovers are not collected more often than the interval", () => {
    idleAt(20_000);
    expect(idleAt(21_000)).toBe(1);
    workALot();
    idleAt(22_000);
    expect(idleAt(30_999)).toBe(1);
    expect(idleAt(31_000)).toBe(2);
  });
});
