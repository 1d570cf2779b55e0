/** When a codec worker that blocks wakes up by itself: over sockets and a clock of the test's. */
import { expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import type { CodecDrain } from "../../../src/engine/codec/drain.ts";
import { turnByBlocking } from "../../../src/engine/codec/by_blocking.ts";
import type { SocketSource } from "../../../src/engine/source/socket.ts";
import type { SocketLoop } from "../../../src/platform/socket_loop.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";

/** Lets the worker's own loop sleep for `ms` of its clock; nothing comes. Returns how often it woke. `dueAt`: of its source. */
function sleepFor(bench: CodecBench, ms: number, dueAt = (): number => Infinity): number {
  const end = bench.now + ms;
  let wakes = 0;
  const sockets: SocketLoop = {
    adopt: () => {},
    wait: (timeoutMs) => {
      wakes++;
      bench.now = Math.min(end, bench.now + timeoutMs);
      return false;
    },
    serve: () => {},
    doorbell: 0,
    close: () => {},
  };
  const source: SocketSource = {
    start: () => Promise.resolve(),
    hasWork: () => false,
    drain: () => {},
    get dueAt() {
      return dueAt();
    },
    stopAccepting: () => {},
  };
  const drain = { hasWork: () => false, going: false, advance: () => {} };
  const { boot, worker, context: { clock } } = bench;
  const platform = { clock, collect: () => {}, collectYoung: () => {}, residentBytes: () => 0, discard: () => {} };
  turnByBlocking({
    boot,
    platform,
    source,
    worker,
    drain: Object.defineProperty(drain, "ended", { get: () => bench.now >= end }) as unknown as CodecDrain,
    pass: () => {},
  }, sockets);
  return wakes;
}

const SECOND = 1000;
const bench = (limits: Partial<Limits> = {}): CodecBench => new CodecBench({ connections: 300, loginSockets: 10, ...limits });

test("a worker with nobody there wakes once a second", () => {
  expect(sleepFor(bench(), 60 * SECOND)).toBeWithin(58, 63);
});

test("a worker with a silent fleet wakes hardly more often, and ends each when its time is over", () => {
  const one = bench();
  const sockets = Array.from({ length: 100 }, (_, i) => {
    one.now += 7;
    return one.login(imeiOf(i)).socket;
  });
  expect(sleepFor(one, 600 * SECOND)).toBeWithin(590, 700);
  expect(sockets.filter((socket) => socket.fins > 0).length).toBe(0);
  sleepFor(one, 1205 * SECOND);
  expect(sockets.map((socket) => socket.fins)).toEqual(sockets.map(() => 1));
});

test("a worker that sleeps is there within a tick of a deadline", () => {
  for (const loginTimeoutMs of [100, 3333, 15_000]) {
    const one = bench({ loginTimeoutMs });
    const socket = new BenchSocket();
    const opened = one.now;
    one.open(socket);
    sleepFor(one, loginTimeoutMs - 1);
    expect(socket.fins).toBe(0);
    sleepFor(one, 21);
    expect([socket.fins, socket.resets]).toEqual([1, 0]);
    sleepFor(one, one.boot.settings.limits.evictedCloseMs);
    expect([socket.fins, socket.resets, one.now - opened < loginTimeoutMs + 1100]).toEqual([1, 1, true]);
  }
});

test("a worker that sleeps is there when its source has a deadline", () => {
  const one = bench();
  const deadline = one.now + 4321;
  const looks: number[] = [];
  sleepFor(one, 5 * SECOND, () => {
    looks.push(one.now);
    return one.now < deadline ? deadline : Infinity;
  });
  expect(looks).toContain(deadline);
  expect(looks.length).toBeLessThan(9);
});
