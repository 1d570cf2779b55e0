/** The wall clock steps under a running gateway, as NTP and operators do it: who owns what, and for how long, does not care. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, type SettingsText, temporaryData } from "../support/gateway.ts";
import { compile, compiler } from "../support/preload.ts";
import { ask, device, devicesPage, metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const HOUR_S = 3600;

/** A gateway whose wall clock is off by what `step` says. */
async function start(settings: SettingsText = {}): Promise<{ gateway: Gateway; step: (seconds: number) => void }> {
  const folder = temporaryData();
  const [shim, file] = [join(folder, "clock.so"), join(folder, "offset")];
  compile(join(import.meta.dir, "../support/clock.c"), shim, ["-shared", "-fPIC"]);
  const step = (seconds: number): void => writeFileSync(file, String(seconds));
  step(0);
  const gateway = await Gateway.start({
    settings: { workers: 2, "tcp.idle_timeout_ms": 60_000, "http.heartbeat_ms": 200, ...settings },
    environment: { LD_PRELOAD: shim, CLOCK_OFFSET_FILE: file },
  });
  return { gateway, step };
}

test("a wall clock that steps an hour back and two days ahead ends no connection and lets every takeover be", async () => {
  expect(compiler()).not.toBeNull();
  const { gateway, step } = await start();
  const [one, other] = [new TestDevice(3841, "8"), new TestDevice(3842, "16")];
  const consumer = await SseConsumer.open(gateway.url, "/v1/events", (await devicesPage(gateway.url)).cursor);
  const quiet = await Tracker.loggedIn(gateway.tcpPort, other.imei);
  let holder = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  let fence = 0;
  for (const offset of [-HOUR_S, 48 * HOUR_S, -10 * HOUR_S, 0]) {
    step(offset);
    await until("the step", async () => {
      const { headers } = await ask(gateway.url, "/healthz");
      const date = headers.get("date");
      return date === null || Math.abs(Date.parse(date) - Date.now() - offset * 1000) < 60_000;
    });
    expect(await holder.send(one.frame(one.records(2)).bytes)).toBe(2);
    const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await next.send(one.frame(one.records(1)).bytes)).toBe(1);
    expect(await holder.ended()).toBe("fin");
    const shown = await device(gateway.url, one.imei);
    expect(shown.fence).toBeGreaterThan(fence);
    expect(Math.abs(shown.since - Date.now() - offset * 1000)).toBeLessThan(60_000);
    fence = shown.fence;
    holder = next;
  }
  expect(await quiet.send(other.frame(other.records(1)).bytes)).toBe(1);
  expect(quiet.end).toBeNull();
  await consumer.until("all records", () => consumer.of("record").length === 13);
  expect(consumer.events.filter(({ event }) => event === "gap" || event === "resync" || event === "disconnected")).toEqual([]);
  const durations = consumer.of("replaced").map(({ data }) => (JSON.parse(data) as { durationMs: number }).durationMs);
  expect([durations.length, durations.every((ms) => ms >= 0)]).toEqual([4, true]);
  expect(await metric(gateway.url, 'berth_closed_total{reason="idle_timeout"}')).toBe(0);
  consumer.close();
  holder.close();
  quiet.close();
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
}, 60_000);

test("a wall clock that steps ahead by more than the retention deletes nothing when it is put right", async () => {
  expect(compiler()).not.toBeNull();
  const { gateway, step } = await start({
    "journal.retention_ms": 24 * HOUR_S * 1000,
    "journal.flush_frames": 64,
    "http.window_events": 8,
  });
  const one = new TestDevice(3843, "8");
  const { cursor } = await devicesPage(gateway.url);
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  for (let i = 0; i < 200; i++) expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
  step(48 * HOUR_S);
  await until("the step", async () => Date.parse((await ask(gateway.url, "/healthz")).headers.get("date")!) - Date.now() > HOUR_S * 1000);
  // Several looks of the journal, each with a frame that says that it goes on.
  for (let i = 0; i < 15; i++) {
    expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
    await Bun.sleep(200);
  }
  step(0);
  const replay = await SseConsumer.open(gateway.url, "/v1/events", cursor);
  await replay.until("all records", () => replay.of("record").length === 215);
  expect(replay.of("gap")).toEqual([]);
  replay.close();
  tracker.close();
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
}, 60_000);
