/** WebSockets over a real listener: subscriptions, places, bounds, ends. */
import { afterEach, describe, expect, test } from "bun:test";
import { ClockAhead } from "../../support/clock_ahead.ts";
import { maskedFrame, RawWs } from "../../support/raw_ws.ts";
import { connectedOf, eventOf } from "../../support/memory_store.ts";
import { ask, devicesPage, type Problem } from "../../support/rest.ts";
import { frame, StreamTest, upTo } from "../../support/stream_test.ts";
import { pause, until } from "../../support/until.ts";
import { WsClient } from "../../support/ws_client.ts";

const streams = new StreamTest();
let clock: ClockAhead | null = null;
const clients: WsClient[] = [];
const open = async (path?: string): Promise<WsClient> => {
  const client = await WsClient.open(streams.world.url, path);
  clients.push(client);
  return client;
};
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await streams.end();
  clock?.end();
  clock = null;
});
const message = (channel: string, n: number) => eventOf("message", 0, 0, { channel, at: n, data: { n } });

describe("a subscription", () => {
  test("gets the events of its channel as messages, with their ids and times", async () => {
    const world = await streams.start();
    const client = await open();
    client.subscribe("device.a", "e1.0");
    world.commit([connectedOf(7, "a", 2048), connectedOf(8, "b", 2048), frame(7, 1)]);
    await client.reaches("device.a", 3);
    const [connected, record] = client.of("event");
    expect(connected).toMatchObject({ type: "event", channel: "device.a", id: "e1.1", timestamp: "2023-11-14T22:13:20.000Z" });
    expect(connected!.data).toMatchObject({ event: "connected", data: { device: "a", fence: 2048, origin: { address: "127.0.0.1" } } });
    const { records } = (await ask<{ records: object[] }>(world.url, "/v1/devices/a/records")).json;
    expect(record!.data).toEqual({ event: "record", data: records[0] });
    expect(client.seqs()).toEqual([1, 3]);
  });

  test("by string data, as a go-ws client asks for it", async () => {
    const world = await streams.start();
    const client = await open();
    client.say({ type: "subscribe", data: "devices", timestamp: "2026-01-01T00:00:00Z" });
    await client.until("its begin", () => client.of("resync", "devices").length === 1);
    expect(client.of("resync")[0]).toMatchObject({ id: "e1.0", data: { cause: "none" } });
    world.commit([connectedOf(1, "a", 1024)]);
    await client.until("an event", () => client.events("devices").length === 1);
  });

  test("has a place of its own: an event of two of them comes for each", async () => {
    const world = await streams.start();
    world.commit([connectedOf(1, "a", 1024), message("app.x", 1), connectedOf(2, "b", 1024), message("app.y", 2)]);
    const client = await open();
    client.subscribe("devices", "e1.0");
    client.subscribe("device.b", "e1.0");
    client.subscribe("app.x", "e1.0");
    world.commit([frame(2, 1), message("app.x", 3)]);
    for (const channel of ["devices", "device.b", "app.x"]) await client.reaches(channel, 5);
    await client.reaches("app.x", 6);
    expect([client.seqs("devices"), client.seqs("device.b"), client.seqs("app.x")]).toEqual([[1, 3, 5], [3, 5], [2, 6]]);
    expect(client.events("app.x")).toEqual([1, 3].map((n) => ({ event: "message", data: { channel: "app.x", at: n, data: { n } } })));
  });

  test("begins again elsewhere when it is asked with a cursor, and goes on when asked without one", async () => {
    const world = await streams.start();
    world.commit([connectedOf(1, "a", 1024), frame(1, 2)]);
    const client = await open();
    client.subscribe("devices", "e1.0");
    await client.reaches("devices", 3);
    client.say({ type: "subscribe", channel: "devices", id: "again" });
    expect(await client.answer("again")).toMatchObject({ type: "subscribe", channel: "devices" });
    expect(client.seqs()).toEqual([1, 2, 3]);
    client.subscribe("devices", "e1.1");
    await client.until("them again", () => client.seqs().length === 5);
    expect(client.seqs()).toEqual([1, 2, 3, 2, 3]);
    expect(world.metric("berth_subscribers", "ws")).toBe(1);
  });

  test("ends when it is told to", async () => {
    const world = await streams.start();
    const client = await open();
    client.subscribe("devices", "e1.0");
    client.subscribe("app.x", "e1.0");
    client.say({ type: "unsubscribe", channel: "devices", id: 1 });
    expect(await client.answer(1)).toMatchObject({ type: "unsubscribe", channel: "devices" });
    world.commit([connectedOf(1, "a", 1024), message("app.x", 1)]);
    await client.reaches("app.x", 2);
    expect(client.seqs()).toEqual([2]);
    expect(world.metric("berth_subscribers", "ws")).toBe(1);
  });

  test("in mode latest from far back gets the newest record of each device, the rest but for records, and a gap", async () => {
    const world = await streams.start();
    world.commit([connectedOf(1, "a", 1024), connectedOf(2, "b", 1024), message("app.x", 1)]);
    for (let i = 0; i < 60; i++) world.commit([frame(1, 50)]);
    world.commit([frame(2, 1), connectedOf(1, "a", 4096)]);
    await until("followed", async () => (await devicesPage(world.url)).cursor === "e1.3005");
    const client = await open();
    for (const [channel, mode] of [["devices", "latest"], ["app.x", "latest"], ["device.a", undefined]] as const) {
      client.say({ type: "subscribe", channel, cursor: "e1.0", mode });
    }
    await client.reaches("devices", 3005);
    await client.reaches("app.x", 3);
    await client.reaches("device.a", 3005);
    const [gap] = client.of("gap", "devices");
    // The newest of A comes: its position is from there, or from one of the same time before.
    expect(gap).toMatchObject({ data: { from: 4, cause: "coalesced" } });
    expect(client.seqs("devices").filter((seq) => seq < 4 || seq > 3002)).toEqual([1, 2, 3003, 3004, 3005]);
    expect(client.seqs("devices").length).toBeLessThan(7);
    expect([client.seqs("app.x"), client.of("gap", "app.x"), client.of("gap", "device.a")]).toEqual([[3], [], []]);
    expect(client.seqs("device.a")).toHaveLength(3002);
  });

  test("that is quiet hears its position by a ping", async () => {
    const world = await streams.start();
    const client = await open();
    client.subscribe("device.z", "e1.0");
    world.commit([connectedOf(1, "a", 1024), frame(1, 3)]);
    await client.until("a ping with the position", () => client.of("ping", "device.z").at(-1)?.id === "e1.4");
    expect(client.seqs()).toEqual([]);
  });

  test("is told of a gap, and of a cursor that leads nowhere", async () => {
    // From before the thread was there: it has none of it in memory.
    const world = await streams.start({}, (made) => {
      made.commit([connectedOf(1, "a", 1024)]);
      for (let i = 0; i < 5; i++) made.commit([frame(1, 1)]);
    });
    world.forget(4);
    const client = await open();
    client.subscribe("devices", "e1.1");
    client.subscribe("device.a", "other.1");
    await client.reaches("device.a", 6);
    expect(client.of("resync", "device.a")[0]).toMatchObject({ id: "e1.6", data: { cause: "epoch" } });
    await client.reaches("devices", 6);
    expect(client.of("gap", "devices")).toMatchObject([{ id: "e1.3", data: { from: 2, to: 3, cause: "retention" } }]);
    expect(client.seqs("devices")).toEqual([4, 5, 6]);
  });
});

