/** The dashboard of a gateway that wants tokens, in a real browser. */
import { afterAll, describe, expect, test } from "bun:test";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ask } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await endEverything();
});

interface Made {
  readonly id: string;
  readonly token: string;
}

describe.if(browserPath() !== null)("dashboard with tokens", () => {
  test("asks for a token, keeps it for the tab, shows what it may see, and asks again when it is revoked", async () => {
    const gateway = await Gateway.start({ settings: { workers: 1 } });
    const [one, other] = [new TestDevice(1, "8"), new TestDevice(2, "8")];
    for (const each of [one, other]) {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, each.imei);
      expect(await tracker.send(each.frame(each.records(2)).bytes)).toBe(2);
    }
    const make = async (scope: string, by?: Made): Promise<Made> => {
      const headers: Record<string, string> = by === undefined ? {} : { authorization: `Bearer ${by.token}` };
      return (await ask<Made>(gateway.url, "/v1/tokens", { method: "POST", headers, body: JSON.stringify({ scopes: [scope] }) })).json;
    };
    const admin = await make("admin");
    const read = await make("read", admin);
    const own = await make(`device:${one.imei}`, admin);
    const enter = async (dashboard: Dashboard, token: string): Promise<void> => {
      await dashboard.until("!document.getElementById('sign-in').hidden");
      await dashboard.page.fill("#token", token);
      await dashboard.page.press("#token", "Enter");
    };

    const page = await Dashboard.open(gateway.url);
    await enter(page, "berth_nonsense");
    await page.until("document.getElementById('sign-in-words').textContent.includes('does not know this token')");
    await enter(page, read.token);
    await page.fact("link", "live");
    await page.records(one.imei, 2);
    await page.records(other.imei, 2);
    expect(page.requests.filter((url) => url.includes(read.token))).toEqual([]);
    await page.page.reload();
    await page.fact("link", "live");

    const narrow = await Dashboard.open(gateway.url);
    await enter(narrow, own.token);
    await narrow.records(one.imei, 2);
    expect(await narrow.rows()).toEqual({ [one.imei]: 2 });

    const revoked = await ask(gateway.url, `/v1/tokens/${read.id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${admin.token}` },
    });
    expect(revoked.status).toBe(204);
    // The page loads itself anew: what waits must outlive that.
    await page.page.waitForSelector("#sign-in", { state: "visible", timeout: 30_000 });
    await page.close();
    await narrow.close();
    await gateway.stop();
  }, 60_000);
});
