/** WebSockets of a gateway on Deno, whose frames are ours: the same messages, refusals and end. */
import { afterAll, expect, test } from "bun:test";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { RawWs } from "../support/raw_ws.ts";
import { ask } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { WsClient } from "../support/ws_client.ts";

afterAll(endEverything);

test("WebSockets on Deno: events, publishing, a foreign page, a message that is too long, and a bye", async () => {
  const environment = { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" };
  const gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 200 }, command: denoBerth(), environment });
  const client = await WsClient.open(gateway.url);
  client.subscribe("app.x");
  client.subscribe("devices");
  await client.until("both begin", () => client.of("resync").length === 2);
  const one = new TestDevice(6401, "8");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
  for (let n = 0; n < 200; n++) client.say({ type: "publish", channel: "app.x", data: n });
  expect((await ask(gateway.url, "/v1/publish", { method: "POST", body: '{"channel":"app.x","data":"rest"}' })).status).toBe(202);
  await client.until("all of it", () => client.events("app.x").length === 201 && client.events("devices").length >= 3);
  expect(client.events("app.x").map(({ data }) => data["data"]).filter((n) => n !== "rest")).toEqual(
    Array.from({ length: 200 }, (_, n) => n),
  );
  const port = Number(new URL(gateway.url).port);
  const page = new RawWs(port, "/v1/ws", { Origin: "https://elsewhere.example" });
  await page.opened();
  expect(page.status).toBe(403);
  page.end();
  const long = new RawWs(port, "/v1/ws");
  await long.opened();
  long.text("x".repeat(70_000));
  await long.until("its close", () => long.closeCode === 1009);
  long.end();
  expect((await gateway.stop()).code).toBe(0);
  await client.until("its end", () => client.closed !== null);
  expect([client.closed?.code, client.of("bye").at(-1)?.data]).toEqual([1012, { reason: "shutdown" }]);
}, 60_000);
