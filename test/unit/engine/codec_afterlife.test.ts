/** What is heard of a connection after its eviction, and how long it is listened to: a kernel and a clock by hand. */
import { describe, expect, test } from "bun:test";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { FakeKernel } from "../../support/fake_kernel.ts";
import { imeiOf } from "../../support/fleet.ts";

const [OLD, NEW] = [7, 8];
const [FIN_WAIT1, FIN_WAIT2, CLOSED, CLOSE_WAIT] = [4, 5, 7, 8];
const imei = imeiOf(1);

/** An evicted connection whose FIN is on its way. */
function evicted(kernel: FakeKernel | null = new FakeKernel(), limits = {}) {
  const bench = new CodecBench({ evictedCloseMs: 1000, afterlifeMs: 5000, ...limits }, kernel);
  const old = bench.login(imei, new BenchSocket(kernel === null ? -1 : OLD));
  bench.login(imei, new BenchSocket(kernel === null ? -1 : NEW));
  if (kernel !== null) Object.assign(kernel.of(OLD), { state: FIN_WAIT1, unacked: 1 });
  const evidence = (): boolean[][] =>
    bench.journal.events.filter((event) => event.type === "evidence").map((one) => [one.answered, one.bytesAfter]);
  const gone = (how: "closed" | "reset" | "lost"): void => {
    bench.worker.close(old.connection, how);
    bench.turn();
  };
  const stacks = (): number[] => ["answered", "silent"].map((stack) => bench.count("berth_evicted_peers_total", stack));
  return { bench, kernel: kernel!, old, gone, evidence, stacks };
}

describe("the peer of an evicted connection", () => {
  test.each([["closed", true], ["reset", true], ["lost", false]] as const)(
    "that ended as %s by itself has answered: %p",
    (how, answered) => {
      const { gone, evidence, stacks } = evicted();
      gone(how);
      expect([evidence(), stacks()]).toEqual([[[answered, false]], answered ? [1, 0] : [0, 1]]);
    },
  );

  test.each([[CLOSED], [CLOSE_WAIT]])("that had ended it before, state %p, has not lost what it still used", (state) => {
    const kernel = new FakeKernel();
    kernel.of(OLD).state = state;
    const { gone, evidence, stacks } = evicted(kernel);
    kernel.hear(OLD);
    gone("closed");
    expect([evidence(), stacks()]).toEqual([[[false, false]], [0, 1]]);
  });

  test("that takes the FIN and stays is reset in time, and has answered", () => {
    const { bench, kernel, old, gone, evidence } = evicted();
    kernel.hear(OLD);
    Object.assign(kernel.of(OLD), { state: FIN_WAIT2, unacked: 0 });
    bench.pass(950);
    expect(old.socket.resets).toBe(0);
    bench.pass(80);
    expect(old.socket.resets).toBe(1);
    gone("closed");
    expect(evidence()).toEqual([[true, false]]);
  });

  test("that sends bytes after it has answered with bytes, read or not", () => {
    const read = evicted(null);
    read.bench.worker.data(read.old.connection, Uint8Array.of(0xff));
    read.gone("closed");
    const unread = evicted();
    unread.kernel.hear(OLD, 5);
    unread.bench.pass(1030);
    unread.gone("closed");
    expect([read.evidence(), unread.evidence()]).toEqual([[[true, true]], [[true, true]]]);
  });

  test("that is silent is listened to for five seconds, then reset, and has not answered", () => {
    const { bench, old, gone, evidence } = evicted();
    bench.pass(4900);
    expect(old.socket.resets).toBe(0);
    bench.pass(250);
    expect(old.socket.resets).toBe(1);
    gone("closed");
    expect(evidence()).toEqual([[false, false]]);
  });

  test("that answers late is reset then, and has answered", () => {
    const { bench, kernel, old, gone, evidence } = evicted();
    bench.pass(3000);
    kernel.hear(OLD);
    bench.pass(130);
    expect(old.socket.resets).toBe(1);
    gone("closed");
    expect(evidence()).toEqual([[true, false]]);
  });

  test("whose window is full is reset in time: the FIN never left", () => {
    const { bench, kernel, old } = evicted();
    kernel.of(OLD).unacked = 0;
    bench.pass(1030);
    expect(old.socket.resets).toBe(1);
  });

  test("beyond the bound is reset in time, and one that ends makes room", () => {
    const { bench, kernel, old, gone } = evicted(undefined, { afterlifeSockets: 1 });
    const evictMore = (fd: number): BenchSocket => {
      const { socket } = bench.login(imeiOf(fd), new BenchSocket(fd));
      bench.login(imeiOf(fd), new BenchSocket(fd + 1000));
      Object.assign(kernel.of(fd), { state: FIN_WAIT1, unacked: 1 });
      return socket;
    };
    bench.pass(1100);
    const second = evictMore(20);
    bench.pass(1100);
    expect([old.socket.resets, second.resets]).toEqual([0, 1]);
    gone("lost");
    const third = evictMore(30);
    bench.pass(1100);
    expect(third.resets).toBe(0);
  });
});

test("a connection that ends by itself tells nothing of an afterlife", () => {
  const bench = new CodecBench({}, new FakeKernel());
  const { connection } = bench.login(imei, new BenchSocket(OLD));
  bench.worker.close(connection, "closed");
  bench.turn();
  expect(bench.journal.events.filter((event) => event.type === "evidence")).toEqual([]);
  expect(bench.count("berth_evicted_peers_total", "answered") + bench.count("berth_evicted_peers_total", "silent")).toBe(0);
});
