/** /openapi.json against what is answered: every operation, with a fleet that has something to say on each, and asked wrongly too. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { CommandTracker } from "../support/command_tracker.ts";
import { Described } from "../support/described.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { CODEC_NAMES, frameAround } from "../support/frames.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { conflicts, Rival, take } from "../support/rivals.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

const DEVICES = CODEC_NAMES.map((codec, i) => new TestDevice(900 + i, codec));
const [ONE] = DEVICES as [TestDevice];
const FOUGHT = imeiOf(910);
const ODD = imeiOf(911);
const COMMANDED = imeiOf(912);
const STREAMED = imeiOf(913);

let gateway: Gateway;
let api: Described;

/** Its raw frame stands in its way from then on. */
async function sendOdd(bytes: Uint8Array): Promise<void> {
  const tracker = await Tracker.loggedIn(gateway.tcpPort, ODD);
  tracker.write(bytes);
  await tracker.ended();
}

beforeAll(async () => {
  gateway = await Gateway.start({ settings: { "tcp.afterlife_ms": 1200, "conflict.watched_takeovers": 128 } });
  api = await Described.of(gateway.url);
  for (const device of DEVICES) {
    const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
    for (const { bytes } of device.frames(3)) await tracker.send(bytes);
  }
  const rivals = ["127.0.0.2", "127.0.0.3"].map((from) => new Rival(gateway, FOUGHT, from, 200));
  await until("a conflict", async () => (await conflicts(gateway.url)).length > 0, 30_000);
  await Promise.all(rivals.map((rival) => rival.stop()));
  await sendOdd(frameAround([0x09, 3, 1, 2, 3, 3]));
  const wrongCrc = ONE.frames(1)[0]!.bytes.slice();
  wrongCrc[wrongCrc.length - 1]! ^= 0xff;
  await sendOdd(wrongCrc);
});

test("what is known of devices", async () => {
  const { json } = await api.ask<{ devices: unknown[]; next: string | null }>("get /v1/devices", { query: "limit=2" });
  expect(json.devices).toHaveLength(2);
  await api.ask("get /v1/devices", { query: `limit=2&connected=true&after=${json.next}` });
  await api.ask("get /v1/devices/{id}", { in: [ONE.imei] });
  for (const { imei } of DEVICES) {
    for (const query of ["names=fmb", "order=time&names=fmx6", "limit=1"]) {
      await api.ask("get /v1/devices/{id}/records", { in: [imei], query });
    }
    await api.ask("get /v1/devices/{id}/frames", { in: [imei], query: "limit=2" });
  }
  const history = await api.ask<{ takeovers: unknown[] }>("get /v1/devices/{id}/history", { in: [FOUGHT] });
  expect(history.json.takeovers.length).toBeGreaterThan(3);
  const fought = await api.ask<{ conflicts: { id: string }[] }>("get /v1/conflicts");
  await api.ask("post /v1/conflicts/{id}/acknowledge", { in: [fought.json.conflicts[0]!.id] });
  await api.ask("get /v1/conflicts", { query: "acknowledged=true" });
});

test("frames that cannot be decoded", async () => {
  // Who sends a frame with a wrong CRC is closed before that is kept.
  const json = await until("both", async () => {
    const page = await api.ask<{ frames: { id: number }[]; badCrc: unknown[] }>("get /v1/quarantine", { query: "raw=true" });
    return page.json.badCrc.length === 1 && page.json;
  });
  expect(json.frames).toHaveLength(1);
  const id = String(json.frames[0]!.id);
  await api.ask("post /v1/quarantine/{id}/release", { in: [id] });
  await api.ask("post /v1/quarantine/{id}/replay", { in: [id] });
  await api.ask("get /v1/quarantine", { query: `device=${ODD}&held=true` });
  await api.ask("delete /v1/quarantine/{id}", { in: [id] });
});

test("commands and configurations", async () => {
  const tracker = await CommandTracker.loggedIn(gateway.tcpPort, COMMANDED, () => ({ text: "ok" }));
  const sent = await api.ask<{ id: string }>("post /v1/devices/{id}/commands", { in: [COMMANDED], body: { text: "getinfo" } });
  await until(
    "its answer",
    async () => (await api.ask<{ state: string }>("get /v1/commands/{id}", { in: [sent.json.id] })).json.state === "answered",
  );
  await api.ask("get /v1/devices/{id}/commands", { in: [COMMANDED] });
  tracker.end();
  await api.ask("get /v1/devices/{id}/config", { in: [ONE.imei] });
  for (const body of ["null", { brightness: 3 }]) await api.ask("put /v1/devices/{id}/config", { in: [ONE.imei], body });
  await api.ask("post /v1/devices/{id}/config/{version}/applied", { in: [ONE.imei, "1"] });
  await api.ask("post /v1/devices/{id}/config/{version}/failed", { in: [ONE.imei, "2"], body: { reason: "too bright" } });
  await api.ask("get /v1/devices/{id}/config", { in: [ONE.imei] });
});

