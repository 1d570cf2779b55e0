/** The dashboard when more comes than its browser takes: the newest of each device, nothing read again from the start, counts put right. */
import { afterAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { metric } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const DEVICES = 10;
/** Beyond what the system and the browser take for a page that does nothing. */
const FRAMES = 80;
const RECORDS = 100;

/** The page's thread stands still, and takes nothing, until what this resolves with is called. */
async function hang({ page }: Dashboard): Promise<() => Promise<void>> {
  const debug = await page.context().newCDPSession(page);
  await debug.send("Debugger.enable");
  const stands = new Promise((resolve) => debug.once("Debugger.paused", resolve));
  await debug.send("Debugger.pause");
  await stands;
  return async () => {
    await debug.send("Debugger.resume");
    await debug.detach();
  };
}

describe.if(browserPath() !== null)("dashboard that does not keep up", () => {
  test("shows the newest of each device, says so once, and has the right counts", async () => {
    const gateway = await startWith("fd");
    const dashboard = await Dashboard.open(gateway.url);
    await dashboard.fact("link", "live");
    const goOn = await hang(dashboard);
    const devices = Array.from({ length: DEVICES }, (_, i) => new TestDevice(800 + i, "8"));
    await Promise.all(devices.map(async (device) => {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
      for (let i = 0; i < FRAMES; i++) await tracker.send(device.frame(device.records(RECORDS)).bytes);
      tracker.close();
    }));
    await goOn();
    for (const { imei } of devices) await dashboard.records(imei, FRAMES * RECORDS, 30_000);
    const told = await metric(gateway.url, "berth_events_coalesced_total");
    expect(told).toBeGreaterThan(0);
    await dashboard.fact("coalesced", String(told), 30_000);
    expect(await dashboard.facts()).toMatchObject({ doubled: "0", unseen: "0", hydrates: "1", losses: "0" });
    await dashboard.until("document.querySelectorAll('#happenings li').length === 1", 15_000);
    expect(await dashboard.page.textContent("#happenings li")).toContain("older records skipped");
    expect(dashboard.errors).toEqual([]);
    await dashboard.close();
    await gateway.stop();
  }, 90_000);
});
