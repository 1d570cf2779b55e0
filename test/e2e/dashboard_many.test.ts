/** The dashboard with a large fleet, and with more events than a screen can show. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { type DeviceJson, devicesPage, metrics } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { pause } from "../support/until.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const FLEET = 10_000;
const NOW = 1_760_000_000_000;

const deviceOf = (index: number): DeviceJson => ({
  id: `35${String(index).padStart(13, "0")}`,
  connected: index % 3 !== 0,
  fence: 1024 + index,
  transport: "tcp",
  origin: { address: "10.0.0.1", port: 1024 + index, clientInstance: null },
  since: NOW,
  lastSeenAt: NOW + index,
  lastByteAt: NOW + index,
  position: {
    time: NOW,
    priority: 0,
    lon: ((index * 7919) % 3600) / 10 - 180,
    lat: ((index * 104_729) % 1200) / 10 - 60,
    altitude: 10,
    angle: index % 360,
    satellites: 9,
    speed: index % 120,
    eventId: 0,
    generationType: null,
    io: {},
  },
  records: index,
});

/** Answers /v1/devices with a fleet that nobody has to log in. */
async function pretendFleet(page: Page, cursor: string): Promise<void> {
  await page.route("**/v1/devices?*", (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get("after") ?? 0);
    const devices = Array.from({ length: Math.min(1000, FLEET - after) }, (_, i) => deviceOf(after + i));
    const next = after + devices.length < FLEET ? String(after + devices.length) : null;
    return route.fulfill({ contentType: "application/json", body: JSON.stringify({ cursor, devices, next }) });
  });
}

/** The longest time between two animation frames from now on, ms. */
const WATCH_FRAMES = `
  window.longest = 0;
  let before = performance.now();
  const watch = (now) => { window.longest = Math.max(window.longest, now - before); before = now; requestAnimationFrame(watch); };
  requestAnimationFrame(watch);
`;

describe.if(browserPath() !== null)("dashboard with many", () => {
  test("ten thousand devices are a screenful of rows, sorted by any heading, reached with the keyboard", async () => {
    const gateway = await startWith("fd");
    const { cursor } = await devicesPage(gateway.url);
    const dashboard = await Dashboard.open(gateway.url, {}, (page) => pretendFleet(page, cursor));
    const { page } = dashboard;
    await dashboard.fact("devices", String(FLEET));
    await dashboard.fact("link", "live");
    expect(await page.evaluate<number>("document.querySelectorAll('#row-space .row').length")).toBeLessThan(100);
    const first = "#row-space .row[aria-rowindex='2'] .id";
    expect(await page.textContent(first)).toBe(deviceOf(0).id);
    await page.click("#sort-records");
    await dashboard.until(`document.querySelector("${first}")?.textContent === "${deviceOf(FLEET - 1).id}"`);
    expect(await page.getAttribute(".headings .records", "aria-sort")).toBe("descending");
    await page.click("#sort-id");
    await page.focus("#grid");
    await page.keyboard.press("End");
    await dashboard.until(`document.querySelector("#card-title").textContent === "${deviceOf(FLEET - 1).id}"`);
    await dashboard.until(`document.querySelector("[aria-selected=true]")?.getAttribute("aria-rowindex") === "${FLEET + 1}"`);
    expect(dashboard.errors).toEqual([]);
    await dashboard.close();
    await gateway.stop();
  }, 60_000);

  test("twenty thousand events in a rush are folded without freezing the page", async () => {
    const gateway = await startWith("fd");
    const dashboard = await Dashboard.open(gateway.url);
    await dashboard.fact("link", "live");
    await dashboard.page.evaluate(WATCH_FRAMES);
    const devices = Array.from({ length: 4 }, (_, i) => new TestDevice(950 + i, "8"));
    await Promise.all(devices.map(async (device) => {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
      for (let i = 0; i < 50; i++) await tracker.send(device.frame(device.records(100)).bytes);
      tracker.close();
    }));
    for (const { imei } of devices) await dashboard.records(imei, 5000, 20_000);
    const facts = await dashboard.facts();
    expect(facts).toMatchObject({ doubled: "0", unseen: "0", hydrates: "1" });
    expect(await dashboard.page.evaluate<number>("window.longest")).toBeLessThan(1000);
    expect(dashboard.errors).toEqual([]);
    await dashboard.close();
    await gateway.stop();
  }, 60_000);

  test("streams that are ended for their age lose nothing and raise no alarm", async () => {
    const gateway = await startWith("fd", { settings: { "http.stream_age_ms": 500, "http.retry_ms": 50 } });
    // Many, in turn: of one alone the newest record would stand for those that come while the page is late.
    const devices = Array.from({ length: 6 }, (_, i) => new TestDevice(960 + i, "16"));
    const trackers = await Promise.all(devices.map(({ imei }) => Tracker.loggedIn(gateway.tcpPort, imei)));
    const dashboard = await Dashboard.open(gateway.url);
    const drops = async (): Promise<number> => (await metrics(gateway.url)).get('berth_subscriber_drops_total{cause="age"}') ?? 0;
    const sent = devices.map(() => 0);
    for (let next = 0; await drops() < 4; next = (next + 1) % devices.length) {
      const device = devices[next]!;
      sent[next]! += await trackers[next]!.send(device.frame(device.records(1)).bytes);
      await pause(10);
    }
    for (const [i, { imei }] of devices.entries()) await dashboard.records(imei, sent[i]!);
    expect(await dashboard.facts()).toMatchObject({ doubled: "0", unseen: "0", hydrates: "1", losses: "0" });
    expect(await dashboard.page.evaluate<number>("document.querySelectorAll('#happenings li').length")).toBe(0);
    expect(dashboard.errors).toEqual([]);
    await dashboard.close();
    await gateway.stop();
  }, 60_000);
});
