/** The page of one device, reached without a mouse, on a phone, and with a token that may see no other. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway } from "../support/gateway.ts";
import { sendAll, startWith } from "../support/main_job.ts";
import { ask } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const fact = (name: string, value: string): string => `document.documentElement.dataset.${name} === "${value}"`;

describe.if(browserPath() !== null)("dashboard device page", () => {
  const one = new TestDevice(990, "8E");
  const two = new TestDevice(991, "8");
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startWith("fd");
    for (const each of [one, two]) await sendAll(await Tracker.loggedIn(gateway.tcpPort, each.imei), each.frames(5));
  }, 60_000);

  test("everything on it is reached with Tab, in the order it is read, has a name and shows the focus", async () => {
    const dashboard = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    const { page } = dashboard;
    await dashboard.until(`document.getElementById("track-along").disabled === false`);
    await page.focus("#device-title");
    const seen: string[] = [];
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press("Tab");
      const [at, name, outline] = await page.evaluate<[string, string, string]>(`(() => {
        const on = document.activeElement;
        const name = on.getAttribute("aria-label") ?? (on.labels?.[0] ?? on).textContent.trim();
        return [on.id || on.dataset.latest || on.dataset.zoom || on.className || on.tagName, name, getComputedStyle(on).outlineStyle];
      })()`);
      if (at === "BODY") break;
      // A busy browser may take the first key before its window has the focus.
      if (at === "device-title" && seen.length === 0) continue;
      expect([at, name === "", outline]).toEqual([at, false, at === "family" ? outline : "solid"]);
      seen.push(at);
    }
    const order = [
      "900",
      "all",
      "track-marks",
      "in",
      "out",
      "fit",
      "track-along",
      "family",
      "at",
      "io",
      "records-json",
      "copy-gpx",
      "copy-ndjson",
    ];
    expect(order.filter((each) => !seen.includes(each))).toEqual([]);
    const places = order.map((each) => seen.indexOf(each));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    await dashboard.close();
  }, 60_000);

  test("no heading of it is cut off, however wide the window and long the figures are", async () => {
    const { page } = await Dashboard.open(`${gateway.url}/`);
    for (const width of [360, 901, 970, 1100, 1190, 1310, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      const cut = await page.evaluate<string[]>(`(() => {
        for (const id of ["p50-now", "p99-now"]) document.getElementById(id).textContent = "99.9 ms";
        document.getElementById("rate-now").textContent = "123,456";
        return [...document.querySelectorAll("#fleet-page .panel > header")].flatMap((header) =>
          [...header.children].some((one) => one.getBoundingClientRect().right > header.getBoundingClientRect().right - 5)
            ? [header.textContent] : []);
      })()`);
      expect([width, cut]).toEqual([width, []]);
    }
    await page.close();
  }, 60_000);

  test("a phone shows it without scrolling sideways", async () => {
    const phone = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`, {
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
    });
    await phone.until(fact("story", "shown"));
    await phone.until("document.querySelector('#records tr') !== null");
    expect(await phone.page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    expect(phone.errors).toEqual([]);
    await phone.close();
  });

  test("with a token of one device that device is shown, and another is refused in the gateway's words", async () => {
    const make = async (scope: string, token: string): Promise<string> => {
      const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
      const body = JSON.stringify({ scopes: [scope] });
      return (await ask<{ token: string }>(gateway.url, "/v1/tokens", { method: "POST", headers, body })).json.token;
    };
    const own = await make(`device:${one.imei}`, await make("admin", ""));
    const page = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    await page.until("!document.getElementById('sign-in').hidden");
    await page.page.fill("#token", own);
    await page.page.press("#token", "Enter");
    await page.until(`${fact("story", "shown")} && ${fact("device", one.imei)} && document.querySelector("#records tr") !== null`);
    expect(await page.page.isVisible(".token-hint")).toBe(true);
    await page.page.evaluate(`location.hash = "#/devices/${two.imei}"`);
    await page.until(fact("story", "fault"));
    expect(await page.page.textContent("#device-fault")).toStartWith("Cannot read this device: 403 ");
    await page.close();
  }, 60_000);
});
