/** The dashboard's banner of identity conflicts, in a real browser over a real gateway. */
import { afterAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { imeiOf } from "../support/fleet.ts";
import { endEverything } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { conflicts, take } from "../support/rivals.ts";
import { until } from "../support/until.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const IMEI = imeiOf(1);
const [A, B] = ["127.0.0.2", "127.0.0.3"] as const;
const isShown = "!document.getElementById('conflicts').hidden";

describe.if(browserPath() !== null)("dashboard banner", () => {
  test("names who fights as soon as it is known, for those who come later too, until somebody acknowledges it", async () => {
    const gateway = await startWith("fd");
    const early = await Dashboard.open(gateway.url);
    await early.fact("link", "live");
    expect(await early.page.isHidden("#conflicts")).toBe(true);
    for (const from of [A, B, A, B, A]) await take(gateway, IMEI, from);
    await early.until(isShown);
    const words = await early.page.textContent("#conflicts .words");
    for (const part of [`Identity conflict: ${IMEI} is used by two live devices, `, `${A}:`, `${B}:`, "4 takeovers within 120 s"]) {
      expect(words).toContain(part);
    }
    const late = await Dashboard.open(gateway.url);
    await late.until(isShown);
    await early.page.click("#conflicts .device");
    await early.until(`document.getElementById("card-title").textContent === "${IMEI}"`);
    await early.page.click("#conflicts .known");
    await early.until(`!(${isShown})`);
    await until("the acknowledgement", async () => (await conflicts(gateway.url, "?acknowledged=true")).length === 1);
    await late.page.reload();
    await late.fact("link", "live");
    expect(await late.page.isHidden("#conflicts")).toBe(true);
    expect([early.errors, late.errors]).toEqual([[], []]);
    await early.close();
    await late.close();
    await gateway.stop();
  }, 60_000);
});
