/** Which connection keeps a device, from outside: reject, multi(n), changes while the gateway runs, devices nobody announced. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { ACCEPTS, endEverything, type Gateway, type GatewayOptions, writeTemporaryFile } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { ask, device, devicesPage, metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const IMEI = imeiOf(700);

describe.each([...ACCEPTS])("policies, accept %s", (accept) => {
  let gateway: Gateway;
  let consumer: SseConsumer | null = null;
  let trackers: Tracker[] = [];
  const start = async (options: GatewayOptions = {}): Promise<void> => {
    gateway = await startWith(accept, options);
  };
  afterEach(async () => {
    for (const tracker of trackers) tracker.close();
    trackers = [];
    consumer?.close();
    consumer = null;
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  });

  /** Says who it is, and is answered or closed. */
  async function login(imei = IMEI): Promise<Tracker> {
    const tracker = await Tracker.open(gateway.tcpPort);
    trackers.push(tracker);
    tracker.write(encodeLogin(imei));
    await tracker.answered();
    return tracker;
  }
  const put = async (path: string, policy: string | null) => {
    const { status, json } = await ask(gateway.url, path, { method: "PUT", body: JSON.stringify({ policy }) });
    return [status, json];
  };
  const events = (imei = IMEI) =>
    consumer!.events.filter(({ event, data }) => event !== "record" && (JSON.parse(data) as { device?: string }).device === imei);
  const count = (policy: string, outcome: string) => metric(gateway.url, `berth_takeovers_total{policy="${policy}",outcome="${outcome}"}`);

  test("reject: a holder that answers keeps the device; refusals are one event, and the probe is shared", async () => {
    await start({ settings: { policy: "reject", "tcp.refused_window_ms": 500, "admission.waiters_per_device": 64 } });
    consumer = await SseConsumer.open(gateway.url);
    const one = new TestDevice(700, "8E");
    const holder = await login();
    const others = await Promise.all(Array.from({ length: 40 }, () => login()));
    expect(others.map(({ login: answer }) => answer)).toEqual(Array.from({ length: 40 }, () => 0));
    for (const other of others) await other.ended();
    expect([await holder.send(one.frame(one.records(3)).bytes), holder.end]).toEqual([3, null]);
    expect([await count("reject", "refused"), await metric(gateway.url, 'berth_evictions_total{reason="superseded"}')]).toEqual([40, 0]);
    expect(await metric(gateway.url, "berth_probes_total")).toBeLessThan(5);
    await until("the refusals told", () => events().some(({ event }) => event === "refused"));
    expect(events().map(({ event }) => event)).toEqual(["connected", "refused"]);
    expect(JSON.parse(events()[1]!.data)).toMatchObject({ device: IMEI, count: 40, reason: "held", policy: "reject" });
    holder.close();
    await until("offline", async () => !(await device(gateway.url, IMEI)).connected);
    expect((await login()).login).toBe(1);
  }, 20_000);

  test("multi(2): two at a time are served, the third ends the oldest, and the last one to leave is offline", async () => {
    await start({ settings: { policy: "multi(2)" } });
    consumer = await SseConsumer.open(gateway.url);
    const one = new TestDevice(700, "8E");
    const first = await login();
    const second = await login();
    expect(await Promise.all([first, second].map((each) => each.send(one.frame(one.records(2)).bytes)))).toEqual([2, 2]);
    const third = await login();
    expect(await first.ended()).toBe("fin");
    expect(await Promise.all([second, third].map((each) => each.send(one.frame(one.records(2)).bytes)))).toEqual([2, 2]);
    third.close();
    await until("one left", () => events().some(({ event }) => event === "disconnected"));
    expect((await device(gateway.url, IMEI)).origin.port).toBe(second.localPort);
    expect((await devicesPage(gateway.url, "?connected=true")).devices.map(({ id }) => id)).toEqual([IMEI]);
    expect(await second.send(one.frame(one.records(1)).bytes)).toBe(1);
    second.close();
    await until("offline", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 0);
    await until("both ends told", () => events().filter(({ event }) => event === "disconnected").length === 2);
    expect(events().map(({ event }) => event)).toEqual(["connected", "connected", "replaced", "disconnected", "disconnected"]);
    expect((await device(gateway.url, IMEI)).records).toBe(9);
    expect(await count("multi", "admitted")).toBe(1);
  });

  test("a policy is changed for all, a class and a device while they are connected, and is as configured after a restart", async () => {
    const file = await writeTemporaryFile(
      "berth.toml",
      `[[classes]]\nname = "fleet"\nmatch = "${IMEI.slice(0, 6)}*"\npolicy = "takeover"\n`,
    );
    await start({ args: ["--config", file] });
    const { data } = gateway;
    await login();
    expect(await put("/v1/policies/fleet", "reject")).toEqual([200, { class: "fleet", policy: "reject" }]);
    expect((await login()).login).toBe(0);
    expect(await put("/v1/policies/default", "takeover")).toEqual([200, { class: "default", policy: "takeover" }]);
    expect((await login()).login).toBe(0);
    expect(await put(`/v1/devices/${IMEI}/policy`, "takeover")).toEqual([200, { device: IMEI, policy: "takeover" }]);
    expect((await login()).login).toBe(1);
    expect(await put(`/v1/devices/${IMEI}/policy`, null)).toEqual([200, { device: IMEI, policy: null }]);
    expect((await login()).login).toBe(0);
    expect((await put("/v1/policies/ships", "reject"))[0]).toBe(404);
    expect((await put(`/v1/devices/${imeiOf(701)}/policy`, "reject"))[0]).toBe(404);
    expect((await put("/v1/policies/fleet", "multi(99)"))[0]).toBe(400);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    await start({ data, args: ["--config", file] });
    await login();
    expect((await login()).login).toBe(1);
  }, 20_000);

  test("devices nobody announced are refused; those of the configuration and of the store are not", async () => {
    await start();
    const { data } = gateway;
    await login();
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    const announced = imeiOf(702);
    const file = await writeTemporaryFile("berth.toml", `[devices."${announced}"]\npolicy = "takeover"\n`);
    await start({ data, args: ["--config", file], settings: { unknown_devices: "reject" } });
    expect((await login(imeiOf(703))).login).toBe(0);
    expect([(await login()).login, (await login(announced)).login]).toEqual([1, 1]);
    expect(await metric(gateway.url, 'berth_logins_total{outcome="unknown_device"}')).toBe(1);
    expect((await ask(gateway.url, `/v1/devices/${imeiOf(703)}`)).status).toBe(404);
  }, 20_000);
});
