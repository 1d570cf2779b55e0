/** The udp thread's worker with as many senders as it may have: who makes room for another. */
import { describe, expect, test } from "bun:test";
import { TestDevice } from "../../support/fleet.ts";
import { admitted, answer, packet, UdpBench } from "../../support/udp_bench.ts";

test("senders take a quarter of the connections at most: the rest is for sessions", () => {
  const bench = new UdpBench({ connections: 12 });
  for (let number = 0; number < 9; number++) bench.receives(packet(new TestDevice(number, "8"), 1));
  expect([bench.worker.sockets, bench.told().length, bench.count("berth_udp_packets_total", "busy")]).toEqual([3, 3, 6]);
});

describe("a full table", () => {
  const full = () => {
    const bench = new UdpBench({ udpSenders: 3, udpConfirmMs: 1000 });
    const devices = [1, 2, 3, 4, 5].map((number) => new TestDevice(number, "8"));
    const conns = devices.slice(0, 3).map((device, i) => admitted(bench, device, `10.0.0.${i}`));
    return { bench, devices, conns };
  };

  test("makes room by the sender that was heard in one moment only, the longest ago", () => {
    const { bench, devices, conns } = full();
    bench.pass(1000);
    bench.receives(packet(devices[0]!, 1), "10.0.0.0");
    bench.settle(bench.frames().at(-1)!.end);
    // Any name may come from anywhere: each takes the place of one of its kind.
    for (let i = 3; i < 5; i++) {
      bench.receives(packet(devices[i]!, 1), "10.0.0.9");
      const [close, claim] = bench.told();
      expect([close, claim]).toMatchObject([{ type: "close", conn: conns[i - 2] }, { type: "claim", device: devices[i]!.imei }]);
      if (claim?.type !== "claim") continue;
      bench.decide(claim.conn);
      bench.settle(bench.frames().at(-1)!.end);
    }
    expect([bench.worker.sockets, bench.count("berth_udp_packets_total", "busy")]).toEqual([3, 0]);
    bench.receives(packet(devices[0]!, 1), "10.0.0.0");
    expect(bench.told()).toEqual([]);
  });

  const heardAgain = ({ bench, devices }: ReturnType<typeof full>): void => {
    bench.pass(1000);
    devices.slice(0, 3).forEach((device, i) => {
      bench.receives(packet(device, 1), `10.0.0.${i}`);
      bench.settle(bench.frames().at(-1)!.end);
    });
  };

  test("of senders that are heard again and again keeps them, and meets one more with silence", () => {
    const world = full();
    const { bench, devices } = world;
    heardAgain(world);
    bench.receives(packet(devices[3]!, 1), "10.0.0.9");
    expect([bench.told(), bench.count("berth_udp_packets_total", "busy")]).toEqual([[], 1]);
  });

  test("of names that were made up and sent twice has a place for a device: that of who is silent for longest", () => {
    const world = full();
    const { bench, devices, conns } = world;
    heardAgain(world);
    bench.pass(500);
    bench.receives(packet(devices[0]!, 1), "10.0.0.0");
    bench.settle(bench.frames().at(-1)!.end);
    bench.pass(500);
    const real = devices[3]!;
    bench.receives(packet(real, 1, 9), "10.0.0.9");
    const [close, claim] = bench.told();
    expect([close, claim]).toMatchObject([{ type: "close", conn: conns[1] }, { type: "claim", device: real.imei }]);
    if (claim?.type === "claim") bench.decide(claim.conn);
    bench.answers.length = 0;
    bench.settle(bench.frames().at(-1)!.end);
    expect(bench.answers.map(([hex]) => hex)).toEqual([answer(9, 1)]);
    // One more made-up name takes the newcomer's place, not one of those that are there.
    bench.receives(packet(devices[4]!, 1), "10.0.0.9");
    expect(bench.told()).toMatchObject([{ type: "close", device: real.imei }, { type: "claim", device: devices[4]!.imei }]);
    // And while that waits for its decision, the next one takes none at all.
    bench.receives(packet(new TestDevice(6, "8"), 1), "10.0.0.9");
    expect([bench.told(), bench.count("berth_udp_packets_total", "busy")]).toEqual([[], 1]);
  });

  test("keeps a sender whose packet waits for its commit", () => {
    const { bench, devices, conns } = full();
    bench.receives(packet(devices[0]!, 1), "10.0.0.0");
    bench.receives(packet(devices[3]!, 1), "10.0.0.9");
    expect(bench.told()[0]).toMatchObject({ type: "close", conn: conns[1] });
  });
});
