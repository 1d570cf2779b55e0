/** mode=latest against the running gateway: a reader that stalls under load, comes back, and goes on by its cursor. */
import { afterAll, expect, test } from "bun:test";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { devicesPage, metrics } from "../support/rest.ts";
import { cursorParts, SseConsumer } from "../support/sse.ts";
import { StalledClient } from "../support/stalled.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const DEVICES = 20;
/** Beyond what a kernel takes for somebody who reads nothing. */
const FRAMES = 30;
const RECORDS = 100;

afterAll(endEverything);

test(
  "a reader in mode latest that stalled finds the newest of each device, and a gap over whatever is missing; its cursor goes on behind",
  async () => {
    const gateway = await Gateway.start({ settings: { "http.threads": 2 } });
    const devices = Array.from({ length: DEVICES }, (_, i) => new TestDevice(700 + i, "8"));
    const { cursor } = await devicesPage(gateway.url);
    const stalled = new StalledClient(gateway.url, `/v1/events?mode=latest&last_event_id=${cursor}`);
    const complete = await SseConsumer.open(gateway.url, `/v1/events?kind=record&last_event_id=${cursor}`);
    await until("both subscribed", async () => (await metrics(gateway.url)).get('berth_subscribers{transport="sse"}') === 2);
    await Promise.all(devices.map(async (device) => {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
      for (let i = 0; i < FRAMES; i++) expect(await tracker.send(device.frame(device.records(RECORDS)).bytes)).toBe(RECORDS);
      tracker.close();
    }));
    await complete.until("every record", () => complete.events.length === DEVICES * FRAMES * RECORDS, 60_000);
    const wanted = async (): Promise<boolean> => (await devicesPage(gateway.url)).devices.every((device) => !device.connected);
    await until("all of them gone", wanted);
    const last = cursorParts((await devicesPage(gateway.url)).cursor).seq;
    stalled.take();
    await until("its end", () => stalled.story.at(-1)?.to === last, 40_000);

    const { story } = stalled;
    let next = cursorParts(cursor).seq + 1;
    for (const { event, from, to, data } of story) {
      expect(from).toBe(next);
      if (event === "gap") expect(data).toEqual({ from, to, cause: "coalesced" });
      next = to + 1;
    }
    const newest = new Map(complete.events.map(({ id, data }) => [(JSON.parse(data) as { device: string }).device, cursorParts(id).seq]));
    const got = new Map(story.flatMap(({ event, to, data }) => event === "record" ? [[data["device"] as string, to] as const] : []));
    expect(got).toEqual(newest);
    for (const kind of ["connected", "disconnected"]) expect(story.filter(({ event }) => event === kind)).toHaveLength(DEVICES);

    const events = story.filter(({ event }) => event !== "gap").length;
    const coalesced = last - cursorParts(cursor).seq - events;
    const seen = await until("all that was left out counted", async () => {
      const all = await metrics(gateway.url);
      return all.get("berth_events_coalesced_total") === coalesced && all;
    });
    expect(events).toBeLessThan(DEVICES * FRAMES * RECORDS / 2);
    expect(seen.get('berth_subscriber_drops_total{cause="slow"}') ?? 0).toBe(0);
    for (const [name, value] of seen) if (name.startsWith("berth_subscriber_peak_bytes")) expect(value).toBeLessThanOrEqual(1024 * 1024);

    stalled.close();
    complete.close();
    const resumed = await SseConsumer.open(gateway.url, "/v1/events?mode=latest", `${cursorParts(cursor).epoch}.${last}`);
    const tracker = await Tracker.loggedIn(gateway.tcpPort, devices[0]!.imei);
    await tracker.send(devices[0]!.frame(devices[0]!.records(1)).bytes);
    await resumed.until("what comes next", () => resumed.events.length === 2);
    expect(resumed.events.map(({ event, id }) => [event, cursorParts(id).seq])).toEqual([["connected", last + 1], ["record", last + 2]]);
    resumed.close();
    tracker.close();
    expect((await gateway.stop()).code).toBe(0);
  },
  150_000,
);

test("tail --mode latest shows who is behind the newest record of each device, and the gap before it", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.window_events": 1 } });
  const device = new TestDevice(750, "8");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  for (let i = 0; i < 5; i++) await tracker.send(device.frame(device.records(10)).bytes);
  const { cursor } = await devicesPage(gateway.url);
  const shown = async (...mode: string[]): Promise<unknown[]> => {
    const args = ["tail", "--url", gateway.url, "--from-start", "--kind", "record", "--json", ...mode];
    const { code, out, err } = await runBerth(args);
    expect([code, err]).toEqual([0, ""]);
    return out.trimEnd().split("\n").map((line) => {
      const { event, data } = JSON.parse(line) as { event: string; data: { seq?: number; cause?: string } };
      return [event, data.cause ?? data.seq];
    });
  };
  expect(await shown("--mode", "latest", "--count", "2")).toEqual([["gap", "coalesced"], ["record", cursorParts(cursor).seq]]);
  expect(await shown("--mode", "complete", "--count", "2")).toEqual([["record", 2], ["record", 3]]);
  expect((await runBerth(["tail", "--mode", "newest"])).code).toBe(2);
  tracker.close();
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);
