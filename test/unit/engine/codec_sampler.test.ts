/** Samples of what the kernel knows: a few connections at a time, every one in its turn. */
import { expect, test } from "bun:test";
import { connectionSlots, Presence } from "../../../src/wire/presence.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { FakeKernel } from "../../support/fake_kernel.ts";
import { imeiOf } from "../../support/fleet.ts";

const FLEET = 200;

test("every connection is sampled in its turn, and one step asks about few", () => {
  const kernel = new FakeKernel();
  const bench = new CodecBench({ connections: 300, loginSockets: 10, idleTimeoutMs: 600_000 }, kernel);
  const presence = new Presence(bench.boot.presence, connectionSlots(bench.boot.settings.limits));
  const fleet = Array.from({ length: FLEET }, (_, i) => bench.login(imeiOf(i), new BenchSocket(1000 + i)).connection);
  fleet.forEach(({ socket }, i) => Object.assign(kernel.of(socket.fd), { lastAckReceivedMs: 40, rttUs: 1000 + i, retransmits: 1 }));
  kernel.asked = 0;
  bench.now += 20;
  bench.worker.turn();
  expect(kernel.asked).toBeGreaterThan(0);
  expect(kernel.asked).toBeLessThanOrEqual(16);
  bench.now += 19;
  bench.worker.turn();
  expect(kernel.asked).toBeLessThanOrEqual(16);
  bench.pass(500);
  for (const [i, { id }] of fleet.entries()) {
    expect(presence.find(0, id)).toBe(true);
    expect([presence.rttUs, presence.retransmits]).toEqual([1000 + i, 1]);
    // Forty before some tick of the last half second.
    expect(1_700_000_000_000 + bench.now - presence.lastAckAt).toBeWithin(40, 541);
  }
});

test("a worker that slept for a second asks about as many as it would have awake, and about nobody twice", () => {
  const kernel = new FakeKernel();
  const bench = new CodecBench({ connections: 300, loginSockets: 10 }, kernel);
  for (let i = 0; i < FLEET; i++) bench.login(imeiOf(i), new BenchSocket(1000 + i));
  for (const [sleptMs, most] of [[1000, 128], [10_000, FLEET], [500, 64]] as const) {
    kernel.asked = 0;
    bench.now += sleptMs;
    bench.worker.turn();
    expect(kernel.asked).toBe(most);
  }
  const alone = new CodecBench({ connections: 300, loginSockets: 10 }, kernel);
  alone.login(imeiOf(1), new BenchSocket(1));
  kernel.asked = 0;
  alone.now += 1000;
  alone.worker.turn();
  expect(kernel.asked).toBeLessThanOrEqual(1);
});

test("without a kernel to ask nothing is sampled", () => {
  const bench = new CodecBench();
  const presence = new Presence(bench.boot.presence, connectionSlots(bench.boot.settings.limits));
  const { connection } = bench.login(imeiOf(1));
  bench.pass(100);
  expect([presence.find(0, connection.id), presence.lastAckAt]).toEqual([true, 0]);
});
