/** The HTTP surface from outside: health, metrics by their fixed names, the description of itself, and honest refusals. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordsOf, TestDevice } from "../support/fleet.ts";
import { endEverything, type Gateway } from "../support/gateway.ts";
import { sendAll, startWith } from "../support/main_job.ts";
import { ask, device, metrics, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** Names the interface promises; a histogram by its count. */
const PROMISED = [
  "berth_connections",
  'berth_logins_total{outcome="accepted"}',
  'berth_takeovers_total{policy="takeover",outcome="admitted"}',
  'berth_evictions_total{reason="superseded"}',
  'berth_frames_total{codec="8",outcome="kept"}',
  'berth_frames_total{codec="8E",outcome="kept"}',
  'berth_frames_total{codec="16",outcome="kept"}',
  'berth_records_total{outcome="stored"}',
  'berth_records_total{outcome="duplicate"}',
  'berth_records_total{outcome="quarantined"}',
  'berth_records_total{outcome="refused"}',
  "berth_ack_seconds_count",
  "berth_ack_seconds_sum",
  'berth_ack_seconds_bucket{le="+Inf"}',
  "berth_commit_seconds_count",
  "berth_commit_batch_records_count",
  'berth_ring_bytes{ring="frames"}',
  'berth_subscribers{transport="sse"}',
  'berth_subscriber_drops_total{cause="slow"}',
  'berth_resyncs_total{cause="none"}',
  "berth_registry_failures_total",
];

describe("HTTP from outside", () => {
  const one = new TestDevice(400, "8");
  const frames = one.frames(5);
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startWith("fd");
    const old = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(old, frames);
    const fresh = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await old.ended();
    await sendAll(fresh, frames);
    fresh.close();
    await SseConsumer.open(gateway.url);
  });

  test("metrics carry the promised names and what was done", async () => {
    const count = recordsOf(frames).length;
    const answer = await ask(gateway.url, "/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^(text\/plain|application\/openmetrics-text)/);
    // The last ones are counted when what they count is done, and gauges now and then.
    const samples = await until("all of it counted", async () => {
      const all = await metrics(gateway.url);
      return all.get("berth_ack_seconds_count") === 10 && all.get('berth_records_total{outcome="duplicate"}') === count && all;
    });
    expect(PROMISED.filter((name) => !samples.has(name))).toEqual([]);
    expect(samples.get('berth_records_total{outcome="stored"}')).toBe(count);
    expect(samples.get('berth_records_total{outcome="duplicate"}')).toBe(count);
    expect(samples.get('berth_frames_total{codec="8",outcome="kept"}')).toBe(10);
    expect(samples.get('berth_logins_total{outcome="accepted"}')).toBe(2);
    expect(samples.get('berth_takeovers_total{policy="takeover",outcome="admitted"}')).toBe(1);
    expect(samples.get('berth_evictions_total{reason="superseded"}')).toBe(1);
    expect(samples.get("berth_ack_seconds_count")).toBe(10);
    expect(samples.get('berth_subscribers{transport="sse"}')).toBe(1);
    expect(answer.text).toMatch(/^berth_build_info\{.*\} 1$/m);
    expect(answer.text).toContain("# TYPE berth_ack_seconds histogram");
    expect(answer.text).not.toContain(one.imei);
  });

  test("healthz and readyz say 200 while it accepts and commits", async () => {
    expect((await ask(gateway.url, "/healthz")).status).toBe(200);
    expect((await ask(gateway.url, "/readyz")).status).toBe(200);
  });

  test("openapi.json describes the routes that are there", async () => {
    const { status, json } = await ask<{ openapi: string; paths: Record<string, unknown> }>(gateway.url, "/openapi.json");
    expect(status).toBe(200);
    expect(json.openapi).toStartWith("3.");
    for (const path of ["/v1/devices", "/v1/devices/{id}", "/v1/devices/{id}/records", "/v1/events"]) {
      expect(Object.keys(json.paths)).toContain(path);
    }
  });

  test("an unknown device and an unknown route are 404 problems", async () => {
    for (const path of ["/v1/devices/999999999999999", "/v1/devices/999999999999999/records", "/v1/nothing", "/nothing"]) {
      const { status, headers, json } = await ask<Problem>(gateway.url, path);
      expect([path, status, headers.get("content-type")?.split(";")[0]]).toEqual([path, 404, "application/problem+json"]);
      expect(json.status).toBe(404);
      expect(json.title).toBeString();
    }
  });

  test("bad queries are 400 problems that name the parameter", async () => {
    const records = `/v1/devices/${one.imei}/records`;
    const bad = { limit: "0", from: "yesterday", order: "size", after: "nonsense" };
    for (const [name, value] of Object.entries(bad)) {
      const { status, headers, text } = await ask<Problem>(gateway.url, `${records}?${name}=${value}`);
      expect([name, status, headers.get("content-type")?.split(";")[0]]).toEqual([name, 400, "application/problem+json"]);
      expect(text).toContain(name);
    }
    expect((await ask(gateway.url, `${records}?limit=1001`)).status).toBe(400);
  });

  test("the stream ends and the process too when told to, with streams open", async () => {
    const consumer = await SseConsumer.open(gateway.url);
    await until("the device offline", async () => !(await device(gateway.url, one.imei)).connected);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    await consumer.until("the end", () => consumer.closed);
    expect(consumer.events.at(-1)?.event).toBe("bye");
  }, 20_000);
});
