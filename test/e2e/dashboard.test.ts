/** The dashboard in a real browser over a real gateway: what is acknowledged shows, and what breaks is shown and healed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway, type GatewayOptions, steadyAddresses } from "../support/gateway.ts";
import { sendAll, startWith } from "../support/main_job.ts";
import { timedByAll } from "../support/processor_wait.ts";
import { allDevices, ask, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

/** Another gateway where this one was. */
const again = ({ addresses }: Gateway, options: GatewayOptions = {}): Promise<Gateway> => startWith("fd", { ...options, args: addresses });

/** Every device and its count of records, as REST has them. */
const stored = async (url: string): Promise<Record<string, number>> =>
  Object.fromEntries((await allDevices(url)).map(({ id, records }) => [id, records]));

/** What a browser itself says of a server that is not there, or not yet: it is asked whether it is ready. */
const isOutage = (text: string): boolean =>
  /ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|status of 503/.test(text);

describe.if(browserPath() !== null)("dashboard", () => {
  const one = new TestDevice(900, "8E");
  const two = new TestDevice(901, "8");
  let gateway: Gateway;
  let dashboard: Dashboard;
  let tracker: Tracker;

  beforeAll(async () => {
    gateway = await startWith("fd", { args: steadyAddresses() });
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(5));
    const gone = await Tracker.loggedIn(gateway.tcpPort, two.imei);
    await sendAll(gone, two.frames(5));
    gone.close();
    dashboard = await Dashboard.open(gateway.url);
    await dashboard.fact("link", "live");
  }, 60_000);

  test("shows every device with its state and records", async () => {
    const counts = await stored(gateway.url);
    for (const [id, count] of Object.entries(counts)) await dashboard.records(id, count);
    expect(await dashboard.rows()).toEqual(counts);
    await dashboard.until(`document.querySelector('[data-device="${two.imei}"]')?.dataset.connected === "false"`);
    expect(await dashboard.page.textContent(`[data-device="${one.imei}"] .state`)).toBe("connected");
  });

  test("a new record is on the page within a second of its acknowledgement, ten times of ten", async () => {
    let count = (await stored(gateway.url))[one.imei]!;
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
      const { tookMs, starvedMs } = await timedByAll(() => dashboard.records(one.imei, ++count));
      took.push(tookMs - starvedMs);
    }
    expect(Math.max(...took)).toBeLessThan(1000);
  });

  test("a takeover shows with the addresses of both connections", async () => {
    const old = tracker;
    const { localPort } = old;
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await old.ended();
    await dashboard.until(`document.querySelector("#happenings .takeover .device")?.textContent === "${one.imei}"`);
    const text = await dashboard.page.textContent("#happenings .takeover .what");
    expect(text).toBe(`127.0.0.1:${localPort} → 127.0.0.1:${tracker.localPort}`);
  });

  test("choosing a row shows the device's card, and Escape closes it", async () => {
    const { page } = dashboard;
    await page.click(`[data-device="${one.imei}"]`);
    await dashboard.until(`document.querySelector("#card-title").textContent === "${one.imei}"`);
    expect(await page.textContent("#card-lines")).toContain(`127.0.0.1:${tracker.localPort}`);
    await page.focus("#grid");
    await page.keyboard.press("ArrowDown");
    await dashboard.until(`document.querySelector("#card-title").textContent === "${two.imei}"`);
    await page.keyboard.press("Escape");
    await dashboard.until(`document.querySelector("#card").hidden`);
  });

  test("the map goes where the table points, and chooses what is pointed at on it", async () => {
    const { page } = dashboard;
    const [somewhere] = one.records(1);
    const inVilnius = { ...somewhere!, lonRaw: 252_797_000, latRaw: 546_872_000, satellites: 9 };
    await tracker.send(one.frame([inVilnius]).bytes);
    await dashboard.records(one.imei, (await stored(gateway.url))[one.imei]!);
    await page.click(`[data-device="${one.imei}"]`);
    await dashboard.until(`document.querySelector("#stage").dataset.zoom === "13.50"`);
    await page.focus("#grid");
    await page.keyboard.press("Escape");
    await dashboard.until(`document.querySelector("#card").hidden`);
    const { x, y, width, height } = (await page.locator("#dots").boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await dashboard.until(`document.querySelector('[data-device="${one.imei}"]').classList.contains("hovered")`);
    await page.mouse.down();
    await page.mouse.up();
    await dashboard.until(`document.querySelector("[aria-selected=true]")?.dataset.device === "${one.imei}"`);
  });

  test("the map is moved by wheel, drag and keys", async () => {
    const { page } = dashboard;
    const zoom = async (): Promise<number> => Number(await page.getAttribute("#stage", "data-zoom"));
    const { x, y, width, height } = (await page.locator("#dots").boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.wheel(0, 240);
    await dashboard.until(`document.querySelector("#stage").dataset.zoom === "12.50"`);
    await page.mouse.down();
    await page.mouse.move(x + width / 2 - 150, y + height / 2, { steps: 5 });
    await page.mouse.up();
    // What lay in the middle went along with the pointer.
    await page.mouse.move(x + 5, y + 5);
    await dashboard.until(`!document.querySelector("#dots").classList.contains("hits")`);
    await page.mouse.move(x + width / 2 - 150, y + height / 2);
    await dashboard.until(`document.querySelector('[data-device="${one.imei}"]').classList.contains("hovered")`);
    await page.focus("#dots");
    await page.keyboard.press("+");
    await dashboard.until(`document.querySelector("#stage").dataset.zoom === "13.50"`);
    await page.keyboard.press("0");
    await dashboard.until(`Number(document.querySelector("#stage").dataset.zoom) < 5`);
    expect(await zoom()).toBeGreaterThan(0);
    await page.keyboard.press("Escape");
  });

  test("a gateway that cannot commit is shown with its reason", async () => {
    const { page } = dashboard;
    const detail = "commits fail: the disk is full; nothing is acknowledged until a commit succeeds";
    await page.route(
      "**/readyz",
      (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ detail }) }),
    );
    await dashboard.until(`document.querySelector("#alert").textContent === ${JSON.stringify(`Not ready: ${detail}`)}`);
    await page.unroute("**/readyz");
    await dashboard.until(`document.querySelector("#alert").hidden`);
    expect(dashboard.errors.filter((text) => !text.includes("503"))).toEqual([]);
    dashboard.errors.length = 0;
  });

  test("kill -9 is shown, and what came meanwhile follows by cursor: nothing lost, nothing twice", async () => {
    await dashboard.fact("link", "live");
    const before = await dashboard.facts();
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    expect(await dashboard.page.textContent("#alert")).toStartWith("No connection to the gateway");
    expect(await dashboard.page.textContent("#link-text")).toStartWith("Reconnecting");
    // Who is behind while more comes gets the newest alone: what came meanwhile is over when the page is back.
    const goOn = await dashboard.withoutStream();
    gateway = await again(gateway, { data: gateway.data });
    tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(20));
    await goOn();
    await dashboard.fact("link", "live", 20_000);
    await dashboard.records(one.imei, (await stored(gateway.url))[one.imei]!);
    await sendAll(tracker, one.frames(20));
    const counts = await stored(gateway.url);
    await dashboard.records(one.imei, counts[one.imei]!);
    expect(await dashboard.rows()).toEqual(counts);
    const [, seq] = (await devicesPage(gateway.url)).cursor.split(".");
    await dashboard.fact("seq", seq!);
    const facts = await dashboard.facts();
    expect(facts).toMatchObject({ doubled: "0", unseen: "0", hydrates: "1", losses: "1" });
    // Every seq since was an event of its own.
    expect(Number(facts.events) - Number(before.events)).toBe(Number(seq) - Number(before.seq));
    expect(await dashboard.page.textContent("#happenings .link .what")).toStartWith("Connected again after");
    await dashboard.until(`document.querySelector("#instance").textContent === ${JSON.stringify(gateway.readyLine.instance)}`);
  }, 60_000);

  test("another store under the same address is shown as a resync, and its devices are read", async () => {
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    gateway = await again(gateway);
    const other = new TestDevice(902, "16");
    const fresh = await Tracker.loggedIn(gateway.tcpPort, other.imei);
    await sendAll(fresh, other.frames(3));
    await dashboard.fact("hydrates", "2", 20_000);
    await dashboard.fact("devices", "1");
    const counts = await stored(gateway.url);
    await dashboard.records(other.imei, counts[other.imei]!);
    expect(await dashboard.rows()).toEqual(counts);
    expect(await dashboard.page.textContent("#happenings .resync .what")).toStartWith("Resync");
  }, 60_000);

  test("asks nobody but its gateway, and may not", async () => {
    expect(dashboard.requests.filter((url) => !url.startsWith(`${gateway.url}/`))).toEqual([]);
    expect(dashboard.requests.length).toBeGreaterThan(5);
    const { headers } = await ask(gateway.url, "/");
    expect(headers.get("content-security-policy")).toStartWith("default-src 'self'");
    const elsewhere = "fetch('http://127.0.0.2:9/').then(() => 'allowed', () => 'refused')";
    expect(await dashboard.page.evaluate<string>(elsewhere)).toBe("refused");
    expect(dashboard.errors.some((text) => text.includes("Content Security Policy"))).toBe(true);
  });

  test("says nothing on the console but that the gateway was away", () => {
    const odd = dashboard.errors.filter((text) =>
      !isOutage(text) && !text.includes("Content Security Policy") && !text.includes("127.0.0.2")
    );
    expect(odd).toEqual([]);
  });
});

test("the dashboard's proofs have what they need, or say what is missing", () => {
  if (browserPath() === null) process.stderr.write("dashboard: NOT PROVED on this machine: no chromium on the PATH\n");
  expect(browserPath() === null && process.env["CI"] !== undefined ? "install chromium" : "ok").toBe("ok");
});
