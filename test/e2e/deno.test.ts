/** The main job on Deno: `deno run` serves devices end to end, over listeners that share a port and node:sqlite. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { denoBerth } from "../support/deno_command.ts";
import type { TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway, type GatewayOptions, temporaryData } from "../support/gateway.ts";
import {
  closeAll,
  deliver,
  expectSeenOnce,
  expectStored,
  makeDevices,
  makeFrames,
  recordCount,
  recordsSeen,
  sendAll,
  startWith,
} from "../support/main_job.ts";
import { ask, device, devicesPage, metrics, RECORDS_DUPLICATE } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const start = (options: GatewayOptions): Promise<Gateway> =>
  startWith("reuseport", { ...options, command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } });

afterAll(endEverything);

describe("main job on Deno", () => {
  const devices = makeDevices(1, 2);
  const sent = makeFrames(devices, 8);
  let gateway: Gateway;
  let cursor: string;
  let consumer: SseConsumer;
  let trackers = new Map<TestDevice, Tracker>();

  beforeAll(async () => {
    gateway = await start({});
    cursor = (await devicesPage(gateway.url)).cursor;
    consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
  });

  test("trackers log in, send and are acknowledged", async () => {
    trackers = await deliver(gateway.tcpPort, sent);
    expect(trackers.size).toBe(devices.length);
  });

  test("records over REST equal what was sent, field by field", async () => {
    expect(await expectStored(gateway.url, sent)).toHaveLength(recordCount(sent));
  });

  test("a consumer of the event stream saw each event once, in order", async () => {
    await recordsSeen(consumer, recordCount(sent));
    expectSeenOnce(consumer, cursor, sent);
  });

  test("a frame sent again is acknowledged and not stored again", async () => {
    const [one] = devices;
    const before = (await metrics(gateway.url)).get(RECORDS_DUPLICATE) ?? 0;
    await sendAll(trackers.get(one!)!, sent.get(one!)!.slice(0, 1));
    await until(
      "the duplicates in the metrics",
      async () => (((await metrics(gateway.url)).get(RECORDS_DUPLICATE) ?? 0) > before ? true : undefined),
    );
    await expectStored(gateway.url, sent);
  });

  test("a second connection of a device takes over from the first", async () => {
    const [one] = devices;
    const { fence } = await device(gateway.url, one!.imei);
    const second = await Tracker.loggedIn(gateway.tcpPort, one!.imei);
    await trackers.get(one!)!.ended();
    trackers.set(one!, second);
    expect((await device(gateway.url, one!.imei)).fence).toBeGreaterThan(fence);
  });

  test("a request body that is too large is refused, and the gateway answers on", async () => {
    expect((await ask(gateway.url, "/v1/devices", { method: "POST", body: "x".repeat(1 << 20) })).status).toBe(413);
    expect((await ask(gateway.url, "/readyz")).status).toBe(200);
  });

  test("SIGTERM drains with a consumer and trackers connected, exit status 0", async () => {
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    await consumer.until("the end of its stream", () => consumer.closed);
    expect(consumer.of("bye")).toHaveLength(1);
    closeAll(trackers.values());
  });

  test("a new gateway on the same data has every record, and a consumer goes on from its cursor", async () => {
    gateway = await start({ data: gateway.data });
    await expectStored(gateway.url, sent);
    const again = await SseConsumer.open(gateway.url, "/v1/events", consumer.lastId);
    const more = makeFrames([devices[1]!], 3);
    closeAll((await deliver(gateway.tcpPort, more)).values());
    await recordsSeen(again, recordCount(more));
    expectSeenOnce(again, consumer.lastId, more);
    again.close();
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  });

  test("kill -9 loses nothing that was acknowledged", async () => {
    gateway = await start({ data: gateway.data });
    const more = makeFrames([devices[2]!], 5);
    const told = await deliver(gateway.tcpPort, more);
    await gateway.kill();
    closeAll(told.values());
    gateway = await start({ data: gateway.data });
    const stored = await ask<{ records: { time: number }[] }>(gateway.url, `/v1/devices/${devices[2]!.imei}/records?limit=1000`);
    const times = new Set(stored.json.records.map(({ time }) => time));
    for (const frame of more.get(devices[2]!)!) for (const record of frame.records) expect(times.has(record.time)).toBe(true);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  });
});
