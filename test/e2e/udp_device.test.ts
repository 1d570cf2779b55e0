/** A device that is heard over UDP, and over TCP as well: who owns it, what moves it, and when it is offline. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { allRecords, device } from "../support/rest.ts";
import { packetOf } from "../support/udp_tracker.ts";
import { timesOf, UdpWorld } from "../support/udp_world.ts";
import { until } from "../support/until.ts";

const world = new UdpWorld();
afterEach(() => world.end());
afterAll(endEverything);

test("a device with a session keeps its owner, fence and position while its datagrams are stored", async () => {
  await world.start();
  const one = new TestDevice(1, "8E");
  const session = await world.tcp(one.imei);
  const fixed = one.records(2).map((record) => ({ ...record, satellites: 9 }));
  expect(await session.send(one.frame(fixed).bytes)).toBe(2);
  const before = await device(world.gateway.url, one.imei);
  expect([before.transport, before.position!.time]).toEqual(["tcp", fixed[1]!.time]);
  const consumer = await world.consumer();
  const beside = one.records(5).map((record) => ({ ...record, satellites: 9 }));
  const datagrams = await world.udp();
  for (const [i, record] of beside.entries()) {
    datagrams.send(packetOf(one.imei, one.frame([record]).bytes, { avlPacketId: i }));
    expect(await datagrams.answer()).toBe(`0005cafe010${i}01`);
  }
  const after = await device(world.gateway.url, one.imei);
  expect({ ...after, records: 0, liveness: null }).toEqual({ ...before, records: 0, liveness: null });
  expect(after.records).toBe(7);
  await until("the records told", () => consumer.events.filter(({ event }) => event === "record").length === 5);
  expect(consumer.events.filter(({ event }) => event !== "record").map(({ event }) => event)).toEqual(["resync"]);
  expect([session.end, await session.send(one.frame(one.records(1)).bytes)]).toEqual([null, 1]);
  // The session leaves: from now on the datagrams speak for the device.
  session.close();
  await until("it is offline", async () => !(await device(world.gateway.url, one.imei)).connected);
  const last = one.records(1).map((record) => ({ ...record, satellites: 9 }));
  datagrams.send(packetOf(one.imei, one.frame(last).bytes, { avlPacketId: 6 }));
  expect(await datagrams.answer()).toBe("0005cafe010601");
  const moved = await device(world.gateway.url, one.imei);
  expect([moved.transport, moved.connected, moved.position!.time]).toEqual(["udp", true, last[0]!.time]);
  expect(moved.fence).toBeGreaterThan(before.fence);
});

test("a device heard over UDP is taken over by its session at once, whatever the policy", async () => {
  await world.start({ policy: "reject" });
  const one = new TestDevice(1, "8");
  const datagrams = await world.udp();
  datagrams.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
  expect(await datagrams.answer()).toBe("0005cafe010501");
  const session = await world.tcp(one.imei);
  expect(await session.send(one.frame(one.records(2)).bytes)).toBe(2);
  expect((await device(world.gateway.url, one.imei)).transport).toBe("tcp");
  datagrams.send(packetOf(one.imei, one.frame(one.records(3)).bytes));
  expect(await datagrams.answer()).toBe("0005cafe010503");
  expect((await device(world.gateway.url, one.imei)).transport).toBe("tcp");
});

test("a device that moves to another address is answered there, and to another port without a takeover", async () => {
  await world.start({ "udp.udp_move_ms": 0 });
  const consumer = await world.consumer();
  const one = new TestDevice(1, "8");
  const send = async (from?: string): Promise<void> => {
    const tracker = await world.udp(from);
    tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
    expect(await tracker.answer()).toBe("0005cafe010501");
  };
  await send();
  await send();
  await send("127.0.0.3");
  await until("all told", () => consumer.events.filter(({ event }) => event === "record").length === 3);
  expect(consumer.events.map(({ event }) => event)).toEqual(["resync", "connected", "record", "record", "replaced", "record"]);
  expect((await device(world.gateway.url, one.imei)).origin.address).toBe("127.0.0.3");
});

test("a device that is silent for long is offline, and comes back with its next datagram", async () => {
  await world.start({ "udp.udp_idle_ms": 200 });
  const consumer = await world.consumer();
  const one = new TestDevice(1, "8");
  const tracker = await world.udp();
  tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
  await tracker.answer();
  await until("it is offline", () => consumer.events.some(({ event }) => event === "disconnected"));
  expect(JSON.parse(consumer.events.at(-1)!.data)).toMatchObject({ device: one.imei, reason: "idle_timeout", records: 1 });
  tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
  await tracker.answer();
  await until("it is back", () => consumer.events.filter(({ event }) => event === "connected").length === 2);
});

test("a device that got no answer sends again after a restart, and what was acknowledged before is there once", async () => {
  await world.start();
  const one = new TestDevice(1, "8E");
  const [kept, next] = [one.frame(one.records(3)), one.frame(one.records(2))];
  const tracker = await world.udp();
  tracker.send(packetOf(one.imei, kept.bytes));
  expect(await tracker.answer()).toBe("0005cafe010503");
  const port = world.udpPort;
  await world.gateway.kill();
  tracker.send(packetOf(one.imei, next.bytes, { avlPacketId: 6 }));
  world.gateway = await Gateway.start({ data: world.gateway.data, args: ["--udp", `127.0.0.1:${port}`], settings: { workers: 1 } });
  expect(await tracker.insist(packetOf(one.imei, next.bytes, { avlPacketId: 6 }))).toBe("0005cafe010602");
  tracker.send(packetOf(one.imei, kept.bytes, { avlPacketId: 8 }));
  await until("the second answer", () => tracker.answers.includes("0005cafe010803"));
  expect(timesOf(await allRecords(world.gateway.url, one.imei))).toEqual(timesOf([...kept.records, ...next.records]));
});