describe("a WebSocket", () => {
  test("is greeted with what it needs, and kept warm", async () => {
    const world = await streams.start({ heartbeatMs: 100, socketPingMs: 100 });
    world.commit([connectedOf(1, "a", 1024)]);
    const raw = new RawWs(Number(new URL(world.url).port), "/v1/ws");
    await raw.until("a greeting", () => raw.texts.length > 0);
    expect(JSON.parse(raw.texts[0]!)).toMatchObject({ type: "hello", data: { instance: "test", heartbeatMs: 100, deadMs: 60_000 } });
    await raw.until(
      "pings of both kinds",
      () => raw.frames.some(({ opcode }) => opcode === 9) && raw.texts.some((text) => text.includes('"ping"')),
    );
    raw.end();
    await until("no socket", () => world.metric("berth_websockets") === 0);
  });

  test("answers pings, and says what it cannot use without closing", async () => {
    await streams.start();
    const client = await open();
    client.say({ type: "ping", id: "p" });
    expect(await client.answer("p")).toMatchObject({ type: "pong" });
    client.socket.send("{nonsense");
    await client.until("an error", () => client.of("error").length === 1);
    client.say({ type: "subscribe", channel: "news", id: 3 });
    expect(await client.answer(3)).toMatchObject({ type: "error", data: { code: "bad_channel" } });
    expect(client.closed).toBeNull();
  });

  test("that sends one wrong message after the other is closed", async () => {
    await streams.start({ socketErrors: 5 });
    const client = await open();
    for (let i = 0; i < 6; i++) client.socket.send("{");
    await client.until("its end", () => client.closed !== null);
    expect(client.closed?.code).toBe(1008);
    expect(client.of("error")).toHaveLength(6);
    expect(client.of("bye")[0]).toMatchObject({ data: { reason: "errors" } });
  });

  test("closes on a binary message, and on one that is too long", async () => {
    const world = await streams.start({ socketMessageBytes: 2048 });
    const binary = await open();
    binary.socket.send(Uint8Array.of(1));
    await binary.until("its end", () => binary.closed !== null);
    expect(binary.closed?.code).toBe(1003);
    const long = await open();
    long.socket.send(JSON.stringify({ type: "ping", data: "x".repeat(2048) }));
    await long.until("its end", () => long.closed !== null);
    expect(long.closed?.code).toBe(1009);
    await until("no socket", () => world.metric("berth_websockets") === 0);
  });

  test("has so many subscriptions and no more", async () => {
    const world = await streams.start({ socketSubscriptions: 3 });
    const client = await open();
    for (const name of ["app.1", "app.2", "app.3"]) client.subscribe(name);
    client.say({ type: "subscribe", channel: "app.4", id: 4 });
    expect(await client.answer(4)).toMatchObject({ type: "error", channel: "app.4", data: { code: "too_many" } });
    // One that is there may begin elsewhere.
    client.say({ type: "subscribe", channel: "app.2", cursor: "e1.0", id: 2 });
    expect(await client.answer(2)).toMatchObject({ type: "subscribe" });
    expect(world.metric("berth_subscribers", "ws")).toBe(3);
    client.close();
    await until("no subscription", () => world.metric("berth_subscribers", "ws") === 0);
  });

  test("of too many is refused before it is one, as is what asks for none", async () => {
    const world = await streams.start({ sockets: 1 });
    const plain = await ask<Problem>(world.url, "/v1/ws");
    expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
    await open();
    const raw = new RawWs(Number(new URL(world.url).port), "/v1/ws");
    await raw.opened();
    expect(raw.status).toBe(503);
    raw.end();
    const page = new RawWs(Number(new URL(world.url).port), "/v1/ws", { Origin: "https://elsewhere.example" });
    await page.opened();
    expect(page.status).toBe(403);
    page.end();
  });

  test("that is not heard any more is cut", async () => {
    clock = new ClockAhead();
    const world = await streams.start({ socketPingMs: 20_000, socketDeadMs: 60_000 });
    const raw = new RawWs(Number(new URL(world.url).port), "/v1/ws");
    await raw.opened();
    clock.aheadMs += 60_000;
    await until("its end", () => raw.ended && world.metric("berth_websockets") === 0);
    const alive = new RawWs(Number(new URL(world.url).port), "/v1/ws");
    await alive.opened();
    for (let pings = 1; pings <= 12; pings++) {
      clock.aheadMs += 20_000;
      await alive.until(`ping ${pings}`, () => alive.frames.filter(({ opcode }) => opcode === 9).length >= pings);
      alive.send(maskedFrame(0x8a, ""));
    }
    expect(alive.ended).toBe(false);
    alive.end();
  });

  test("that is too old is told so and closed", async () => {
    await streams.start({ streamAgeMs: 300 });
    const client = await open();
    client.subscribe("devices", "e1.0");
    await client.until("its end", () => client.closed !== null);
    expect([client.closed?.code, client.of("bye").at(-1)]).toMatchObject([1001, { type: "bye", data: { reason: "age" } }]);
  });

  test("hears everything and then a bye when the gateway stops", async () => {
    const world = await streams.start({ byeMs: 10_000 });
    const client = await open();
    const idle = await open();
    client.subscribe("devices", "e1.0");
    client.say({ type: "subscribe", channel: "app.x", cursor: "e1.0", id: "last" });
    await client.answer("last");
    world.commit([connectedOf(1, "a", 1024), ...upTo(40).map(() => frame(1, 1))]);
    await world.stop();
    for (const each of [client, idle]) await each.until("its end", () => each.closed !== null);
    expect(client.seqs("devices")).toEqual(upTo(41));
    expect(client.of("bye").map(({ channel, data }) => [channel, data])).toEqual([
      ["devices", { reason: "shutdown" }],
      ["app.x", { reason: "shutdown" }],
      [undefined, { reason: "shutdown" }],
    ]);
    expect([client.closed?.code, idle.closed?.code]).toEqual([1012, 1012]);
    await streams.start();
  });
});

