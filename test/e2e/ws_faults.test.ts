/** WebSockets of a gateway when something happens: kill -9 between two connections, restarts, commits that fail, readers that stall. */
import { afterAll, expect, test } from "bun:test";
import { FIRST } from "../support/certificates.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { RawWs } from "../support/raw_ws.ts";
import { ask, metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";
import { WsClient } from "../support/ws_client.ts";

afterAll(endEverything);

const STALLED = 30;
const portOf = (gateway: Gateway): number => Number(new URL(gateway.url).port);
const numbers = (client: WsClient, channel: string): unknown[] => client.events(channel).map(({ data }) => data["data"]);

const publishes = async (url: string): Promise<boolean> =>
  (await ask(url, "/v1/publish", { method: "POST", body: '{"channel":"app.x","data":"again"}' })).status === 202;

test("kill -9 between two connections loses nothing and doubles nothing, of records and of messages", async () => {
  const data = temporaryData();
  const settings = { workers: 1 };
  let gateway = await Gateway.start({ data, settings });
  const one = new TestDevice(6301, "8");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
  const before = await WsClient.open(gateway.url);
  before.subscribe("devices");
  before.subscribe("app.x");
  await before.until("both begin", () => before.of("resync").length === 2);
  for (let n = 0; n < 50; n++) before.say({ type: "publish", channel: "app.x", data: n, id: n });
  await before.until("some are kept", () => before.of("publish").length >= 20);
  await gateway.kill();
  await before.until("its end, behind all it was told", () => before.closed !== null);
  const kept = before.of("publish").length;
  gateway = await Gateway.start({ data, settings });
  const after = await WsClient.open(gateway.url);
  const cursor = before.of("event", "app.x").at(-1)?.id ?? before.of("resync", "app.x")[0]!.id!;
  after.subscribe("app.x", String(cursor));
  after.subscribe("devices", String(before.of("resync", "devices")[0]!.id));
  after.say({ type: "publish", channel: "app.x", data: "last", id: "last" });
  await after.answer("last");
  await after.until("all of it", () => numbers(after, "app.x").at(-1) === "last");
  const all = [...numbers(before, "app.x"), ...numbers(after, "app.x")];
  expect(all.length).toBeGreaterThan(kept);
  expect(all).toEqual([...Array.from({ length: all.length - 1 }, (_, n) => n), "last"]);
  // Whatever was told before the kill, the gateway says once that the connection ended with it.
  await after.until("the end of its connection", () => after.events("devices").some(({ event }) => event === "disconnected"));
  expect((await gateway.stop()).code).toBe(0);
  await after.until("a bye", () => after.closed !== null);
  expect(after.of("bye").at(-1)?.data).toEqual({ reason: "shutdown" });
}, 60_000);

test("readers that stall cost their bound and nothing else", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const rss = async (): Promise<number> => {
    const text = await Bun.file(`/proc/${gateway.pid}/status`).text();
    return Number(/VmRSS:\s+(\d+)/.exec(text)![1]) * 1024;
  };
  const client = await WsClient.open(gateway.url);
  const filler = "x".repeat(10_000);
  /** Publishes 10 MB, which one client reads: by how much the process grows. */
  const growth = async (channel: string): Promise<number> => {
    client.subscribe(channel);
    await client.until("its begin", () => client.of("resync", channel).length === 1);
    const before = await rss();
    for (let n = 0; n < 1000; n++) {
      client.say({ type: "publish", channel, data: filler, id: n });
      if (n % 50 === 49) await client.until("acknowledgements", () => client.of("publish", channel).length > n);
    }
    await client.until("all of it for who reads", () => client.events(channel).length === 1000, 20_000);
    return await rss() - before;
  };
  const usual = await growth("app.alone");
  const stalled = Array.from({ length: STALLED }, () => new RawWs(portOf(gateway), "/v1/ws"));
  for (const each of stalled) {
    await each.opened();
    each.text(JSON.stringify({ type: "subscribe", channel: "app.big" }));
    await each.until("its begin", () => each.texts.some((text) => text.includes('"resync"')));
    each.stopReading();
  }
  expect(await growth("app.big") - usual).toBeLessThan(STALLED * 1.1 * 2 ** 20 + 32 * 2 ** 20);
  for (const each of stalled) each.goOnReading();
  // Their texts are read once, when there are enough of them: they are 10 MB each.
  const messages = (each: RawWs): number => each.texts.filter((text) => text.includes('"message"')).length;
  for (const each of stalled) await each.until("all of it", () => each.frames.length > 1000 && messages(each) === 1000, 30_000);
  for (const each of stalled) each.end();
  client.close();
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);

test("what was published is replayed after flushes and a restart, by its channel alone", async () => {
  const data = temporaryData();
  const settings = { workers: 1, "journal.flush_frames": 40, "http.window_events": 10 };
  let gateway = await Gateway.start({ data, settings });
  const client = await WsClient.open(gateway.url);
  const start = String(client.of("hello")[0]!.id);
  for (let n = 0; n < 300; n++) client.say({ type: "publish", channel: n % 3 === 0 ? "app.third" : "app.rest", data: n, id: n });
  for (let n = 0; n < 300; n += 50) await client.answer(n);
  await client.answer(299);
  expect((await gateway.stop()).code).toBe(0);
  gateway = await Gateway.start({ data, settings });
  const after = await WsClient.open(gateway.url);
  after.subscribe("app.third", start);
  const sse = await SseConsumer.open(gateway.url, "/v1/events?channel=app.third", start);
  await after.until("all of it", () => after.events("app.third").length === 100);
  await sse.until("all of it", () => sse.of("message").length === 100);
  const expected = Array.from({ length: 100 }, (_, n) => 3 * n);
  expect(numbers(after, "app.third")).toEqual(expected);
  expect(sse.of("message").map(({ data }) => (JSON.parse(data) as { data: unknown }).data)).toEqual(expected);
  expect([after.of("gap"), sse.of("gap")]).toEqual([[], []]);
  sse.close();
  after.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);

test("a message whose commit fails is not told to be kept, and reaches nobody", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 }, faults: "journal.commit:fail@4" });
  const client = await WsClient.open(gateway.url);
  client.subscribe("app.x");
  await client.until("its begin", () => client.of("resync").length === 1);
  const kept: number[] = [];
  const lost: unknown[] = [];
  for (let n = 0; n < 30; n++) {
    client.say({ type: "publish", channel: "app.x", data: n, id: n });
    const { type, data } = await client.answer(n);
    if (type === "publish") kept.push(n);
    else lost.push((data as { code: string }).code);
  }
  expect(new Set(lost)).toEqual(new Set(lost.length > 1 ? ["failed", "busy"] : ["failed"]));
  await client.until("all that was kept", () => client.events("app.x").length >= kept.length);
  expect(numbers(client, "app.x")).toEqual(kept);
  await until("commits again", async () => await publishes(gateway.url));
  client.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);

