/** When a codec worker that blocks wakes up by itself: over sockets and a clock of the test's. */
import { expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import type { CodecDrain } from "../../../src/engine/codec/drain.ts";
import { turnByBlocking } from "../../../src/engine/codec/by_blocking.ts";
import type { SocketSource } from "../../../src/engine/source/socket.ts";
import type { SocketLoop } from "../../../src/platform/socket_loop.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";

/** Lets the worker's own loop sleep for `ms` of its clock. Returns how often it woke. `dueAt`: of its source; `comesAt`: the one time something comes. */
function sleepFor(bench: CodecBench, ms: number, dueAt = (): number => Infinity, comesAt = Infinity): number {
  const end = bench.now + ms;
  let wakes = 0;
  const sockets: SocketLoop = {
    adopt: () => {},
    wait: (timeoutMs) => {
      wakes++;
      const came = bench.now < comesAt && comesAt <= bench.now + timeoutMs;
      bench.now = came ? comesAt : Math.min(end, bench.now + timeoutMs);
      return came;
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

test("a worker with nobody there wakes every two seconds", () => {
  expect(sleepFor(bench(), 60 * SECOND)).toBeWithin(29, 33);
});

test("a worker with nobody there sleeps no longer than a quarter of what is called hanging, and not shorter than its idle wait", () => {
  expect(sleepFor(bench({ heartbeatStaleMs: 6000 }), 60 * SECOND)).toBeWithin(39, 43);
  expect(sleepFor(bench({ heartbeatStaleMs: 1500 }), 60 * SECOND)).toBeWithin(58, 63);
  expect(sleepFor(bench({ idleWaitMs: 10 }), 6 * SECOND)).toBeWithin(298, 303);
});

test("a worker to whom something came ticks within a second, so that its gauges say so", () => {
  const one = bench();
  const came = one.now + 2500;
  const ticks: number[] = [];
  one.worker.tick = () => void ticks.push(one.now);
  sleepFor(one, 10 * SECOND, undefined, came);
  expect(ticks.find((at) => at > came)! - came).toBeLessThanOrEqual(SECOND);
  expect(ticks.length).toBeLessThan(8);
});

test("a worker with a silent fleet wakes hardly more often, and ends each when its time is over", () => {
  const one = bench();
  const sockets = Array.from({ length: 100 }, (_, i) => {
    one.now += 7;
    return one.login(imeiOf(i)).socket;
  });
  expect(sleepFor(one, 600 * SECOND)).toBeWithin(295, 400);
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