describe("a reader that stalls", () => {
  test("costs its bound over all of its subscriptions, and gets everything when it reads again", async () => {
    const world = await streams.start({ subscriberBytes: 65_536, subscriberEvents: 64, windowEvents: 16 });
    const raw = new RawWs(Number(new URL(world.url).port), "/v1/ws");
    await raw.opened();
    for (const channel of ["devices", "device.a", "app.x"]) raw.text(JSON.stringify({ type: "subscribe", channel, cursor: "e1.0" }));
    world.commit([connectedOf(1, "a", 1024)]);
    await raw.until("the first", () => raw.texts.filter((text) => text.includes('"event"')).length >= 2);
    raw.stopReading();
    const filler = "x".repeat(20_000);
    // Far more than the kernel's buffers and the bound.
    for (let i = 1; i <= 600; i++) {
      world.commit([eventOf("message", 0, 0, { channel: "app.x", at: i, data: filler })]);
      if (i % 50 === 0) await pause(5);
    }
    await until("pages, as it is behind", () => world.metric("berth_subscriber_pages_total") > 0);
    raw.goOnReading();
    await raw.until("all of it", () => raw.texts.filter((text) => text.includes('"message"')).length === 600, 20_000);
    const ids = raw.texts.map((text) => JSON.parse(text) as { type: string; channel?: string; id?: string })
      .filter(({ type, channel }) => type === "event" && channel === "app.x").map(({ id }) => Number(id!.split(".")[1]));
    expect(ids).toEqual(upTo(601, 2));
    raw.end();
  });
});
