/** The fleet as the page folds it: pages of devices, then events, each counted once. */
import { describe, expect, test } from "bun:test";
import { Fleet } from "../../../src/http/dashboard/page/fleet.ts";
import { sorted } from "../../../src/http/dashboard/page/order.ts";
import type { DeviceJson } from "../../../src/http/schema.ts";

const ORIGIN = { address: "10.0.0.1", port: 4000, clientInstance: null };
const FIX = { priority: 0, lon: 25, lat: 54, altitude: 100, angle: 90, satellites: 9, speed: 50, eventId: 0, generationType: null, io: {} };

const deviceOf = (id: string, records: number, change: Partial<DeviceJson> = {}): DeviceJson => ({
  id,
  connected: true,
  fence: 10,
  transport: "tcp",
  origin: ORIGIN,
  since: 1000,
  lastSeenAt: 2000,
  lastByteAt: 2000,
  position: { ...FIX, time: 1500 },
  records,
  ...change,
});

const recordOf = (device: string, time: number, change: object = {}) => ({
  ...FIX,
  device,
  fence: 10,
  time,
  receivedAt: time + 100,
  ...change,
});

function fleetOf(...devices: DeviceJson[]): Fleet {
  const fleet = new Fleet();
  fleet.page(devices, 100);
  fleet.hydrated();
  return fleet;
}

