/** Configurations from outside: versions that only rise, what devices say of them, and how they get to trackers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { config, put, report, settled, toldOf, versionOf } from "../support/config_asks.ts";
import { CommandTracker, type Received, type Reply } from "../support/command_tracker.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ask, device, devicesPage, metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const SETTINGS = { workers: 2, "command.command_login_ms": 100, "command.command_quiet_ms": 100 };
let number = 8600;

/** Parameters as a tracker has them, and its answers. */
class Memory {
  readonly values = new Map<string, string>();
  readonly reply = ({ text }: Received): Reply => {
    const [name = "", rest = ""] = text.split(/ (.*)/s);
    if (name === "getparam") return { text: `Param ID:${rest} Val:${this.values.get(rest) ?? ""}` };
    if (name !== "setparam") return { text: "Unknown command" };
    for (const pair of rest.split(";")) this.values.set(pair.slice(0, pair.indexOf(":")), pair.slice(pair.indexOf(":") + 1));
    return { text: `New value ${rest}` };
  };
}

/** A tracker, logged in, its first record acknowledged. */
async function tracked(gateway: Gateway, reply: (command: Received) => Reply, one = new TestDevice(++number, "8E")) {
  const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, reply);
  await tracker.send(one.frame(one.records(1)).bytes);
  return { one, tracker, id: one.imei };
}

/** A device that is known and not connected. */
async function away(gateway: Gateway): Promise<string> {
  const { tracker, id } = await tracked(gateway, () => null);
  tracker.end();
  await until("offline", async () => !(await device(gateway.url, id)).connected);
  return id;
}

