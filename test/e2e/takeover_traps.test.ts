/** What broke the systems Berth learns from, on real sockets: each test is one of their bugs. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DeafSocket } from "../support/deaf_socket.ts";
import { imeiOf, recordsOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { endEverything, Gateway, type SettingsText } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { expectRecordsSeen, expectSeenOnce } from "../support/main_job.ts";
import { ask, device, devicesPage, metric, metrics } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** [tcp] evicted_close_ms: then a FIN that was not taken becomes a reset. */
const RESET_MS = 1000;
/** What "is not delayed" means, with room for a busy machine. */
const PROMPT_MS = 100;

let gateway: Gateway;
const start = async (settings: SettingsText = {}): Promise<void> => {
  gateway = await Gateway.start({ settings: { workers: 2, ...settings } });
};
const took = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** A holder whose answers fill its window: it takes no FIN either. */
async function deafHolder(one: TestDevice): Promise<DeafSocket> {
  const holder = DeafSocket.tracker(gateway.tcpPort, one.imei);
  await holder.fill(one.frame(one.records(1)).bytes);
  return holder;
}

describe("a trap", () => {
  beforeEach(() => start());
  afterEach(async () => {
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  });

  test("third connect while the first one's close is pending: nobody waits, and the goodbye to a dead socket blocks nothing", async () => {
    const [one, other] = [new TestDevice(3801, "8"), new TestDevice(3802, "16")];
    const neighbour = await Tracker.loggedIn(gateway.tcpPort, other.imei);
    const [logins, acks]: [number[], number[]] = [[], []];
    for (let round = 0; round < 8; round++) {
      const holder = await deafHolder(one);
      const began = performance.now();
      let second!: Tracker;
      logins.push(await took(async () => second = await Tracker.loggedIn(gateway.tcpPort, one.imei)));
      acks.push(await took(() => neighbour.send(other.frame(other.records(1)).bytes)));
      let third!: Tracker;
      logins.push(await took(async () => third = await Tracker.loggedIn(gateway.tcpPort, one.imei)));
      acks.push(await took(() => neighbour.send(other.frame(other.records(1)).bytes)));
      expect(performance.now() - began).toBeLessThan(RESET_MS);
      expect(await second.ended(RESET_MS)).toBe("fin");
      expect(await third.send(one.frame(one.records(1)).bytes)).toBe(1);
      third.close();
      holder.close();
    }
    expect([median(logins) < PROMPT_MS, median(acks) < PROMPT_MS]).toEqual([true, true]);
    neighbour.close();
  }, 60_000);

  test("kicked holder that takes nothing: the kick is answered at once, the socket is reset after its time", async () => {
    const one = new TestDevice(3803, "8");
    const holder = await deafHolder(one);
    const kicked = await took(() => ask(gateway.url, `/v1/devices/${one.imei}/kick`, { method: "POST" }));
    expect(kicked).toBeLessThan(RESET_MS);
    const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await until("the reset", async () => await metric(gateway.url, 'berth_closed_total{reason="kicked"}') === 1, 3000);
    expect((await device(gateway.url, one.imei)).connected).toBe(true);
    next.close();
    holder.close();
  }, 30_000);

  test("old close that comes last: after its successor registered, and after that one left, it changes nothing", async () => {
    const consumer = await SseConsumer.open(gateway.url, "/v1/events", (await devicesPage(gateway.url)).cursor);
    const one = new TestDevice(3804, "8");
    for (let round = 1; round <= 10; round++) {
      const holder = await deafHolder(one);
      const second = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      const { fence } = await device(gateway.url, one.imei);
      if (round % 2 === 0) {
        second.close();
        await until("the successor gone", async () => !(await device(gateway.url, one.imei)).connected);
      }
      holder.close();
      // Its reset may be heard before its worker hears of the eviction.
      await until("the old socket closed", async () => {
        const all = await metrics(gateway.url);
        return ["superseded", "reset"].reduce((sum, reason) => sum + (all.get(`berth_closed_total{reason="${reason}"}`) ?? 0), 0) === round;
      });
      const after = await until("the journal's word", async () => {
        const shown = await device(gateway.url, one.imei);
        return shown.fence === fence && shown;
      });
      expect(after.connected).toBe(round % 2 === 1);
      if (round % 2 === 0) continue;
      expect(await second.send(one.frame(one.records(1)).bytes)).toBe(1);
      second.close();
      await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
    }
    await consumer.until("every end", () => consumer.of("disconnected").length >= 10);
    const kinds = consumer.events.map(({ event }) => event).filter((event) => event !== "record");
    // Each round: the holder, its successor, the successor's end. The old close adds no event.
    expect(kinds).toEqual(Array.from({ length: 10 }, () => ["connected", "replaced", "disconnected"]).flat());
    consumer.close();
  }, 60_000);

  test("frames queued by the evicted connection are delivered once, whoever they were acknowledged to", async () => {
    const { cursor } = await devicesPage(gateway.url);
    const consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
    const one = new TestDevice(3805, "8E");
    const frames = one.frames(400, 3);
    let old = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    for (let at = 0; at < frames.length; at += 20) {
      for (const { bytes } of frames.slice(at, at + 20)) old.write(bytes);
      const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      for (const { bytes, records } of frames.slice(at, at + 20)) expect(await next.send(bytes)).toBe(records.length);
      old = next;
    }
    await consumer.until("all records", () => consumer.of("record").length >= recordsOf(frames).length);
    old.close();
    await consumer.until("the end", () => consumer.of("disconnected").length === 1);
    expectSeenOnce(consumer, cursor, new Map([[one, frames]]));
    consumer.close();
  }, 60_000);

  test("a label per identity: none, however many devices come", async () => {
    const series = (await metrics(gateway.url)).size;
    const trackers = await Promise.all(Array.from({ length: 60 }, (_, i) => Tracker.loggedIn(gateway.tcpPort, imeiOf(3900 + i))));
    await until("all of them", async () => await metric(gateway.url, "berth_connections") === 60);
    const { text } = await ask(gateway.url, "/metrics");
    expect([(await metrics(gateway.url)).size, /350000000039\d\d/.test(text)]).toEqual([series, false]);
    for (const tracker of trackers) tracker.close();
  }, 30_000);
});

