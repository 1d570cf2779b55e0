/** A codec worker's logins, takeovers and ends, over real sockets; registry core and a stand-in journal beside it. */
import { afterEach, describe, expect, test } from "bun:test";
import { END_REASONS } from "../../src/wire/control.ts";
import { Gate } from "../../src/wire/board.ts";
import type { Limits } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import { CodecWorld } from "../support/codec_world.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

let world: CodecWorld;
const start = async (limits: Partial<Limits> = {}, more: Partial<Settings> = {}): Promise<void> => {
  world = await CodecWorld.start(limits, more);
};
afterEach(() => world.stop());

const device = new TestDevice(1, "8E");
const reasonOf = (index: number): string => END_REASONS[index]!;

describe("login", () => {
  test("is answered after the registry's decision, and what is glued behind it is served then", async () => {
    await start();
    world.registryRuns = false;
    const tracker = await Tracker.open(world.port);
    tracker.write(Uint8Array.from([...encodeLogin(device.imei), 0xff, ...device.frame(device.records(3)).bytes]));
    await until("a claim", () => world.sockets === 1 && world.count("berth_ring_bytes", "claims") > 0);
    expect([tracker.login, world.journal.frames.length]).toEqual([null, 0]);
    world.registryRuns = true;
    expect(await tracker.answered()).toBe(1);
    expect(await tracker.ack()).toBe(3);
    expect(world.count("berth_logins_total", "accepted")).toBe(1);
    expect(world.count("berth_pings_total")).toBe(1);
    expect(world.events("connected")[0]).toMatchObject({ device: device.imei, address: "127.0.0.1", port: tracker.localPort });
    tracker.close();
  });

  test("of a device that is connected evicts the old socket and raises the fence, whatever the old one does", async () => {
    await start();
    const old = await Tracker.loggedIn(world.port, device.imei);
    const next = await Tracker.loggedIn(world.port, device.imei);
    await old.ended();
    expect(await next.send(device.frame(device.records(1)).bytes)).toBe(1);
    const [replaced] = world.events("replaced");
    expect(replaced!.fence).toBeGreaterThan(replaced!.oldFence);
    await until("one closed socket", () => world.count("berth_closed_total", "superseded") === 1 && world.sockets === 1);
    expect(world.events("disconnected")).toEqual([]);
    expect([world.count("berth_evictions_total", "superseded"), world.count("berth_connections")]).toEqual([1, 1]);
    next.close();
    await until("a disconnect", () => world.events("disconnected").length === 1);
    expect(world.events("disconnected")[0]).toMatchObject({ fence: replaced!.fence });
  });

  test("of an unknown device is answered 00 where only known ones come in, and counts against its address", async () => {
    await start({}, { unknownDevices: "reject" });
    const stranger = await Tracker.open(world.port);
    stranger.write(encodeLogin(imeiOf(5)));
    expect(await stranger.answered()).toBe(0);
    await stranger.ended();
    const known = await Tracker.loggedIn(world.port, "000000000000999");
    expect(world.count("berth_logins_total", "unknown_device")).toBe(1);
    await until("a closed socket", () => world.count("berth_closed_total", "auth") === 1);
    expect(world.warned("unknown_device")[0]!.fields["device"]).toBe(imeiOf(5));
    known.close();
  });

  test("beyond the known devices is answered 00", async () => {
    await start({ devices: 1 });
    const stranger = await Tracker.open(world.port);
    stranger.write(encodeLogin(imeiOf(5)));
    expect(await stranger.answered()).toBe(0);
    expect(world.count("berth_logins_total", "device_limit")).toBe(1);
  });

  test("while commits fail is closed unanswered, and so is a socket before it", async () => {
    await start();
    const tracker = await Tracker.open(world.port);
    await until("a socket", () => world.sockets === 1);
    world.board.setGate(Gate.failing);
    tracker.write(encodeLogin(device.imei));
    await tracker.ended();
    expect(tracker.login).toBeNull();
    expect(world.count("berth_logins_total", "store_failing")).toBe(1);
    const late = await Tracker.open(world.port);
    await late.ended();
    expect(world.count("berth_accept_refused_total", "store_failing")).toBe(1);
  });

  test("is refused as store_busy when only the room for closes is left, and the closes still find it", async () => {
    await start({ controlRingBytes: 4096 });
    const admitted: Tracker[] = [];
    let refused = 0;
    for (let number = 100; refused === 0 && number < 200; number++) {
      const tracker = await Tracker.open(world.port);
      tracker.write(encodeLogin(imeiOf(number)));
      await until("an answer or an end", () => tracker.login !== null || tracker.end !== null);
      if (tracker.login === 1) admitted.push(tracker);
      else refused++;
    }
    expect(refused).toBe(1);
    expect(admitted.length).toBeGreaterThan(5);
    expect(world.count("berth_logins_total", "store_busy")).toBe(1);
    for (const tracker of admitted) tracker.close();
    await until("every disconnect", () => world.events("disconnected").length === admitted.length);
  });
});

