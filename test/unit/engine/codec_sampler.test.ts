/** Samples of what the kernel knows: a few connections a tick, every one in its turn. */
import { expect, test } from "bun:test";
import { connectionSlots, Presence } from "../../../src/wire/presence.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { FakeKernel } from "../../support/fake_kernel.ts";
import { imeiOf } from "../../support/fleet.ts";

const FLEET = 200;

test("every connection is sampled in its turn, and one tick asks about few", () => {
  const kernel = new FakeKernel();
  const bench = new CodecBench({ connections: 300, loginSockets: 10, idleTimeoutMs: 600_000 }, kernel);
  const presence = new Presence(bench.boot.presence, connectionSlots(bench.boot.settings.limits));
  const fleet = Array.from({ length: FLEET }, (_, i) => bench.login(imeiOf(i), new BenchSocket(1000 + i)).connection);
  fleet.forEach(({ socket }, i) => Object.assign(kernel.of(socket.fd), { lastAckReceivedMs: 40, rttUs: 1000 + i, retransmits: 1 }));
  kernel.asked = 0;
  bench.worker.tick();
  expect(kernel.asked).toBeGreaterThan(0);
  expect(kernel.asked).toBeLessThanOrEqual(16);
  bench.pass(500);
  for (const [i, { id }] of fleet.entries()) {
    expect(presence.find(0, id)).toBe(true);
    expect([presence.rttUs, presence.retransmits]).toEqual([1000 + i, 1]);
    // Forty before some tick of the last half second.
    expect(1_700_000_000_000 + bench.now - presence.lastAckAt).toBeWithin(40, 541);
  }
});

test("without a kernel to ask nothing is sampled", () => {
  const bench = new CodecBench();
  const presence = new Presence(bench.boot.presence, connectionSlots(bench.boot.settings.limits));
  const { connection } = bench.login(imeiOf(1));
  bench.pass(100);
  expect([presence.find(0, connection.id), presence.lastAckAt]).toEqual([true, 0]);
});