test("limit full of zombies: evicted sockets that take nothing do not keep a connected device out", async () => {
  await start({ "tcp.connections": 3, "tcp.login_sockets": 64 });
  const devices = [3811, 3812, 3813].map((number) => new TestDevice(number, "8"));
  const zombies = await Promise.all(devices.map((one) => deafHolder(one)));
  for (let round = 0; round < 5; round++) {
    for (const one of devices) {
      const next = await deafHolder(one);
      zombies.push(next);
    }
  }
  expect(await metric(gateway.url, "berth_connections")).toBe(3);
  const stranger = await Tracker.open(gateway.tcpPort);
  stranger.write(encodeLogin(imeiOf(3814)));
  await stranger.ended();
  expect(stranger.login).toBeNull();
  for (const one of devices) {
    const live = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await live.send(one.frame(one.records(1)).bytes)).toBe(1);
  }
  for (const zombie of zombies) zombie.close();
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);

test("refused newcomer: its cleanup leaves the holder alone, and nothing behind its login is read", async () => {
  await start({ policy: "reject" });
  const one = new TestDevice(3821, "8");
  const holder = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  const sent = one.frame(one.records(2));
  expect(await holder.send(sent.bytes)).toBe(2);
  const { fence } = await device(gateway.url, one.imei);
  await Promise.all(Array.from({ length: 30 }, async (_, i) => {
    const newcomer = await Tracker.open(gateway.tcpPort);
    const stolen = one.frame(one.records(1)).bytes;
    newcomer.write(Uint8Array.from([...encodeLogin(one.imei), ...stolen]));
    expect(await newcomer.answered(15_000)).toBe(0);
    if (i % 2 === 0) newcomer.reset();
    else newcomer.close();
  }));
  const frame = one.frame(one.records(1));
  expect([await holder.send(frame.bytes), holder.end]).toEqual([1, null]);
  const shown = await device(gateway.url, one.imei);
  expect([shown.connected, shown.fence, shown.records]).toEqual([true, fence, 3]);
  const consumer = await SseConsumer.open(
    gateway.url,
    "/v1/events?kind=record",
    `${(await devicesPage(gateway.url)).cursor.split(".")[0]}.0`,
  );
  await consumer.until("its records", () => consumer.of("record").length === 3);
  expectRecordsSeen(consumer, new Map([[one, [sent, frame]]]));
  consumer.close();
  holder.close();
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);

test("session that dies between its admission and its first byte: offline, not muted, and the next connect is let in", async () => {
  // The registry stands still with the claim in its ring; the device is gone when it decides.
  const held = await HeldGateway.start("registry.loop", 20, { settings: { workers: 2, "process.idle_wait_ms": 10 } });
  gateway = held.gateway;
  await held.held();
  const imei = imeiOf(3831);
  const dying = await Tracker.open(gateway.tcpPort);
  dying.write(encodeLogin(imei));
  await until("its claim", async () => await metric(gateway.url, 'berth_ring_bytes{ring="claims"}') > 0);
  dying.reset();
  await until("its end", async () => await metric(gateway.url, 'berth_closed_total{reason="reset"}') === 1);
  const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${imei}`, (await devicesPage(gateway.url)).cursor);
  held.letGo();
  await consumer.until("both events", () => consumer.of("disconnected").length === 1);
  expect(consumer.events.map(({ event }) => event)).toEqual(["connected", "disconnected"]);
  expect((await device(gateway.url, imei)).connected).toBe(false);
  const next = await Tracker.loggedIn(gateway.tcpPort, imei);
  expect((await device(gateway.url, imei)).connected).toBe(true);
  consumer.close();
  next.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);
