/** Probes of a holder: a refusing policy, a kernel and a clock by hand. */
import { describe, expect, test } from "bun:test";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { FakeKernel } from "../../support/fake_kernel.ts";
import { imeiOf } from "../../support/fleet.ts";
import { encodeLogin } from "../../support/frames.ts";

const [HOLDER, NEWCOMER] = [7, 8];
const DEADLINE_MS = 1000;
const imei = imeiOf(1);

function world(kernel: FakeKernel | null = new FakeKernel()) {
  const bench = new CodecBench({ trackerProbeMs: DEADLINE_MS, idleTimeoutMs: 60_000 }, kernel, "reject");
  const holder = bench.login(imei, new BenchSocket(kernel === null ? -1 : HOLDER));
  bench.pass(5000);
  const newcomer = bench.login(imei, new BenchSocket(kernel === null ? -1 : NEWCOMER));
  const results = (): number[] =>
    ["answered", "silent", "ended", "assumed"].map((outcome) => bench.count("berth_probe_results_total", outcome));
  return { bench, kernel, holder, newcomer, results };
}

describe("a probe of a holder", () => {
  test("is answered as soon as its kernel hears a segment, and the newcomer is refused then", () => {
    const { bench, kernel, holder, newcomer, results } = world();
    kernel!.of(HOLDER).lastAckReceivedMs = 5000;
    bench.pass(400);
    expect([newcomer.socket.written, kernel!.calls]).toEqual([[], [`ask ${HOLDER}`]]);
    kernel!.hear(HOLDER);
    bench.pass(20);
    expect([newcomer.socket.written, newcomer.connection.reason, holder.socket.fins]).toEqual([[0], "rejected", 0]);
    expect([kernel!.calls, results()]).toEqual([[`ask ${HOLDER}`, `restore ${HOLDER}`], [1, 0, 0, 0]]);
  });

  test("is silent at its deadline when nothing was heard, and the newcomer has the device then", () => {
    const { bench, holder, newcomer, results } = world();
    bench.pass(DEADLINE_MS - 50);
    expect([newcomer.socket.written, holder.socket.fins]).toEqual([[], 0]);
    bench.pass(70);
    expect([newcomer.socket.written, holder.socket.fins, holder.connection.reason]).toEqual([[1], 1, "superseded"]);
    expect(results()[0]).toBe(0);
  });

  test("does not take for an answer what was received before it began", () => {
    const { bench, kernel, newcomer } = world();
    kernel!.hear(HOLDER);
    kernel!.of(HOLDER).lastAckReceivedMs = 5000;
    bench.pass(500);
    expect(newcomer.socket.written).toEqual([]);
  });

  test("is shared: who comes while it runs starts no other, and all are refused by one answer", () => {
    const { bench, kernel, newcomer, results } = world();
    const more = [9, 10].map((fd) => bench.login(imei, new BenchSocket(fd)));
    bench.pass(200);
    kernel!.hear(HOLDER);
    bench.pass(20);
    expect([newcomer, ...more].map(({ socket }) => socket.written)).toEqual([[0], [0], [0]]);
    expect([kernel!.calls, bench.count("berth_probes_total"), results()]).toEqual([[`ask ${HOLDER}`, `restore ${HOLDER}`], 1, [
      1,
      0,
      0,
      0,
    ]]);
  });

  test("ends with its holder's close, and the newcomer has the device at once", () => {
    const { bench, holder, newcomer, results } = world();
    bench.worker.close(holder.connection, "lost");
    bench.turn();
    bench.turn();
    expect([newcomer.socket.written, results(), bench.count("berth_closed_total", "lost")]).toEqual([[1], [0, 0, 1, 0], 1]);
  });

  test("goes on when the newcomer goes away, and gives the holder its options back", () => {
    const { bench, kernel, holder, newcomer } = world();
    bench.worker.close(newcomer.connection, "closed");
    bench.pass(DEADLINE_MS + 50);
    expect([kernel!.calls, holder.socket.fins]).toEqual([[`ask ${HOLDER}`, `restore ${HOLDER}`], 0]);
  });

  test("without a descriptor answers at once for a holder heard within its idle timeout", () => {
    const { bench, newcomer, holder, results } = world(null);
    bench.turn();
    expect([newcomer.socket.written, holder.socket.fins, results()]).toEqual([[0], 0, [0, 0, 0, 1]]);
  });
});

test("a probe's answer waits for room in the ring and is told then", () => {
  const kernel = new FakeKernel();
  const bench = new CodecBench({ trackerProbeMs: 60_000, idleTimeoutMs: 60_000, controlRingBytes: 4096 }, kernel, "reject");
  bench.login(imei, new BenchSocket(HOLDER));
  const newcomer = bench.login(imei, new BenchSocket(NEWCOMER));
  bench.pass(100);
  // More logins than the ring takes before the registry has its turn.
  for (let i = 0; bench.count("berth_ring_full_total", "claims") === 0; i++) {
    bench.worker.data(bench.open(new BenchSocket(100 + i)), encodeLogin(imeiOf(1000 + i)));
  }
  kernel.hear(HOLDER);
  bench.worker.tick();
  expect(bench.count("berth_probe_results_total", "answered")).toBe(0);
  bench.turn();
  bench.turn();
  expect([bench.count("berth_probe_results_total", "answered"), newcomer.socket.written]).toEqual([1, [0]]);
});
