/** A device named in another spelling is the same device wherever it is named, or the answer says so: never silently another one. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ask, device } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { WsClient } from "../support/ws_client.ts";

afterAll(endEverything);

let gateway: Gateway;
let stream: SseConsumer;

beforeAll(async () => {
  gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 200 } });
  stream = await SseConsumer.open(gateway.url, "/v1/devices/AB:CD/stream");
  expect(stream.status).toBe(200);
});

test("it is shown by any spelling, under its own", async () => {
  for (const id of ["ab:cd", "AB:CD", "Ab%3Acd"]) {
    expect(await device(gateway.url, id)).toMatchObject({ id: "ab:cd", connected: true, transport: "sse" });
    for (const what of ["records", "history", "frames", "commands", "config"]) {
      expect([id, what, (await ask(gateway.url, `/v1/devices/${id}/${what}`)).status]).toEqual([id, what, 200]);
    }
  }
});

test("its events come to who asks for them by any spelling", async () => {
  for (const query of ["device=AB:CD", "channel=device.AB:CD", "device=ab:cd"]) {
    const { cursor } = (await ask<{ cursor: string }>(gateway.url, "/v1/devices")).json;
    const consumer = await SseConsumer.open(gateway.url, `/v1/events?${query}&kind=connected`, cursor.replace(/\d+$/, "0"));
    await consumer.until("its connected", () => consumer.of("connected").length === 1);
    consumer.close();
  }
});

test("a WebSocket's channel of it has one name, and another is refused with that", async () => {
  const client = await WsClient.open(gateway.url);
  client.say({ type: "subscribe", channel: "device.AB:CD", id: 1 });
  expect(await client.answer(1)).toMatchObject({
    type: "error",
    data: { code: "bad_channel", detail: 'Cannot use channel "device.AB:CD": expected device.ab:cd' },
  });
  client.say({ type: "subscribe", channel: "device.ab:cd", id: 2 });
  expect(await client.answer(2)).toMatchObject({ type: "subscribe", channel: "device.ab:cd" });
  client.socket.close();
});

test("a token of it is one by any spelling, and of no other device", async () => {
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const make = async (scope: string, by = ""): Promise<string> => {
    const init = { method: "POST", body: JSON.stringify({ name: "test", scopes: [scope] }), ...bearer(by) };
    const answer = await ask<{ token: string }>(gateway.url, "/v1/tokens", init);
    expect(answer.status).toBe(201);
    return answer.json.token;
  };
  const token = await make("device:AB:CD", await make("admin"));
  const statuses = ["ab:cd", "AB:CD", "ab:ce"].map(async (id) => (await ask(gateway.url, `/v1/devices/${id}`, bearer(token))).status);
  expect(await Promise.all(statuses)).toEqual([200, 200, 403]);
  stream.close();
});
