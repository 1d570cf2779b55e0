/** POST /v1/devices/{id}/kick from outside. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { ask, device, metric, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

describe("kick", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 2 } });
  });
  const kick = (id: string, headers: Record<string, string> = {}) =>
    ask<Problem>(gateway.url, `/v1/devices/${id}/kick`, { method: "POST", headers });

  test("ends the connection with a FIN, tells why, and the device comes back the first time, 50 of 50", async () => {
    const one = new TestDevice(3101, "8");
    const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${one.imei}&kind=disconnected`);
    for (let round = 1; round <= 50; round++) {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
      const { fence } = await device(gateway.url, one.imei);
      expect((await kick(one.imei)).status).toBe(204);
      expect(await tracker.ended(1500)).toBe("fin");
      await consumer.until(`disconnect ${round}`, () => consumer.of("disconnected").length === round);
      expect(JSON.parse(consumer.of("disconnected").at(-1)!.data)).toMatchObject({ reason: "kicked", fence });
    }
    consumer.close();
    expect((await device(gateway.url, one.imei)).records).toBe(50);
    expect(await metric(gateway.url, 'berth_evictions_total{reason="kicked"}')).toBe(50);
  }, 30_000);

  test("of a device that is away is 409, of one nobody knows 404", async () => {
    const one = new TestDevice(3102, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
    tracker.close();
    await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
    const away = await kick(one.imei);
    expect([away.status, away.json.detail]).toEqual([409, `Cannot kick ${one.imei}: it is not connected`]);
    expect((await kick("350000000009999")).status).toBe(404);
    expect((await kick("%20")).status).toBe(404);
  });

  test("is not for pages of other sites", async () => {
    const one = new TestDevice(3103, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect((await kick(one.imei, { origin: "http://evil.example" })).status).toBe(403);
    expect((await device(gateway.url, one.imei)).connected).toBe(true);
    expect((await kick(one.imei, { origin: gateway.url })).status).toBe(204);
    await tracker.ended();
  });

  test("as a verb says what happened", async () => {
    const one = new TestDevice(3104, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    expect(await runBerth(["kick", one.imei, "--url", gateway.url])).toEqual({ code: 0, out: "", err: "" });
    await tracker.ended();
    const again = await runBerth(["kick", one.imei, "--url", gateway.url]);
    expect([again.code, again.err]).toEqual([
      1,
      `berth: ${gateway.url}/v1/devices/${one.imei}/kick answered 409 Cannot kick ${one.imei}: it is not connected\n`,
    ]);
  }, 20_000);
});

test("frames that a kicked connection still had in flight are refused: stored by the next connection, once", async () => {
  // The journal stands still with the frame in its ring, and takes it after the kick.
  const held = await HeldGateway.start("journal.after_commit", 2, { settings: { workers: 2 } });
  const { gateway } = held;
  const one = new TestDevice(3105, "8E");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  await held.held();
  const frame = one.frame(one.records(5)).bytes;
  tracker.write(frame);
  await until("the frame in the ring", async () => await metric(gateway.url, 'berth_ring_bytes{ring="frames"}') > 0);
  expect((await ask(gateway.url, `/v1/devices/${one.imei}/kick`, { method: "POST" })).status).toBe(204);
  expect(await tracker.ended()).toBe("fin");
  held.letGo();
  await until("the frame refused", async () => await metric(gateway.url, 'berth_records_total{outcome="refused"}') === 5);
  expect(tracker.acks).toEqual([]);
  const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  expect(await next.send(frame)).toBe(5);
  expect((await device(gateway.url, one.imei)).records).toBe(5);
  next.close();
  expect((await gateway.stop()).code).toBe(0);
}, 30_000);
