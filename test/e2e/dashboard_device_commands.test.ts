/** Commands on the page of a device: sent from there, followed live, and read again after a restart. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { submit } from "../support/command_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway, steadyAddresses } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

const fact = (name: string, value: string | number): string => `document.documentElement.dataset.${name} === "${value}"`;
const SETTINGS = { "command.command_login_ms": 50 };

describe.if(browserPath() !== null)("dashboard commands", () => {
  const one = new TestDevice(990, "8E");
  let gateway: Gateway;
  let dashboard: Dashboard;

  const tracked = async (): Promise<CommandTracker> => {
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, ({ text }) => ({ text: `ok:${text}` }));
    await tracker.send(one.frame(one.records(1)).bytes);
    return tracker;
  };
  const item = (nth: number, state: string): string =>
    `document.querySelectorAll("#command-list li")[${nth}]?.dataset.state === "${state}"`;

  beforeAll(async () => {
    gateway = await startWith("fd", { settings: SETTINGS, args: steadyAddresses() });
    const tracker = await tracked();
    dashboard = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    await dashboard.fact("link", "live");
    await dashboard.until(fact("story", "shown"));
    tracker.end();
    await dashboard.until(`document.getElementById("device-head").dataset.connected === "false"`);
  }, 60_000);

  test("one to a device that is away waits, and is answered when it is back, without a mouse", async () => {
    const { page } = dashboard;
    expect(await page.isVisible("#command-waits")).toBe(true);
    await page.focus("#command-text");
    await page.keyboard.type("getver");
    await page.keyboard.press("Enter");
    await dashboard.until(item(0, "queued"));
    expect(await page.textContent("#command-list .chip")).toBe("waits for the device");
    expect(await page.evaluate<string>("document.activeElement.id + document.getElementById('command-text').value")).toBe("command-text");
    const tracker = await tracked();
    await dashboard.until(item(0, "answered"));
    expect(await page.textContent("#command-list .response")).toBe("ok:getver");
    expect(await page.textContent("#command-list .chip")).toMatch(/^answered after \d+ (ms|s)$/);
    expect(await page.isHidden("#command-waits")).toBe(true);
    tracker.end();
  }, 60_000);

  test("those that others send show too, in pages, and are there after a restart", async () => {
    const { page } = dashboard;
    for (let i = 0; i < 12; i++) await submit(gateway.url, one.imei, { text: `setdigout ${i}` });
    await dashboard.until(fact("commands", 13));
    await gateway.kill();
    await dashboard.fact("link", "reconnecting");
    gateway = await startWith("fd", { settings: SETTINGS, data: gateway.data, args: gateway.addresses });
    await dashboard.fact("link", "live", 20_000);
    const tracker = await tracked();
    await dashboard.until(item(0, "answered") + " && " + item(11, "answered"));
    const again = await Dashboard.open(`${gateway.url}/#/devices/${one.imei}`);
    // The newest events are told to a page that opens, beside what it reads.
    await again.until(`Number(document.documentElement.dataset.commands) >= 10 && !document.getElementById("older-commands").hidden`);
    expect(await again.page.textContent("#command-list code >> nth=0")).toBe("setdigout 11");
    await again.page.click("#older-commands");
    await again.until(`${fact("commands", 13)} && document.getElementById("older-commands").hidden`);
    await again.close();
    expect(await page.textContent("#command-list code >> nth=12")).toBe("getver");
    tracker.end();
  }, 60_000);

  test("what cannot be sent is said", async () => {
    const { page } = dashboard;
    await page.fill("#command-text", "größe");
    await page.click("#command-send");
    await dashboard.until(`document.getElementById("command-fault").textContent.startsWith("Not sent: 400: ")`);
    expect(await page.inputValue("#command-text")).toBe("größe");
    await page.fill("#command-text", "");
    // A gateway that starts is not ready at once.
    expect(dashboard.errors.filter((text) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)|status of (400|503)/.test(text))).toEqual([]);
  });
});