describe("a configuration", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: SETTINGS });
  });

  test("has no version before the first", async () => {
    const id = await away(gateway);
    expect(await config(gateway.url, id)).toEqual({ version: 0, value: null, applied: null, failed: null, pending: null, reason: null });
  });

  test("rises by one with every put, and is pending until its device has said something", async () => {
    const id = await away(gateway);
    expect([await versionOf(gateway.url, id, { a: 1 }), await versionOf(gateway.url, id, { a: [2, "x"] })]).toEqual([1, 2]);
    expect(await config(gateway.url, id)).toEqual({
      version: 2,
      value: { a: [2, "x"] },
      applied: null,
      failed: null,
      pending: 2,
      reason: null,
    });
    expect((await report(gateway.url, id, 1, "applied")).status).toBe(204);
    expect(await config(gateway.url, id)).toMatchObject({ applied: 1, failed: null, pending: 2 });
    expect((await report(gateway.url, id, 2, "failed", { reason: "no room" })).status).toBe(204);
    expect(await config(gateway.url, id)).toMatchObject({ applied: 1, failed: 2, pending: null, reason: "no room" });
    expect((await report(gateway.url, id, 2, "applied")).status).toBe(204);
    expect(await config(gateway.url, id)).toMatchObject({ applied: 2, failed: null, pending: null, reason: null });
  });

  test("never goes back: what is said of an older version than the applied one is refused", async () => {
    const id = await away(gateway);
    for (const value of [1, 2, 3]) await versionOf(gateway.url, id, { value });
    expect((await report(gateway.url, id, 2, "applied")).status).toBe(204);
    const statuses = [];
    for (
      const [version, state] of [[2, "applied"], [2, "failed"], [1, "applied"], [1, "failed"], [4, "applied"], [0, "applied"]] as const
    ) {
      statuses.push((await report(gateway.url, id, version, state)).status);
    }
    expect(statuses).toEqual([204, 409, 409, 409, 404, 404]);
    expect(await config(gateway.url, id)).toMatchObject({ version: 3, applied: 2, failed: null, pending: 3 });
  });

  test("is said by the connection that has the device, and by no other", async () => {
    const { one, tracker, id } = await tracked(gateway, () => null);
    const { fence } = await device(gateway.url, id);
    await versionOf(gateway.url, id, { a: 1 });
    const next = await tracked(gateway, () => null, one);
    expect((await report(gateway.url, id, 1, "applied", { fence })).status).toBe(409);
    expect((await report(gateway.url, id, 1, "applied", { fence: (await device(gateway.url, id)).fence })).status).toBe(204);
    tracker.end();
    next.tracker.end();
  });

  test("is told as events, each state once and in order", async () => {
    const id = await away(gateway);
    const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${id}&kind=config`);
    await versionOf(gateway.url, id, { secret: 1 });
    await report(gateway.url, id, 1, "applied");
    await report(gateway.url, id, 1, "applied");
    await versionOf(gateway.url, id, { secret: 2 });
    await consumer.until("the last one", () => toldOf(consumer).length >= 3);
    expect(toldOf(consumer)).toEqual(["1 pending", "1 applied", "2 pending"]);
    expect(consumer.of("config").some(({ data }) => data.includes("secret"))).toBe(false);
    consumer.close();
    expect(await metric(gateway.url, 'berth_configs_total{state="pending"}')).toBeGreaterThanOrEqual(2);
  });

  test("is refused with its reason: no JSON, too large, no such device", async () => {
    const id = await away(gateway);
    const at = `/v1/devices/${id}/config`;
    expect((await ask(gateway.url, at, { method: "PUT", body: "{" })).status).toBe(400);
    expect((await put(gateway.url, id, "x".repeat(9000))).status).toBe(413);
    expect((await put(gateway.url, "nobody", {})).status).toBe(404);
    expect((await ask(gateway.url, "/v1/devices/nobody/config")).status).toBe(404);
    expect((await report(gateway.url, id, 1, "applied")).status).toBe(404);
  });

  test("of 1,000 changes ends with the last one, on a tracker that comes and goes", async () => {
    const memory = new Memory();
    const first = await tracked(gateway, memory.reply);
    const { one, id } = first;
    let { tracker } = first;
    let stop = false;
    const restless = (async () => {
      while (!stop) {
        tracker.end();
        await tracker.until("its end", () => tracker.closed);
        ({ tracker } = await tracked(gateway, memory.reply, one));
        const before = tracker.commands.length;
        await tracker.until("a command", () => stop || tracker.commands.length > before, 5000).catch(() => undefined);
      }
    })();
    const versions: number[] = [];
    for (let i = 1; i <= 1000; i++) versions.push(await versionOf(gateway.url, id, { 2001: `apn${i}` }));
    stop = true;
    await restless;
    expect(versions).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    const end = await settled(gateway.url, id, "the last version", ({ applied }) => applied === 1000);
    expect(end).toMatchObject({ version: 1000, failed: null, pending: null });
    expect(memory.values.get("2001")).toBe("apn1000");
    tracker.end();
  }, 60_000);
});

describe("on a tracker a configuration of parameters", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: SETTINGS });
  });

  test("is set and read back at once", async () => {
    const memory = new Memory();
    const { tracker, id } = await tracked(gateway, memory.reply);
    await versionOf(gateway.url, id, { 2001: "internet", 102: 5 });
    await settled(gateway.url, id, "applied", ({ applied }) => applied === 1);
    expect(memory.values).toEqual(new Map([["102", "5"], ["2001", "internet"]]));
    expect(tracker.commands.map(({ text }) => text)).toEqual(["setparam 102:5;2001:internet", "getparam 102", "getparam 2001"]);
    tracker.end();
  });

  test("is set when it comes", async () => {
    const id = await away(gateway);
    await versionOf(gateway.url, id, { 102: 5 });
    const memory = new Memory();
    const { tracker } = await tracked(gateway, memory.reply, new TestDevice(number, "8E"));
    expect(tracker.imei).toBe(id);
    await settled(gateway.url, id, "applied", ({ applied }) => applied === 1);
    tracker.end();
  });

  test("has failed when it is read back as something else, and the reason says so", async () => {
    const { tracker, id } = await tracked(gateway, ({ text }) => ({ text: text.startsWith("get") ? "Param ID:102 Val:7" : "New value" }));
    await versionOf(gateway.url, id, { 102: 5 });
    const end = await settled(gateway.url, id, "failed", ({ failed }) => failed === 1);
    expect(end).toMatchObject({ applied: null, pending: null, reason: 'parameter 102 is "7", not "5"' });
    tracker.end();
  });

  test("begins again on the next connection when this one goes, and does not go back to an older version", async () => {
    const memory = new Memory();
    const { one, tracker, id } = await tracked(gateway, () => null);
    await versionOf(gateway.url, id, { 102: 5 });
    await tracker.until("the first command", () => tracker.commands.length === 1);
    await versionOf(gateway.url, id, { 102: 6 });
    const next = await tracked(gateway, memory.reply, one);
    await settled(gateway.url, id, "applied", ({ applied }) => applied === 2);
    expect(next.tracker.commands.map(({ text }) => text)).toEqual(["setparam 102:6", "getparam 102"]);
    next.tracker.end();
  });

  test("of anything else is left to the device", async () => {
    const { tracker, id } = await tracked(gateway, () => null);
    await versionOf(gateway.url, id, { 102: { nested: true } });
    await versionOf(gateway.url, id, { name: "x" });
    expect(await config(gateway.url, id)).toMatchObject({ pending: 2 });
    expect(tracker.commands).toEqual([]);
    tracker.end();
  });
});

test("a configuration survives kill -9: the version, what was said of it, and that it is pending", async () => {
  const gateway = await Gateway.start({ settings: SETTINGS });
  const id = await away(gateway);
  await versionOf(gateway.url, id, { 102: 1 });
  await report(gateway.url, id, 1, "failed", { reason: "x" });
  await versionOf(gateway.url, id, { 102: 2 });
  const epoch = (await devicesPage(gateway.url)).cursor.replace(/\.\d+$/, "");
  await gateway.kill();
  const again = await Gateway.start({ settings: SETTINGS, data: gateway.data });
  expect(await config(again.url, id)).toMatchObject({ version: 2, value: { 102: 2 }, applied: null, failed: 1, pending: 2, reason: "x" });
  const memory = new Memory();
  const { tracker } = await tracked(again, memory.reply, new TestDevice(number, "8E"));
  await settled(again.url, id, "applied", ({ applied }) => applied === 2);
  expect(memory.values.get("102")).toBe("2");
  expect(await versionOf(again.url, id, {})).toBe(3);
  const consumer = await SseConsumer.open(again.url, `/v1/events?device=${id}&kind=config`, `${epoch}.0`);
  await consumer.until("the last one", () => toldOf(consumer).includes("3 pending"));
  expect(toldOf(consumer)).toEqual(["1 pending", "1 failed", "2 pending", "2 applied", "3 pending"]);
  consumer.close();
  tracker.end();
}, 60_000);