describe("dashboard fleet", () => {
  test("an event at or below the page's cursor is in the page already", () => {
    const fleet = fleetOf(deviceOf("a", 5));
    fleet.apply("record", 100, recordOf("a", 3000));
    expect(fleet.get("a")).toMatchObject({ records: 5, place: { time: 1500 } });
    fleet.apply("record", 101, recordOf("a", 3000));
    expect(fleet.get("a")).toMatchObject({ records: 6, place: { time: 3000 }, lastSeenAt: 3100 });
  });

  test("what came beside the owner, later, or marked counts, and moves nothing", () => {
    const fleet = fleetOf(deviceOf("a", 5));
    fleet.apply("record", 101, recordOf("a", 3000, { unfenced: true }));
    fleet.apply("record", 102, recordOf("a", 3001, { unfenced: true, redecoded: true }));
    expect(fleet.get("a")).toMatchObject({ records: 7, place: { time: 1500 }, lastSeenAt: 2000 });
    fleet.apply("record", 103, recordOf("a", 3002, { quarantined: true }));
    expect(fleet.get("a")).toMatchObject({ records: 8, place: { time: 1500 }, lastSeenAt: 3102 });
  });

  test("read beside the stream, what is newer than its events stands, and they are not counted again", () => {
    const fleet = fleetOf(deviceOf("a", 5), deviceOf("b", 5));
    fleet.apply("record", 101, recordOf("a", 3000));
    fleet.apply("record", 130, recordOf("b", 3000));
    fleet.correct([deviceOf("a", 25), deviceOf("b", 7), deviceOf("c", 1)], 120);
    fleet.apply("record", 119, recordOf("a", 3001));
    fleet.apply("record", 121, recordOf("a", 3002));
    expect([fleet.get("a")!.records, fleet.get("b")!.records, fleet.get("c")]).toEqual([26, 6, undefined]);
    expect([fleet.connected, fleet.vehicles.length]).toEqual([2, 2]);
  });

  test("each page has a cursor of its own", () => {
    const fleet = new Fleet();
    fleet.page([deviceOf("a", 1)], 100);
    fleet.page([deviceOf("b", 1)], 110);
    fleet.hydrated();
    for (const id of ["a", "b"]) fleet.apply("record", 105, recordOf(id, 3000));
    expect([fleet.get("a")!.records, fleet.get("b")!.records]).toEqual([2, 1]);
  });

  test("records from before the hydrate draw the trail and count nothing", () => {
    const fleet = fleetOf(deviceOf("a", 5));
    for (let i = 0; i < 4; i++) fleet.apply("record", 90 + i, recordOf("a", 1000 + i, { lon: 25 + i }));
    expect(fleet.get("a")!.trail.length).toBe(4);
    expect(fleet.get("a")!.records).toBe(5);
  });

  test("a backlog, a record without a fix and a clock that is ahead do not move the device", () => {
    const fleet = fleetOf(deviceOf("a", 0));
    fleet.apply("record", 101, recordOf("a", 1400, { lon: 1 }));
    fleet.apply("record", 102, recordOf("a", 3000, { lon: 2, satellites: 0 }));
    fleet.apply("record", 103, recordOf("a", 9e12, { lon: 3, receivedAt: 3000 }));
    expect(fleet.get("a")).toMatchObject({ records: 3, place: { lon: 25 } });
  });

  test("a device is seen by what it says about commands, not by what is done to it", () => {
    const fleet = fleetOf(deviceOf("a", 5));
    fleet.apply("command", 101, { device: "a", fence: 10, at: 5000, state: "written" });
    expect(fleet.get("a")).toMatchObject({ lastSeenAt: 2000 });
    fleet.apply("command", 102, { device: "a", fence: 10, at: 6000, state: "answered" });
    expect(fleet.get("a")).toMatchObject({ lastSeenAt: 6000 });
    fleet.apply("command", 103, { device: "a", fence: 10, at: 7000, unsolicited: true });
    expect(fleet.get("a")).toMatchObject({ lastSeenAt: 7000 });
  });

  test("the end of a lower fence changes nothing", () => {
    const fleet = fleetOf(deviceOf("a", 0));
    fleet.apply("replaced", 101, { device: "a", fence: 20, at: 3000, transport: "tcp", origin: { ...ORIGIN, port: 5000 } });
    fleet.apply("disconnected", 102, { device: "a", fence: 10, at: 3001 });
    expect(fleet.get("a")).toMatchObject({ connected: true, fence: 20, since: 3000, origin: { port: 5000 } });
    expect(fleet.connected).toBe(1);
    fleet.apply("disconnected", 103, { device: "a", fence: 20, at: 3002 });
    expect(fleet.get("a")!.connected).toBe(false);
    expect(fleet.connected).toBe(0);
  });

  test("a device nobody heard of comes with its first event", () => {
    const fleet = fleetOf();
    fleet.apply("connected", 101, { device: "new", fence: 1, at: 5, transport: "tcp", origin: ORIGIN });
    expect(fleet.vehicles.map(({ id, connected }) => [id, connected])).toEqual([["new", true]]);
    expect(fleet.connected).toBe(1);
  });

  test("a second hydrate drops what is not there any more and keeps trails", () => {
    const fleet = fleetOf(deviceOf("a", 1), deviceOf("b", 1));
    fleet.apply("record", 101, recordOf("a", 3000));
    fleet.page([deviceOf("a", 7, { connected: false })], 200);
    fleet.hydrated();
    expect(fleet.vehicles.map(({ id, records, connected }) => [id, records, connected])).toEqual([["a", 7, false]]);
    expect(fleet.get("a")!.trail.length).toBe(1);
    expect(fleet.connected).toBe(0);
    expect(fleet.get("b")).toBeUndefined();
  });

  test("refusals of identities without a device are nobody's", () => {
    const fleet = fleetOf();
    fleet.apply("refused", 101, { id: "x", at: 1, count: 3 });
    expect(fleet.vehicles).toEqual([]);
  });
});

describe("dashboard order", () => {
  const fleet = fleetOf(
    deviceOf("b", 5, { lastSeenAt: 3, connected: false }),
    deviceOf("c", 5, { lastSeenAt: 1 }),
    deviceOf("a", 9, { lastSeenAt: 2, position: null }),
  );
  const ids = (by: "id" | "state" | "seen" | "speed" | "records", descending: boolean): string =>
    sorted(fleet.vehicles, { by, descending }).map(({ id }) => id).join("");

  test("sorts by each heading, equal ones by id", () => {
    expect(ids("id", false)).toBe("abc");
    expect(ids("id", true)).toBe("cba");
    expect(ids("state", true)).toBe("acb");
    expect(ids("seen", true)).toBe("bac");
    expect(ids("speed", false)).toBe("abc");
    expect(ids("records", true)).toBe("abc");
    expect(ids("records", false)).toBe("bca");
  });
});
