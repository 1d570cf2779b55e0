/** The dashboard on Deno: the same page out of the same module, served without an executable. */
import { afterAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, temporaryData } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

describe.if(browserPath() !== null)("dashboard on Deno", () => {
  test("shows a record that came while it was open", async () => {
    const environment = { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" };
    const gateway = await startWith("reuseport", { command: denoBerth(), environment });
    const dashboard = await Dashboard.open(gateway.url);
    await dashboard.fact("link", "live");
    const device = new TestDevice(970, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
    await tracker.send(device.frame(device.records(3)).bytes);
    await dashboard.records(device.imei, 3);
    expect(dashboard.errors).toEqual([]);
    expect(dashboard.requests.filter((url) => !url.startsWith(`${gateway.url}/`))).toEqual([]);
    tracker.close();
    await dashboard.close();
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);
});