test("a device on a stream of its own, and its reports", async () => {
  const path = `${gateway.url}/v1/devices/${STREAMED}/stream?commands=true`;
  const stop = new AbortController();
  const stream = await fetch(path, { signal: stop.signal });
  expect(stream.status).toBe(200);
  for (const state of ["answered", "nacked"] as const) {
    const { json } = await api.ask<{ id: string }>("post /v1/devices/{id}/commands", { in: [STREAMED], body: { text: state } });
    await until(
      "it is written",
      async () => (await api.ask<{ state: string }>("get /v1/commands/{id}", { in: [json.id] })).json.state === "written",
    );
    const { status, json: why } = await api.ask<unknown>(`post /v1/devices/{id}/commands/{command}/${state}`, {
      in: [STREAMED, json.id],
      body: { response: "so it is" },
    });
    expect<unknown[]>([state, status, why]).toEqual([state, 204, null]);
  }
  stop.abort();
  await api.ask("get /v1/devices/{id}/stream", { in: [STREAMED], query: "takeover=true" });
});

test("events, messages and what an operator does", async () => {
  await api.ask("get /v1/events", { query: "kind=record&mode=latest" });
  expect((await api.ask("get /v1/ws")).status).toBe(426);
  await api.ask("post /v1/publish", { body: { channel: "app.dock", data: { gate: 4 } } });
  await api.ask("get /v1/channels/{name}", { in: ["app.dock"] });
  await api.ask("put /v1/policies/{class}", { in: ["default"], body: { policy: "takeover" } });
  for (const policy of ["reject", null]) await api.ask("put /v1/devices/{id}/policy", { in: [ONE.imei], body: { policy } });
  await take(gateway, FOUGHT, "127.0.0.4");
  await api.ask("post /v1/devices/{id}/kick", { in: [FOUGHT] });
  await api.ask("post /v1/devices/{id}/kick", { in: [FOUGHT] });
  await api.ask("post /v1/drain", { body: { rate: 1000, timeoutMs: 10 } });
  for (const operation of ["put", "get", "delete", "get"]) await api.ask(`${operation} /v1/allow/{id}`, { in: ["7"] });
  await api.ask("get /v1/allow");
  for (const path of ["/metrics", "/healthz", "/readyz", "/openapi.json", "/"]) await api.ask(`get ${path}`);
});

test("what is asked wrongly is a problem each operation describes", async () => {
  for (const operation of api.operations) {
    if (operation === "get /v1/devices/{id}/stream" || operation === "post /v1/drain") continue;
    const nobody = { in: ["no one", "9"] };
    const { status } = await api.ask(operation, { ...nobody, query: "no_such=1" });
    expect([operation, status]).toEqual([operation, 400]);
    if (!operation.startsWith("get") || operation.includes("{")) await api.ask(operation, nobody);
    if (!operation.startsWith("get")) {
      await api.ask(operation, { ...nobody, body: "{" });
      await api.ask(operation, { ...nobody, body: `"${"x".repeat(70_000)}"` });
    }
  }
});

test("tokens, and who has none or the wrong one", async () => {
  const { json } = await api.ask<{ token: string; id: string }>("post /v1/tokens", { body: { name: "boss", scopes: ["admin"] } });
  const headers = { authorization: `Bearer ${json.token}` };
  const weak = await api.ask<{ token: string; id: string }>("post /v1/tokens", { headers, body: { name: "weak", scopes: ["device:7"] } });
  await api.ask("get /v1/tokens", { headers });
  for (const operation of api.operations) {
    if (["get /healthz", "get /readyz", "get /"].includes(operation)) continue;
    expect([operation, (await api.ask(operation)).status]).toEqual([operation, 401]);
    const status = (await api.ask(operation, { in: ["8", "8"], headers: { authorization: `Bearer ${weak.json.token}` } })).status;
    expect([operation, [200, 202, 400, 403, 404, 426].includes(status)]).toEqual([operation, true]);
  }
  await api.ask("delete /v1/tokens/{id}", { in: [weak.json.id], headers });
});

test("every operation was answered as it is meant to be", () => {
  const unseen = api.operations.filter((operation) =>
    operation !== "get /v1/ws" && !api.successes(operation).some((status) => api.seen.has(`${operation} ${status}`))
  );
  expect(unseen).toEqual([]);
});