test("a subscription that stays behind for too long is dropped as slow", async () => {
  const settings = { workers: 1, "http.subscriber_lag_ms": 1000, "http.heartbeat_ms": 200 };
  const gateway = await Gateway.start({ settings });
  const raw = new RawWs(portOf(gateway), "/v1/ws");
  await raw.opened();
  raw.text(JSON.stringify({ type: "subscribe", channel: "app.big" }));
  await raw.until("its begin", () => raw.texts.some((text) => text.includes('"resync"')));
  raw.stopReading();
  const client = await WsClient.open(gateway.url);
  const filler = "x".repeat(60_000);
  for (let n = 0; n < 300; n++) {
    client.say({ type: "publish", channel: "app.big", data: filler, id: n });
    await client.answer(n);
  }
  await until("its drop", async () => await metric(gateway.url, 'berth_subscriber_drops_total{cause="slow"}') === 1);
  await until("the end of its socket", async () => await metric(gateway.url, "berth_websockets") === 1);
  raw.end();
  client.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);

test("WebSockets go over TLS as well", async () => {
  const directory = temporaryData();
  const settings = { workers: 1, "tls.cert": `${directory}/cert.pem`, "tls.key": `${directory}/key.pem` };
  await Bun.write(settings["tls.cert"], FIRST.cert);
  await Bun.write(settings["tls.key"], FIRST.key);
  const gateway = await Gateway.start({ settings });
  const socket = new WebSocket(`wss://127.0.0.1:${portOf(gateway)}/v1/ws`, { tls: { ca: FIRST.cert } } as never);
  const first = await new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
    socket.onclose = reject;
  });
  expect(first).toMatchObject({ type: "hello" });
  socket.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);