describe("a connection that ends", () => {
  test("before it logs in leaves nothing behind", async () => {
    await start();
    const tracker = await Tracker.open(world.port);
    await until("a socket", () => world.sockets === 1);
    tracker.reset();
    await until("no socket", () => world.sockets === 0);
    expect(world.journal.events).toEqual([]);
  });

  test("says how, where its frames end and when it was last heard", async () => {
    await start();
    const began = Date.now();
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    await tracker.send(device.frame(device.records(1)).bytes);
    tracker.close();
    await until("a disconnect", () => world.events("disconnected").length === 1);
    const [event] = world.events("disconnected");
    expect(reasonOf(event!.reason)).toBe("closed");
    expect(event!.position).toBe(world.journal.frames[0]!.end);
    expect(event!.lastByteAt).toBeGreaterThanOrEqual(began);
    await until("no socket", () => world.sockets === 0);
  });

  test("with frames unsettled names the end of the last of them", async () => {
    await start();
    world.journal.verdict = () => null;
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    for (let i = 0; i < 3; i++) tracker.write(device.frame(device.records(1)).bytes);
    await until("three frames", () => world.journal.frames.length === 3);
    tracker.reset();
    await until("a disconnect", () => world.events("disconnected").length === 1);
    expect(world.events("disconnected")[0]!.position).toBe(world.journal.frames[2]!.end);
  });

  test("before it hears its decision is disconnected too", async () => {
    await start();
    world.registryRuns = false;
    const tracker = await Tracker.open(world.port);
    tracker.write(encodeLogin(device.imei));
    await until("a claim", () => world.count("berth_ring_bytes", "claims") > 0);
    tracker.reset();
    await until("no socket", () => world.sockets === 0);
    world.registryRuns = true;
    await until("both events", () => world.journal.events.length === 2);
    expect(world.journal.events.map((event) => event.type)).toEqual(["connected", "disconnected"]);
  });

  test("by silence before the login is closed and counted", async () => {
    await start({ loginTimeoutMs: 120 });
    const tracker = await Tracker.open(world.port);
    for (const byte of encodeLogin(device.imei).slice(0, 3)) tracker.write(Uint8Array.of(byte));
    await tracker.ended();
    await until("no socket", () => world.count("berth_closed_total", "login_timeout") === 1 && world.sockets === 0);
    expect([world.count("berth_logins_total", "timeout"), world.warned("login_timeout").length]).toEqual([1, 1]);
  });

  test("by silence after the login is closed; one that speaks is not", async () => {
    await start({ idleTimeoutMs: 1000 });
    const quiet = await Tracker.loggedIn(world.port, device.imei);
    const busy = await Tracker.loggedIn(world.port, imeiOf(2));
    const pinging = setInterval(() => busy.write(Uint8Array.of(0xff)), 50);
    await quiet.ended();
    await until("a disconnect", () => world.events("disconnected").length === 1);
    expect(reasonOf(world.events("disconnected")[0]!.reason)).toBe("idle_timeout");
    clearInterval(pinging);
    expect(busy.end).toBeNull();
    busy.close();
  });
});

test("every accepted socket is closed exactly once, through 300 takeovers of five devices", async () => {
  await start();
  const trackers: Tracker[] = [];
  for (let i = 0; i < 300; i++) {
    const tracker = await Tracker.loggedIn(world.port, imeiOf(i % 5));
    if (i % 7 === 0) tracker.reset();
    trackers.push(tracker);
  }
  for (const tracker of trackers) tracker.close();
  await until("no socket", () => world.sockets === 0);
  const closed = END_REASONS.reduce((sum, reason) => sum + world.count("berth_closed_total", reason), 0);
  expect([world.count("berth_accepted_total"), closed]).toEqual([300, 300]);
  await until("nobody connected", () => world.count("berth_connections") === 0);
  const { connected, replaced, disconnected } = Object.groupBy(world.journal.events, (event) => event.type);
  expect(connected!.length + replaced!.length).toBe(300);
  expect(disconnected!.length).toBe(connected!.length);
});
