/** The udp thread's worker: senders, the registry's word, verdicts, and what is met with silence. */
import { describe, expect, test } from "bun:test";
import { Verdict } from "../../../src/wire/frame_message.ts";
import { TestDevice } from "../../support/fleet.ts";
import { admitted, answer, packet, UdpBench } from "../../support/udp_bench.ts";
import { packetOf, together } from "../../support/udp_tracker.ts";

describe("a datagram", () => {
  test("waits for the registry, then for its commit, and is answered where it came from", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    bench.receives(packet(one, 2), "10.0.0.1", 4711);
    expect(bench.frames()).toEqual([]);
    const claim = bench.claim();
    expect(claim).toMatchObject({ device: one.imei, address: "10.0.0.1", port: 4711, transport: 1, dialled: false });
    bench.decide(claim.conn);
    const [frame] = bench.frames();
    expect([frame!.conn, frame!.n, bench.answers]).toEqual([claim.conn, 2, []]);
    bench.settle(frame!.end);
    expect(bench.answers).toEqual([[answer(5, 2), 4711]]);
    bench.receives(packet(one, 3, 6), "10.0.0.1", 4712);
    expect(bench.told()).toEqual([]);
    bench.settle(bench.frames()[0]!.end);
    expect(bench.answers[1]).toEqual([answer(6, 3), 4712]);
    expect(bench.count("berth_udp_senders")).toBe(0);
    bench.pass(20);
    expect(bench.count("berth_udp_senders")).toBe(1);
  });

  test("is answered in the order of the frames, but for those that are not kept", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    admitted(bench, one);
    for (let i = 0; i < 5; i++) bench.receives(packet(one, 1, i));
    const ends = bench.frames().map(({ end }) => end);
    bench.settle(ends[0]!);
    bench.settle(ends[1]!, Verdict.failed);
    bench.settle(ends[2]!, Verdict.refused);
    bench.settle(ends[4]!);
    expect(bench.answers.map(([hex]) => hex)).toEqual([answer(0, 1), answer(3, 1), answer(4, 1)]);
    expect([bench.count("berth_udp_packets_total", "failed"), bench.count("berth_udp_packets_total", "refused")]).toEqual([1, 1]);
  });

  test("beyond what a sender may have waiting is dropped, and what waits is taken when the registry decides", () => {
    const bench = new UdpBench({ udpHeldPackets: 3 });
    const one = new TestDevice(1, "8");
    for (let i = 0; i < 5; i++) bench.receives(packet(one, 1, i));
    bench.decide(bench.claim().conn);
    expect(bench.frames()).toHaveLength(3);
    bench.receives(packet(one, 1, 9));
    expect([bench.frames(), bench.count("berth_udp_packets_total", "busy")]).toEqual([[], 3]);
  });

  test("beyond the bytes that may wait is dropped, and the room comes back with the decision", () => {
    const bench = new UdpBench({ udpHeldBytes: 120 });
    const [one, two] = [new TestDevice(1, "8"), new TestDevice(2, "8")];
    const small = (device: TestDevice) => packetOf(device.imei, device.frame(device.records(2).map((r) => ({ ...r, io: [] }))).bytes);
    bench.receives(small(one));
    bench.receives(small(two));
    expect(bench.count("berth_udp_packets_total", "busy")).toBe(1);
    bench.decide(bench.claim().conn, "unknown_device");
    bench.receives(small(two));
    expect(bench.claim().device).toBe(two.imei);
  });

  test("of a device that is refused is met with silence, and nothing is kept of its sender", () => {
    const bench = new UdpBench({ failedLoginsPerSecondPerAddress: 2 });
    const one = new TestDevice(1, "8");
    for (let i = 0; i < 2; i++) {
      bench.receives(packet(one, 1));
      bench.decide(bench.claim().conn, "unknown_device");
    }
    expect([bench.worker.sockets, bench.answers, bench.frames()]).toEqual([0, [], []]);
    // Two failed: in this second nobody is asked any more.
    bench.receives(packet(one, 1));
    expect([bench.told(), bench.count("berth_udp_packets_total", "rate")]).toEqual([[], 1]);
    expect(bench.count("berth_logins_total", "unknown_device")).toBe(2);
    expect(bench.failedLogins("10.0.0.1")).toBe(0);
    bench.pass(1000);
    bench.receives(packet(one, 1));
    expect(bench.claim().device).toBe(one.imei);
  });

  test("while the store fails asks nobody", () => {
    const bench = new UdpBench();
    bench.board.setGate(2);
    bench.receives(packet(new TestDevice(1, "8"), 1));
    expect([bench.told(), bench.worker.sockets, bench.count("berth_udp_packets_total", "busy")]).toEqual([[], 0, 1]);
  });

  test("with a good packet before a bad one is taken up to that", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    bench.receives(together(packet(one, 1), packet(one, 1).subarray(0, 30)));
    bench.decide(bench.claim().conn);
    expect([bench.frames().length, bench.count("berth_udp_packets_total", "malformed")]).toEqual([1, 1]);
    expect(bench.warnings.at(-1)).toMatchObject({ code: "truncated", address: "10.0.0.1" });
  });

  test("without room in the ring is dropped", () => {
    const bench = new UdpBench({ frameRingBytes: 4096, frameBytes: 1292, udpHeldPackets: 1024 });
    const one = new TestDevice(1, "8");
    admitted(bench, one);
    for (let i = 0; i < 40; i++) bench.receives(packet(one, 3, i));
    const dropped = bench.count("berth_udp_packets_total", "busy");
    expect(dropped).toBeGreaterThan(0);
    expect(bench.frames()).toHaveLength(40 - dropped);
  });
});

