/** The frames of a device on its page: their bytes and what these mean, those that cannot be decoded, and letting them go. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { frameAround } from "../support/frames.ts";
import { endEverything, type Gateway, runBerth, steadyAddresses } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { ask } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const fact = (name: string, value: string | number): string => `document.documentElement.dataset.${name} === "${value}"`;
const toHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** As the dump shows it, without offsets and blanks. */
const DUMP = `[...document.querySelectorAll(".dump [data-field]")].map((one) => one.textContent).join("").replaceAll(" ", "")`;
const ON = `[...document.querySelectorAll(".dump .on")].map((one) => one.textContent).join(" ")`;

describe.if(browserPath() !== null)("dashboard frames of a device", () => {
  const one = new TestDevice(985, "8E");
  const odd = frameAround([0x09, 2, 1, 2, 3, 2]);
  let gateway: Gateway;
  let dashboard: Dashboard;
  let tracker: Tracker;
  let last: Uint8Array;
  let reader = "";

  async function send(records = 2): Promise<void> {
    const own = one.records(records).map((record) => ({ ...record, io: [{ id: 66, hex: "5e0f" }] }));
    last = one.frame(own).bytes;
    expect(await tracker.send(last)).toBe(records);
  }
  const dataOf = (frame: Uint8Array): string => toHex(frame.slice(8, frame.length - 4));

  beforeAll(async () => {
    gateway = await startWith("fd", { args: steadyAddresses() });
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    for (let i = 0; i < 25; i++) await send();
    dashboard = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    await dashboard.fact("link", "live");
    await dashboard.until(fact("story", "shown"));
  }, 60_000);

  test("are read when they come into sight, newest first, and go on live", async () => {
    const { page } = dashboard;
    expect(dashboard.requests.some((url) => url.includes("/frames"))).toBe(false);
    await page.evaluate("document.getElementById('raw').scrollIntoView()");
    await dashboard.until(fact("frames", 20));
    expect(await page.isHidden("#held")).toBe(true);
    const top = await page.getAttribute("#stored-rows tr >> nth=0", "data-key");
    await send(3);
    await dashboard.until(`document.querySelector("#stored-rows tr").dataset.key !== "${top}"`);
    expect(await page.textContent("#stored-rows tr >> nth=0 >> td >> nth=2")).toBe("3");
    await page.click("#older-frames");
    await dashboard.until(fact("frames", 6));
    expect(await page.isHidden("#older-frames")).toBe(true);
    await page.click("#newest-frames");
    await dashboard.until(fact("frames", 20));
  });

  test("show their bytes with what each means, walked along by keyboard, and stand still meanwhile", async () => {
    const { page } = dashboard;
    await page.click("#stored-rows tr >> nth=0 >> [data-do=bytes]");
    await dashboard.until(`${DUMP} === "${dataOf(last)}"`);
    await page.focus(".fields");
    await page.keyboard.press("Home");
    expect(await page.evaluate<string>(ON)).toBe("8e");
    for (let i = 0; i < 2; i++) await page.keyboard.press("ArrowDown");
    const time = await page.evaluate<string>(ON);
    expect(time.split(" ").length).toBe(8);
    expect(await page.textContent(".fields .on .says")).toBe(new Date(Number.parseInt(time.replaceAll(" ", ""), 16)).toISOString());
    const named = page.locator(".field", { hasText: "External Voltage" });
    expect(await named.count()).toBe(3);
    expect(await named.first().locator(".says").textContent()).toBe("24.079 V");
    await named.first().hover();
    expect(await page.evaluate<string>(ON)).toBe("00 42 5e 0f");
    // The pointer stays where it is, and the list scrolls below it.
    await page.keyboard.press("End");
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn, 100))))");
    expect(await page.evaluate<string>(ON)).toBe("03");
    const shown = dataOf(last);
    await send();
    await dashboard.until(`!document.getElementById("newest-frames").hidden`);
    expect(await page.evaluate<string>(DUMP)).toBe(shown);
    await page.click("#newest-frames");
    await dashboard.until(`document.querySelector(".dump") === null`);
  });

  test("one that cannot be decoded is told at the top, with the byte it is at, and goes on over kill -9", async () => {
    const { page } = dashboard;
    for (let i = 0; i < 3; i++) {
      const blocked = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      blocked.write(odd);
      await blocked.ended();
    }
    await dashboard.until(fact("held", 1));
    expect(await page.textContent("#held-words")).toStartWith("A frame of this device cannot be decoded.");
    expect(await page.textContent("#device-notices .quarantined .what")).toBe("A frame cannot be decoded");
    expect(await page.isHidden("#held-devices")).toBe(true);
    await page.click(".back");
    await dashboard.until(fact("device", ""));
    const told = `A frame cannot be decoded: ${one.imei} gets no further until it is released.`;
    await dashboard.until(`document.getElementById("held-devices").textContent === "${told}"`);
    await page.click("#held-devices .device");
    await dashboard.until(fact("device", one.imei));
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    gateway = await startWith("fd", { data: gateway.data, args: gateway.addresses });
    await dashboard.fact("link", "live", 20_000);
    await page.click("#held-show");
    await dashboard.until(`document.querySelectorAll("#kept-rows tr").length === 1`);
    expect(await page.textContent("#kept-rows .why")).toStartWith("Unknown codec, at byte 0");
    await page.click("#kept-rows [data-do=bytes]");
    await dashboard.until(`${DUMP} === "090201020302"`);
    expect(await page.evaluate<string>(ON)).toBe("02 01 02 03 02");
    expect(await page.textContent(".fields .odd .name")).toBe("not understood");
  }, 60_000);

  test("is released by pressing twice, and then the device gets on", async () => {
    const { page } = dashboard;
    const release = "#kept-rows [data-do=release]";
    await page.click(release);
    expect(await page.textContent(release)).toBe("Acknowledge it from now on?");
    expect((await ask<{ frames: { releasedAt: number | null }[] }>(gateway.url, "/v1/quarantine")).json.frames[0]!.releasedAt).toBe(null);
    await page.click(release);
    await dashboard.until(fact("held", 0));
    await dashboard.until(`document.querySelector("#kept-rows .state")?.textContent.startsWith("Released")`);
    expect(await page.isHidden("#held")).toBe(true);
    await page.click(".back");
    await dashboard.until(`document.getElementById("held-devices").hidden`);
    const freed = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await freed.send(odd)).toBe(2);
    freed.close();
  }, 60_000);

  test("is not released with a token that only sees, and that is said", async () => {
    const blocked = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    blocked.write(frameAround([0x09, 1, 7, 1]));
    await blocked.ended();
    const token = async (scope: string, by = ""): Promise<string> =>
      (await runBerth(["token", "create", "--scope", scope, "--url", gateway.url, ...(by === "" ? [] : ["--token", by])])).out.trim();
    const admin = await token("admin");
    reader = await token("read", admin);
    const other = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    await other.page.fill("#token", reader);
    await other.page.press("#token", "Enter");
    await other.until(fact("held", 1));
    await other.page.click("#held-show");
    await other.page.click("#kept-rows [data-do=release] >> nth=0");
    await other.page.click("#kept-rows [data-do=release] >> nth=0");
    await other.until(`document.querySelector("#kept-rows .fault")?.textContent.includes("has not the scope admin")`);
    expect(await other.page.textContent("#kept-rows [data-do=release] >> nth=0")).toMatch(/Release…|Acknowledge it/);
    await other.close();
  }, 60_000);

  test("fit a phone in the dark: nothing is wider than it", async () => {
    const phone = { viewport: { width: 390, height: 844 }, colorScheme: "dark", isMobile: true, hasTouch: true } as const;
    const small = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`, phone);
    await small.page.fill("#token", reader);
    await small.page.press("#token", "Enter");
    await small.until(fact("held", 1));
    await small.page.click("#held-show");
    await small.page.click("#kept-rows [data-do=bytes] >> nth=0");
    await small.until(`document.querySelector(".dump") !== null`);
    const widths =
      `[document.documentElement, document.getElementById("kept-frames").parentElement].map((one) => one.scrollWidth - one.clientWidth)`;
    expect(await small.page.evaluate<number[]>(widths)).toEqual([0, 0]);
    expect(small.errors.filter((line) => !line.includes("status of 401"))).toEqual([]);
    await small.close();
  }, 60_000);
});
