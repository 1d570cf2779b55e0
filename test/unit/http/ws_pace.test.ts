/** How fast a WebSocket may ask, over a real listener. */
import { afterEach, describe, expect, test } from "bun:test";
import { Pace } from "../../../src/http/ws_bounds.ts";
import { maskedFrame, RawWs } from "../../support/raw_ws.ts";
import { StreamTest } from "../../support/stream_test.ts";
import { until } from "../../support/until.ts";
import { WsClient } from "../../support/ws_client.ts";

const streams = new StreamTest();

describe("a pace", () => {
  test("lets a burst through, then so many a second, and is owed no more than a burst after a rest", () => {
    const pace = new Pace({ socketAsksPerSecond: 10, socketAskBurst: 3 });
    const at = (now: number, asks: number): number => Array.from({ length: asks }, () => pace.takes(now)).filter(Boolean).length;
    expect([at(1000, 5), at(1099, 5), at(1100, 5), at(1300, 5), at(99_000, 5)]).toEqual([3, 0, 1, 2, 3]);
  });
});

describe("a WebSocket that asks too fast", () => {
  afterEach(() => streams.end());
  const BOUNDS = { socketAsksPerSecond: 1, socketAskBurst: 20 };

  test("is answered up to its bound, told so, and closed", async () => {
    await streams.start(BOUNDS);
    const client = await WsClient.open(streams.world.url);
    for (let i = 0; i < 200; i++) client.say({ type: i % 2 === 0 ? "ping" : "subscribe", channel: "app.x", id: i });
    await client.until("its end", () => client.closed !== null);
    expect(client.closed).toMatchObject({ code: 1008, reason: "rate" });
    expect(client.messages.filter(({ type }) => type === "pong" || type === "subscribe")).toHaveLength(20);
    expect(client.of("error")).toMatchObject([{ id: 20, data: { code: "rate" } }]);
    expect(client.of("bye").at(-1)).toMatchObject({ data: { reason: "rate" } });
    await until("no subscription", () => streams.world.metric("berth_subscribers", "ws") === 0);
  });

  test.each([["messages that ask for nothing", maskedFrame(0x81, '{"type":"pong"}')], ["pings", maskedFrame(0x89, "")], [
    "pongs",
    maskedFrame(0x8a, ""),
  ]])("by %s is closed", async (_, frame) => {
    await streams.start(BOUNDS);
    const raw = new RawWs(Number(new URL(streams.world.url).port), "/v1/ws");
    await raw.opened();
    for (let i = 0; i < 15; i++) raw.send(frame);
    raw.send(maskedFrame(0x81, '{"type":"ping","id":"still there"}'));
    await raw.until("an answer", () => raw.texts.some((text) => text.includes("still there")));
    for (let i = 0; i < 15; i++) raw.send(frame);
    await raw.until("its end", () => raw.ended);
    expect(raw.texts.filter((text) => text.includes('"bye"'))).toHaveLength(1);
  });
});