describe("a sender", () => {
  test("beside the owner stores, and asks again with every packet until it owns the device", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    bench.receives(packet(one, 1, 1));
    const { conn } = bench.claim();
    bench.alongside(conn);
    bench.receives(packet(one, 1, 2));
    expect(bench.claim().conn).toBe(conn);
    bench.alongside(conn);
    const ends = bench.frames().map(({ end }) => end);
    expect(ends).toHaveLength(2);
    bench.settle(ends[1]!);
    expect(bench.answers.map(([hex]) => hex)).toEqual([answer(1, 1), answer(2, 1)]);
    bench.receives(packet(one, 1, 3));
    bench.decide(bench.claim().conn);
    bench.receives(packet(one, 1, 4));
    expect([bench.told(), bench.frames().length]).toEqual([[], 2]);
  });

  test("that is evicted is gone, owes one close, and comes back as another one", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    const conn = admitted(bench, one);
    bench.receives(packet(one, 1));
    const { end } = bench.frames()[0]!;
    bench.evict(conn);
    expect(bench.told()).toMatchObject([{ type: "close", conn, device: one.imei, fence: 1024, position: end }]);
    bench.receives(packet(one, 1, 7));
    const again = bench.claim();
    expect(again.conn).not.toBe(conn);
    // What was on its way when it was evicted is refused, and the newcomer's count of it stays right.
    bench.settle(end, Verdict.refused);
    bench.decide(again.conn, "none", 2048);
    bench.settle(bench.frames()[0]!.end);
    expect(bench.answers.map(([hex]) => hex)).toEqual([answer(7, 1)]);
  });

  test("that is probed does not answer: nobody can be asked", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    const conn = admitted(bench, one);
    bench.say({ type: "probe", conn, fence: 1024, deadlineMs: 2000 });
    bench.pass(20);
    expect(bench.told()).toEqual([{ type: "probed", device: one.imei, fence: 1024, answers: false }]);
  });

  test("that is silent for long is gone, counted from its last datagram, and not while its packet waits", () => {
    const bench = new UdpBench({ udpIdleMs: 1000 });
    const one = new TestDevice(1, "8");
    const conn = admitted(bench, one);
    bench.pass(900);
    bench.receives(packet(one, 1));
    bench.settle(bench.frames()[0]!.end);
    bench.pass(900);
    expect(bench.told()).toEqual([]);
    bench.receives(packet(one, 1));
    const { end } = bench.frames()[0]!;
    bench.pass(980);
    expect(bench.told()).toEqual([]);
    bench.pass(500);
    expect(bench.told()).toEqual([]);
    bench.settle(end);
    bench.pass(1000);
    expect(bench.told()).toMatchObject([{ type: "close", conn, reason: 2 }]);
    expect(bench.worker.sockets).toBe(0);
  });

  test("is one for each address, whatever the port", () => {
    const bench = new UdpBench();
    const one = new TestDevice(1, "8");
    const conn = admitted(bench, one, "10.0.0.1");
    bench.receives(packet(one, 1), "10.0.0.1", 99);
    expect(bench.told()).toEqual([]);
    bench.receives(packet(one, 1), "10.0.0.2");
    expect(bench.claim().conn).not.toBe(conn);
  });
});

test("a shutdown takes nothing new, answers what was taken, and tells the registry of every sender once", () => {
  const bench = new UdpBench();
  const devices = [1, 2, 3].map((number) => new TestDevice(number, "8"));
  const [first, second] = [admitted(bench, devices[0]!), admitted(bench, devices[1]!)];
  bench.receives(packet(devices[0]!, 1, 9));
  bench.receives(packet(devices[2]!, 1));
  const asking = bench.claim().conn;
  bench.worker.pause();
  bench.receives(packet(devices[1]!, 1));
  const frames = bench.frames();
  expect([frames.length, bench.worker.quiet]).toEqual([1, false]);
  bench.settle(frames[0]!.end);
  expect([bench.answers.map(([hex]) => hex), bench.worker.quiet]).toEqual([[answer(9, 1)], true]);
  bench.worker.farewell();
  const told = bench.told();
  expect(told.map((message) => [message.type, "conn" in message ? message.conn : 0])).toEqual([["close", first], ["close", second], [
    "close",
    asking,
  ]]);
  // The decision comes after the goodbye.
  bench.decide(asking, "draining");
  expect(bench.count("berth_logins_total", "draining")).toBe(0);
  bench.worker.endAll();
  expect([bench.told(), bench.worker.sockets]).toEqual([[], 0]);
});
