/** The page of one device, in a real browser over a real gateway: what is stored shows, goes on live, and outlives a restart. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway, type GatewayOptions, steadyAddresses } from "../support/gateway.ts";
import { sendAll, startWith } from "../support/main_job.ts";
import { timedByAll } from "../support/processor_wait.ts";
import { history, take } from "../support/rivals.ts";
import { allDevices, allRecords, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

/** Another gateway where this one was. */
const again = ({ addresses }: Gateway, options: GatewayOptions = {}): Promise<Gateway> => startWith("fd", { ...options, args: addresses });

const fact = (name: string, value: string | number): string => `document.documentElement.dataset.${name} === "${value}"`;

describe.if(browserPath() !== null)("dashboard device page", () => {
  const one = new TestDevice(980, "8E");
  const two = new TestDevice(981, "8");
  let gateway: Gateway;
  let dashboard: Dashboard;
  let tracker: Tracker;

  /** Records of the device, all within the latest hour. */
  const countOf = async (device: TestDevice): Promise<number> => (await allRecords(gateway.url, device.imei)).length;

  /** The next record, a fix in one town with these values. */
  async function sendFix(io: { readonly id: number; readonly hex: string }[] = []): Promise<void> {
    const [next] = one.records(1);
    const fix = { ...next!, lonRaw: 252_797_000, latRaw: 546_872_000, satellites: 9, speed: 54, angle: 127, io };
    expect(await tracker.send(one.frame([fix]).bytes)).toBe(1);
  }

  beforeAll(async () => {
    gateway = await startWith("fd", { args: steadyAddresses() });
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(6));
    const gone = await Tracker.loggedIn(gateway.tcpPort, two.imei);
    await sendAll(gone, two.frames(2));
    gone.close();
    dashboard = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    await dashboard.fact("link", "live");
  }, 60_000);

  test("a link to it shows every record of the range, and a record that comes then", async () => {
    await dashboard.until(fact("story", "shown"));
    expect(await dashboard.page.textContent("#device-title")).toBe(one.imei);
    await dashboard.until(fact("inRange", await countOf(one)));
    const fixes = (await allRecords(gateway.url, one.imei)).filter(({ satellites }) => satellites > 0).length;
    await dashboard.until(fact("points", fixes));
    await sendFix();
    const { tookMs, starvedMs } = await timedByAll(() => dashboard.until(fact("points", fixes + 1)));
    expect(tookMs - starvedMs).toBeLessThan(1000);
    expect(await dashboard.page.title()).toBe(`${one.imei} · Berth`);
  });

  test("values have their names and their bytes, in the family that is chosen", async () => {
    await sendFix([{ id: 66, hex: "5e0f" }, { id: 65_000, hex: "0102030405060708" }]);
    const rows = `Object.fromEntries([...document.querySelectorAll("#values tr")].map((row) => [row.querySelector(".io-id").textContent,
      [row.querySelector("th span").textContent, row.querySelector(".value").textContent, row.querySelector(".hex").textContent]]))`;
    await dashboard.until(`(${rows})["65000"]?.[2] === "0102030405060708"`);
    const named = await dashboard.page.evaluate<Record<string, string[]>>(rows);
    expect(named["66"]).toEqual(["External Voltage", "24.079 V", "5e0f"]);
    expect(named["65000"]).toEqual(["not named", "0x0102030405060708", "0102030405060708"]);
    await dashboard.page.selectOption("#family", "fmx6");
    expect((await dashboard.page.evaluate<Record<string, string[]>>(rows))["66"]![2]).toBe("5e0f");
    await dashboard.page.selectOption("#family", "fmb");
  });

  test("the newest record is at the top of the table, and its bytes hold it still while they are read", async () => {
    const { page } = dashboard;
    const top = "#records tr[data-seq] >> nth=0";
    await page.click(`${top} >> button.io`);
    expect(await page.textContent("#records .detail")).toContain("0102030405060708");
    const seq = await page.getAttribute(top, "data-seq");
    await sendFix();
    await dashboard.until(`document.getElementById("newer-records").textContent === "1 newer: show"`);
    expect(await page.getAttribute(top, "data-seq")).toBe(seq);
    await page.click("#newer-records");
    await dashboard.until(`document.querySelector("#records tr[data-seq]").dataset.seq !== "${seq}"`);
    expect(await page.isHidden("#newer-records")).toBe(true);
  });

  test("the track is walked along with the keyboard, and a point says when it was and how fast", async () => {
    const { page } = dashboard;
    await page.focus("#track-along");
    await page.keyboard.press("ArrowLeft");
    await dashboard.until(`!document.getElementById("track-tip").hidden`);
    expect(await page.textContent("#track-tip")).toContain("54 km/h, 127° SE");
    await page.focus("#track-marks");
    await page.keyboard.press("Escape");
    await dashboard.until(`document.getElementById("track-tip").hidden`);
    await page.keyboard.press("+");
    const zoom = await page.getAttribute("#track-stage", "data-zoom");
    await page.keyboard.press("0");
    await dashboard.until(`document.getElementById("track-stage").dataset.zoom !== "${zoom}"`);
    await page.click("#records tr[data-seq] >> nth=0 >> button.at");
    await dashboard.until(`!document.getElementById("track-tip").hidden`);
  });

  test("a range of one's own choice shows what it holds, and nothing that comes after it", async () => {
    const { page } = dashboard;
    const records = await allRecords(gateway.url, one.imei);
    await page.click("[data-custom]");
    expect(await page.inputValue("#range-to")).not.toBe("");
    await page.fill("#range-to", await page.inputValue("#range-from"));
    await page.fill("#range-from", "2020-01-01T00:00:00");
    await page.click("#custom-range button");
    const first = records.filter(({ satellites }) => satellites > 0)[0]!.time;
    const within = records.filter(({ time }) => time < Math.floor(first / 1000) * 1000 + 1000).length;
    await dashboard.until(fact("inRange", within));
    await sendFix();
    await page.click("[data-latest='3600']");
    await dashboard.until(fact("inRange", records.length + 1));
    await page.click("[data-custom]");
    await page.fill("#range-to", "2020-01-01T00:00:00");
    await page.click("#custom-range button");
    expect(await page.textContent("#range-fault")).toBe("It ends before it begins");
    await page.click("[data-latest='3600']");
  });

  test("a takeover shows both connections side by side, with what is known of the old one", async () => {
    const { page } = dashboard;
    const { localPort } = tracker;
    const rival = await take(gateway, one.imei, "127.0.0.2");
    await dashboard.until(fact("takeovers", 1));
    expect(await page.textContent("#device-takeovers .old")).toContain(`127.0.0.1:${localPort}`);
    expect(await page.textContent("#device-takeovers .new")).toContain(`127.0.0.2:${rival.localPort}`);
    expect(await page.textContent("#device-takeovers .evidence")).toContain("0 frames without a verdict");
    // What became of the old one is known later, and no event tells it.
    await dashboard.until(`document.querySelector("#device-takeovers .open") === null`, 25_000);
    const [told] = await history(gateway.url, one.imei);
    expect(told!.evidence.answered).not.toBeNull();
    tracker = rival;
  }, 60_000);

  test("how alive the connection is shows, and that it is gone", async () => {
    await dashboard.until(`document.getElementById("device-liveness").textContent.includes("0 frames")`);
    tracker.close();
    await dashboard.until(`document.getElementById("device-head").dataset.connected === "false"`);
    await dashboard.until(`!document.getElementById("no-liveness").hidden`);
    expect(await dashboard.page.textContent("#device-state")).toBe("offline");
  });

  test("kill -9 is shown, and the page goes on by cursor with every record once", async () => {
    const { page } = dashboard;
    const before = await page.evaluate<string>("document.documentElement.dataset.reads");
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    expect(await page.textContent("#alert")).toStartWith("No connection to the gateway");
    expect(await page.title()).toStartWith("⚠ ");
    // Who is behind while more comes gets the newest alone: what came meanwhile is over when the page is back.
    const goOn = await dashboard.withoutStream();
    gateway = await again(gateway, { data: gateway.data });
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(10));
    await goOn();
    await dashboard.fact("link", "live", 20_000);
    await dashboard.until(fact("inRange", await countOf(one)));
    await sendAll(tracker, one.frames(10));
    await dashboard.until(fact("inRange", await countOf(one)));
    expect(await page.textContent("#device-notices .link .what")).toStartWith("Connected again after");
    expect(await dashboard.facts()).toMatchObject({ doubled: "0", unseen: "0", hydrates: "1", reads: before });
    await dashboard.until(`document.getElementById("device-head").dataset.connected === "true"`);
  }, 60_000);

  test("another store under the same address is read from its beginning, and told as a resync", async () => {
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    gateway = await again(gateway);
    await dashboard.fact("hydrates", "2", 20_000);
    await dashboard.until(`document.getElementById("device-fault").textContent.startsWith("${one.imei} has never been here")`);
    expect(await dashboard.page.textContent("#device-notices .resync .what")).toStartWith("Resync");
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(3));
    await dashboard.until(fact("inRange", await countOf(one)));
    expect(await dashboard.page.isHidden("#device-trouble")).toBe(true);
  }, 60_000);

  test("a gap is told on it, and everything is read again", async () => {
    const { cursor } = await devicesPage(gateway.url);
    const [epoch, seq] = cursor.split(".");
    const [from, to] = [Number(seq) + 1, Number(seq) + 7];
    const gap = `id: ${epoch}.${to}\nevent: gap\ndata: ${JSON.stringify({ from, to, cause: "retention" })}\n\n`;
    const answerGap = async (page: Page): Promise<void> => {
      await page.route("**/v1/events*", (route) => route.fulfill({ contentType: "text/event-stream", body: gap }), { times: 1 });
    };
    const behind = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`, {}, answerGap);
    await behind.until(fact("hydrates", 2));
    await behind.fact("link", "live");
    await behind.until(`${fact("story", "shown")} && ${fact("inRange", await countOf(one))}`);
    expect(await behind.page.textContent("#device-notices .gap .what")).toBe("Gap: 7 events are kept no more");
    await sendAll(tracker, one.frames(1));
    await behind.until(fact("inRange", await countOf(one)));
    await behind.close();
  }, 60_000);

  test("search, table, page and back work without a mouse", async () => {
    const { page } = dashboard;
    const other = await Tracker.loggedIn(gateway.tcpPort, two.imei);
    await sendAll(other, two.frames(1));
    other.close();
    await page.focus("#device-title");
    await page.keyboard.press("/");
    await dashboard.until(`document.activeElement.id === "search"`);
    expect(await page.isVisible("#fleet-page")).toBe(true);
    await dashboard.records(two.imei, (await allDevices(gateway.url)).find(({ id }) => id === two.imei)!.records);
    await page.keyboard.type(two.imei.slice(-3));
    await dashboard.until(`document.getElementById("found").textContent === "1 of 2"`);
    expect(Object.keys(await dashboard.rows())).toEqual([two.imei]);
    await page.keyboard.press("Enter");
    await dashboard.until(fact("device", two.imei));
    await dashboard.until(`document.activeElement.id === "device-title"`);
    expect(new URL(page.url()).hash).toBe(`#/devices/${two.imei}`);
    await page.goBack();
    await dashboard.until(fact("device", ""));
    await dashboard.until(`document.activeElement.id === "grid"`);
    await page.click("#only-connected");
    await dashboard.until(`!document.getElementById("none-found").hidden`);
    await page.click("#clear-search");
    await dashboard.until(`document.querySelectorAll("#row-space .row:not([hidden])").length === 2`);
    await page.focus("#grid");
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await dashboard.until(fact("device", one.imei));
    await page.goForward();
    await dashboard.until(fact("device", one.imei));
  });

  test("asks nobody but its gateway, follows one stream, and says nothing odd", () => {
    expect(dashboard.requests.filter((url) => !url.startsWith(`${gateway.url}/`))).toEqual([]);
    expect(new Set(dashboard.requests.filter((url) => url.includes("/v1/events"))).size).toBe(1);
    // It asks whether a gateway that starts is ready: 503 until it is.
    expect(dashboard.errors.filter((text) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)|status of (404|503)/.test(text))).toEqual([]);
  });
});
