/** Several http threads on one port: whoever is asked, the answer and the stream are the same, and bounds hold for all of them together. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, type GatewayOptions, temporaryData } from "../support/gateway.ts";
import { type Answer, ask, devicesPage, metric } from "../support/rest.ts";
import { cursorParts, SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** That all of them come to one thread of two is as likely as one in 2^23. */
const MANY = 24;
const SETTINGS = { "http.threads": 2, workers: 1 };

const open = new Set<SseConsumer>();
afterEach(() => {
  for (const consumer of open) consumer.close();
  open.clear();
});

async function consume(gateway: Gateway, path: string, from: string | null = null): Promise<SseConsumer> {
  const consumer = await SseConsumer.open(gateway.url, path, from);
  open.add(consumer);
  return consumer;
}

const many = <T>(make: (i: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: MANY }, (_, i) => make(i)));
interface Asking {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** On a connection of its own, which any of the threads may get. */
const asked = <T = unknown>(gateway: Gateway, path: string, init: Asking = {}): Promise<Answer<T>> =>
  ask<T>(gateway.url, path, { ...init, keepalive: false, headers: { connection: "close", ...init.headers } });
const seqsOf = (consumer: SseConsumer): number[] =>
  consumer.events.filter(({ event }) => event === "record" || event === "connected").map(({ id }) => cursorParts(id).seq);
const start = (settings: Record<string, string | number> = {}, more: GatewayOptions = {}): Promise<Gateway> =>
  Gateway.start({ ...more, settings: { ...SETTINGS, ...settings } });

async function told(consumers: readonly SseConsumer[], seq: number): Promise<void> {
  for (const each of consumers) await each.until(`seq ${seq}`, () => seqsOf(each).at(-1) === seq);
}

describe("two http threads", () => {
  test("give every stream every event once, tell all of them bye, and end in order", async () => {
    const gateway = await start();
    expect(await until("the list of threads", () => gateway.log.find((line) => line.includes('"threads"')))).toContain('"http-1"');
    const { cursor } = await devicesPage(gateway.url);
    const streams = await many(() => consume(gateway, "/v1/events", cursor));
    const one = new TestDevice(7001, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    for (let i = 0; i < 20; i++) expect(await tracker.send(one.frame(one.records(5)).bytes)).toBe(5);
    await told(streams, 101);
    const all = Array.from({ length: 101 }, (_, i) => i + 1);
    for (const stream of streams) expect(seqsOf(stream)).toEqual(all);
    await until("the gauge", async () => (await metric(gateway.url, 'berth_subscribers{transport="sse"}')) === MANY);
    const pages = await many(() => asked<{ devices: { records: number }[] }>(gateway, "/v1/devices"));
    expect(pages.map(({ json }) => json.devices[0]!.records)).toEqual(Array<number>(MANY).fill(100));
    const ending = gateway.stop();
    for (const stream of streams) await stream.until("bye", () => stream.closed);
    expect(streams.map((stream) => stream.of("bye").at(-1)?.data)).toEqual(Array<string>(MANY).fill('{"reason":"shutdown"}'));
    expect(await ending).toEqual({ code: 0, signal: null });
  }, 30_000);

  test("go on by cursor after kill -9, each stream with what it has not had", async () => {
    const data = temporaryData();
    const first = await start({}, { data });
    const one = new TestDevice(7002, "8");
    const { cursor } = await devicesPage(first.url);
    const streams = await many(() => consume(first, "/v1/events", cursor));
    const tracker = await Tracker.loggedIn(first.tcpPort, one.imei);
    for (let i = 0; i < 20; i++) expect(await tracker.send(one.frame(one.records(3)).bytes)).toBe(3);
    await Promise.all(streams.map((stream, i) => stream.until("some", () => seqsOf(stream).length > i)));
    await first.kill();
    for (const stream of streams) await stream.until("the end", () => stream.closed);
    const second = await start({}, { data });
    const later = await many((i) => consume(second, "/v1/events", streams[i]!.lastId));
    const again = await Tracker.loggedIn(second.tcpPort, one.imei);
    expect(await again.send(one.frame(one.records(3)).bytes)).toBe(3);
    const page = await devicesPage(second.url);
    const last = cursorParts(page.cursor).seq;
    await told(later, last);
    expect(page.devices[0]!.records).toBe(63);
    for (const [i, stream] of later.entries()) {
      const seqs = [...seqsOf(streams[i]!), ...seqsOf(stream)];
      const others = stream.of("disconnected").map(({ id }) => cursorParts(id).seq);
      const whole = Array.from({ length: last }, (_, at) => at + 1).filter((seq) => !others.includes(seq));
      expect(seqs).toEqual(whole);
    }
    expect((await second.stop()).code).toBe(0);
  }, 40_000);

  test("take what is published at any of them to every subscriber once, and count those together", async () => {
    const gateway = await start();
    const { cursor } = await devicesPage(gateway.url);
    const streams = await many(() => consume(gateway, "/v1/events?channel=app.news", cursor));
    const published = await many((i) =>
      asked(gateway, "/v1/publish", {
        method: "POST",
        body: JSON.stringify({ channel: "app.news", data: i }),
        headers: { "content-type": "application/json" },
      })
    );
    expect(new Set(published.map(({ status }) => status))).toEqual(new Set([202]));
    for (const stream of streams) await stream.until("all of it", () => stream.of("message").length >= MANY);
    const news = streams.map((stream) => stream.of("message").map(({ id }) => cursorParts(id).seq));
    expect(news).toEqual(streams.map(() => Array.from({ length: MANY }, (_, i) => i + 1)));
    const counts = await many(() => asked<{ subscribers: number }>(gateway, "/v1/channels/app.news"));
    expect(new Set(counts.map(({ json }) => json.subscribers))).toEqual(new Set([MANY]));
    expect((await gateway.stop()).code).toBe(0);
  }, 30_000);

  test("share the bound of subscribers, and the one drain there may be", async () => {
    const gateway = await start({ "http.subscribers": MANY });
    await many(() => consume(gateway, "/v1/events"));
    expect(new Set((await many(() => asked(gateway, "/v1/events"))).map(({ status }) => status))).toEqual(new Set([503]));
    const one = new TestDevice(7003, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await until("the device", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 1);
    const abort = new AbortController();
    const body = JSON.stringify({ timeoutMs: 60_000 });
    const drain = await fetch(`${gateway.url}/v1/drain`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: abort.signal,
    });
    expect(drain.status).toBe(200);
    const order = (): Promise<Answer<unknown>> =>
      asked(gateway, "/v1/drain", { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    expect(new Set((await many(order)).map(({ status }) => status))).toEqual(new Set([409]));
    expect(await tracker.ended()).toBe("fin");
    await drain.body?.cancel();
    abort.abort();
    await until("the end of the drain", async () => (await order()).status === 200);
    expect((await gateway.stop()).code).toBe(0);
  }, 30_000);

  test("end the streams of a token on both when it is revoked at one, and count wrong ones together", async () => {
    const gateway = await start({ "access.failed_tokens_per_minute": 10 });
    const make = async (scope: string, token = ""): Promise<{ id: string; token: string }> => {
      const headers = { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) };
      const made = await asked<{ id: string; token: string }>(gateway, "/v1/tokens", {
        method: "POST",
        body: JSON.stringify({ name: scope, scopes: [scope] }),
        headers,
      });
      expect(made.status).toBe(201);
      return made.json;
    };
    const admin = await make("admin");
    const reader = await make("read", admin.token);
    const streams = await many(() => consume(gateway, `/v1/events?access_token=${reader.token}`));
    expect(streams.map(({ status }) => status)).toEqual(Array<number>(MANY).fill(200));
    const revoked = await asked(gateway, `/v1/tokens/${reader.id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${admin.token}` },
    });
    expect(revoked.status).toBe(204);
    for (const stream of streams) await stream.until("bye", () => stream.of("bye").length === 1);
    const wrong = await many(() => asked(gateway, "/v1/devices", { headers: { authorization: "Bearer berth_no" } }));
    const counted = (status: number): number => wrong.filter((answer) => answer.status === status).length;
    expect([counted(401), counted(429)]).toEqual([10, MANY - 10]);
    expect((await gateway.stop()).code).toBe(0);
  }, 30_000);

  test("kick a device, and hold streams of devices, whichever is asked", async () => {
    const gateway = await start({ "http.device_streams": MANY });
    const devices = await many((i) => consume(gateway, `/v1/devices/sensor-${i}/stream`));
    for (const stream of devices) await stream.until("the snapshot", () => stream.of("config").length === 1);
    expect((await asked(gateway, "/v1/devices/one-more/stream")).status).toBe(503);
    const kicked = await many((i) => asked(gateway, `/v1/devices/sensor-${i}/kick`, { method: "POST" }));
    expect(kicked.map(({ status }) => status)).toEqual(Array<number>(MANY).fill(204));
    for (const stream of devices) await stream.until("bye", () => stream.of("bye")[0]?.data === '{"reason":"kicked"}');
    expect((await gateway.stop()).code).toBe(0);
  }, 30_000);
});

test("several http threads serve on Deno, too", async () => {
  const environment = { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" };
  const gateway = await start({}, { command: denoBerth(), environment });
  const { cursor } = await devicesPage(gateway.url);
  const streams = await many(() => consume(gateway, "/v1/events", cursor));
  const one = new TestDevice(7004, "8");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  for (let i = 0; i < 5; i++) expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
  await told(streams, 11);
  const ending = gateway.stop();
  for (const stream of streams) await stream.until("bye", () => stream.of("bye").length === 1);
  expect((await ending).code).toBe(0);
}, 60_000);

test("a port that another gateway has is an error, not a share of its connections", async () => {
  const first = await start();
  const { host } = new URL(first.url);
  const second = Gateway.spawn({ settings: { ...SETTINGS, "http.listen": host }, args: ["--http", host] });
  expect((await second.ended()).code).toBe(1);
  expect(second.logText).toContain("address already in use");
  expect((await first.stop()).code).toBe(0);
}, 30_000);
