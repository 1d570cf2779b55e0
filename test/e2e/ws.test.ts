/** WebSockets of a gateway: who may open one and see what, publishing and channels. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { RawWs } from "../support/raw_ws.ts";
import { ask, metric, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";
import { WsClient } from "../support/ws_client.ts";

afterAll(endEverything);

const publish = (url: string, channel: string, data: unknown, headers: Record<string, string> = {}) =>
  ask<Problem>(url, "/v1/publish", { method: "POST", body: JSON.stringify({ channel, data }), headers });
const numbers = (client: WsClient, channel: string): unknown[] => client.events(channel).map(({ data }) => data["data"]);
const portOf = (gateway: Gateway): number => Number(new URL(gateway.url).port);

describe("channels", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 200 } });
  });

  test("what is published is on the disk, and reaches WebSockets and event streams of its channel", async () => {
    const client = await WsClient.open(gateway.url);
    const sse = await SseConsumer.open(gateway.url, "/v1/events?channel=app.news");
    client.subscribe("app.news");
    await client.until("its begin", () => client.of("resync").length === 1);
    expect((await publish(gateway.url, "app.news", { hello: "wörld" })).status).toBe(202);
    expect((await publish(gateway.url, "app.other", 1)).status).toBe(202);
    client.say({ type: "publish", id: 7, channel: "app.news", data: [2] });
    expect(await client.answer(7)).toMatchObject({ type: "publish", channel: "app.news" });
    client.say({ type: "event", channel: "app.news", data: "as go-ws has it" });
    await client.until("three messages", () => client.events("app.news").length === 3);
    await sse.until("three messages", () => sse.of("message").length === 3);
    const expected = [{ hello: "wörld" }, [2], "as go-ws has it"];
    expect(numbers(client, "app.news")).toEqual(expected);
    expect(sse.of("message").map(({ data }) => (JSON.parse(data) as { data: unknown }).data)).toEqual(expected);
    expect(JSON.parse(sse.of("message")[0]!.data)).toMatchObject({ channel: "app.news", data: { hello: "wörld" } });
    expect((await ask(gateway.url, "/v1/channels/app.news")).json).toEqual({ channel: "app.news", subscribers: 2 });
    client.close();
    sse.close();
    const none = { channel: "app.news", subscribers: 0 };
    await until("nobody", async () => JSON.stringify((await ask(gateway.url, "/v1/channels/app.news")).json) === JSON.stringify(none));
  });

  test("what a tracker does reaches the channel of its device", async () => {
    const one = new TestDevice(6101, "8");
    const client = await WsClient.open(gateway.url);
    client.subscribe(`device.${one.imei}`);
    await client.until("its begin", () => client.of("resync").length === 1);
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await tracker.send(one.frame(one.records(3)).bytes)).toBe(3);
    await client.until("its events", () => client.events().length === 4);
    expect(client.events().map(({ event }) => event)).toEqual(["connected", "record", "record", "record"]);
    expect((await ask(gateway.url, `/v1/devices/${one.imei}/commands`, { method: "POST", body: '{"text":"getinfo"}' })).status).toBe(202);
    await client.until("a command", () => client.events().some(({ event }) => event === "command"));
    client.close();
  });

  test("what cannot be published is refused", async () => {
    for (
      const [channel, status] of [["app.", 400], ["devices", 400], ["device.1", 400], ["app.a b", 400], [`app.${"x".repeat(260)}`, 400]]
    ) {
      expect([channel, (await publish(gateway.url, String(channel), 1)).status]).toEqual([channel, status]);
    }
    expect((await publish(gateway.url, "app.x", "x".repeat(70_000))).status).toBe(413);
    expect((await ask(gateway.url, "/v1/channels/nothing")).status).toBe(404);
  });

  test("5,000 messages over one WebSocket arrive, once and in order", async () => {
    const client = await WsClient.open(gateway.url);
    client.subscribe("app.many");
    await client.until("its begin", () => client.of("resync").length === 1);
    for (let n = 0; n < 5000; n++) client.say({ type: "publish", channel: "app.many", data: n });
    await client.until("all of them", () => client.events("app.many").length === 5000 || client.of("error").length > 0, 20_000);
    expect(client.of("error")).toEqual([]);
    expect(numbers(client, "app.many")).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    await until("all counted", async () => (await metric(gateway.url, 'berth_messages_total{outcome="kept"}')) >= 5000);
    client.close();
  }, 30_000);

  test("a client has 1,024 subscriptions and not one more", async () => {
    const client = await WsClient.open(gateway.url);
    for (let n = 0; n < 1025; n++) client.say({ type: "subscribe", channel: `app.n${n}`, id: n });
    expect(await client.answer(1024)).toMatchObject({ type: "error", data: { code: "too_many" } });
    expect(client.of("subscribe")).toHaveLength(1024);
    client.close();
  });
});

describe("access", () => {
  let gateway: Gateway;
  let admin = "";
  const make = async (scope: string): Promise<{ id: string; token: string }> => {
    const init = { method: "POST", body: JSON.stringify({ name: "t", scopes: [scope] }), headers: { authorization: `Bearer ${admin}` } };
    return (await ask<{ id: string; token: string }>(gateway.url, "/v1/tokens", init)).json;
  };
  const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const raw = new RawWs(portOf(gateway), path, headers);
    await raw.opened();
    raw.end();
    return raw.status;
  };
  const asked = async (token: string, message: object): Promise<unknown> => {
    const client = await WsClient.open(gateway.url, `/v1/ws?access_token=${token}`);
    client.say({ ...message, id: "q" });
    const { type, data } = await client.answer("q");
    client.close();
    return type === "error" ? (data as { code: string }).code : type;
  };

  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "access.origins": "https://fleet.example" } });
    const made = await runBerth(["token", "create", "--scope", "admin", "--json", "--url", gateway.url]);
    admin = (JSON.parse(made.out) as { token: string }).token;
  });

  test("is decided before the upgrade", async () => {
    const read = await make("read");
    const bearer = { Authorization: `Bearer ${read.token}` };
    expect(await statusOf("/v1/ws")).toBe(401);
    expect(await statusOf("/v1/ws", { Authorization: "Bearer berth_nonsense" })).toBe(401);
    expect(await statusOf("/v1/ws", bearer)).toBe(101);
    expect(await statusOf(`/v1/ws?access_token=${read.token}`)).toBe(101);
    expect(await statusOf("/v1/ws", { ...bearer, Origin: "https://evil.example" })).toBe(403);
    expect(await statusOf("/v1/ws", { ...bearer, Origin: "https://fleet.example" })).toBe(101);
    expect(await statusOf("/v1/ws", { ...bearer, Origin: gateway.url })).toBe(101);
    expect((await ask(gateway.url, "/v1/ws", { headers: bearer })).status).toBe(426);
  });

  test("to a channel is by scope", async () => {
    const [read, command, device] = await Promise.all([make("read"), make("command"), make("device:77")]);
    const subscribe = (channel: string): object => ({ type: "subscribe", channel });
    const says = { type: "publish", channel: "app.x", data: 1 };
    expect(await asked(read.token, subscribe("app.x"))).toBe("subscribe");
    expect(await asked(read.token, subscribe("device.5"))).toBe("subscribe");
    expect(await asked(read.token, says)).toBe("forbidden");
    expect(await asked(command.token, says)).toBe("publish");
    expect(await asked(command.token, subscribe("app.x"))).toBe("forbidden");
    expect(await asked(command.token, subscribe("devices"))).toBe("forbidden");
    expect(await asked(device.token, subscribe("device.77"))).toBe("subscribe");
    expect(await asked(device.token, subscribe("devices"))).toBe("subscribe");
    expect(await asked(device.token, subscribe("device.78"))).toBe("forbidden");
    expect(await asked(device.token, subscribe("app.x"))).toBe("forbidden");
    expect(await asked(device.token, says)).toBe("forbidden");
    expect(await asked(admin, says)).toBe("publish");
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    expect((await publish(gateway.url, "app.x", 1, bearer(read.token))).status).toBe(403);
    expect((await publish(gateway.url, "app.x", 1, bearer(device.token))).status).toBe(403);
    expect((await publish(gateway.url, "app.x", 1, bearer(command.token))).status).toBe(202);
    const init = { headers: bearer(device.token) };
    expect((await ask(gateway.url, "/v1/events?channel=app.x", init)).status).toBe(403);
    expect((await ask(gateway.url, "/v1/channels/app.x", init)).status).toBe(403);
  });

  test("a token of one device sees that device alone on the channel of all", async () => {
    const device = await make(`device:${new TestDevice(6201, "8").imei}`);
    const client = await WsClient.open(gateway.url, `/v1/ws?access_token=${device.token}`);
    client.subscribe("devices");
    await client.until("its begin", () => client.of("resync").length === 1);
    for (const n of [6202, 6201]) {
      const one = new TestDevice(n, "8");
      const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
    }
    await client.until("its record", () => client.events("devices").some(({ event }) => event === "record"));
    expect(new Set(client.events("devices").map(({ data }) => data["device"]))).toEqual(new Set([new TestDevice(6201, "8").imei]));
    client.close();
  });

  test("that is revoked ends the WebSocket", async () => {
    const read = await make("read");
    const client = await WsClient.open(gateway.url, `/v1/ws?access_token=${read.token}`);
    client.subscribe("devices");
    await client.until("its begin", () => client.of("resync").length === 1);
    const init = { method: "DELETE", headers: { authorization: `Bearer ${admin}` } };
    expect((await ask(gateway.url, `/v1/tokens/${read.id}`, init)).status).toBe(204);
    await client.until("its end", () => client.closed !== null);
    expect([client.closed?.code, client.of("bye").at(-1)?.data]).toEqual([4401, { reason: "auth" }]);
  });
});

test("with several http threads a channel is one: all hear, and all are counted whoever is asked", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.threads": 2 } });
  const clients = await Promise.all(Array.from({ length: 16 }, () => WsClient.open(gateway.url)));
  for (const client of clients) client.subscribe("app.x");
  for (const client of clients) await client.until("its begin", () => client.of("resync").length === 1);
  for (let i = 0; i < 8; i++) {
    const { json } = await ask(gateway.url, "/v1/channels/app.x", { headers: { connection: "close" } });
    expect(json).toEqual({ channel: "app.x", subscribers: 16 });
  }
  clients.forEach((client, n) => client.say({ type: "publish", channel: "app.x", data: n, id: n }));
  for (const [n, client] of clients.entries()) expect(await client.answer(n)).toMatchObject({ type: "publish" });
  for (const client of clients) await client.until("all of it", () => client.events("app.x").length === 16);
  const orders = clients.map((client) => client.seqs("app.x").join());
  expect(new Set(orders).size).toBe(1);
  expect((await gateway.stop()).code).toBe(0);
  for (const client of clients) await client.until("its bye", () => client.closed !== null);
  expect(new Set(clients.map((client) => client.closed?.code))).toEqual(new Set([1012]));
}, 30_000);
