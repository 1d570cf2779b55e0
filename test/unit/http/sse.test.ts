/** Event streams over a real listener: live, behind, lapped, stalled, ended. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import { connectedOf, type Entry, eventOf, frameOf } from "../../support/memory_store.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask, device, devicesPage } from "../../support/rest.ts";
import { cursorParts, SseConsumer } from "../../support/sse.ts";
import { StalledClient } from "../../support/stalled.ts";
import { until } from "../../support/until.ts";

let world: OutWorld;
const consumers: SseConsumer[] = [];
const start = async (limits: Partial<Limits> = {}, before?: (world: OutWorld) => void): Promise<OutWorld> =>
  world = await OutWorld.start({ heartbeatMs: 100, ...limits }, before);
afterEach(async () => {
  for (const consumer of consumers.splice(0)) consumer.close();
  await world.stop();
  expect(world.failure).toBeNull();
});

let clock = 1_700_000_000_000;
const frame = (no: number, records: number, isNew?: readonly boolean[]): Entry =>
  frameOf(no, 1024, Array.from({ length: records }, () => ({ time: clock += 1000 })), clock, isNew);
const open = async (path = "/v1/events", cursor: string | null = "e1.0"): Promise<SseConsumer> => {
  const consumer = await SseConsumer.open(world.url, path, cursor);
  consumers.push(consumer);
  return consumer;
};
const seqs = (consumer: SseConsumer): number[] =>
  consumer.events.filter((event) => !["gap", "resync", "bye"].includes(event.event)).map((event) => cursorParts(event.id).seq);
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const reaches = (consumer: SseConsumer, seq: number) => consumer.until(`seq ${seq}`, () => consumer.lastId === `e1.${seq}`);

describe("a live stream", () => {
  test("an event says what was stored, with its id", async () => {
    await start();
    const consumer = await open();
    world.commit([connectedOf(7, "A", 2048)]);
    world.commit([frame(7, 2)]);
    world.commit([eventOf("disconnected", 7, 2048, { at: 5, reason: "closed", lastByteAt: 4 })]);
    await reaches(consumer, 4);
    const [connected, record, , disconnected] = consumer.events;
    expect(connected).toMatchObject({ id: "e1.1", event: "connected" });
    expect(JSON.parse(connected!.data)).toMatchObject({ device: "A", fence: 2048, origin: { address: "127.0.0.1" } });
    const { records } = (await ask<{ records: object[] }>(world.url, "/v1/devices/A/records")).json;
    expect(JSON.parse(record!.data)).toEqual(records[0]);
    expect(JSON.parse(disconnected!.data)).toEqual({ device: "A", fence: 2048, at: 5, reason: "closed", lastByteAt: 4 });
    expect(consumer.retryMs).toBeGreaterThan(0);
  });

  test("records stored before take no event", async () => {
    await start();
    const consumer = await open();
    world.commit([connectedOf(1, "A", 1024), frame(1, 4, [false, true, false, true]), frame(1, 1)]);
    await reaches(consumer, 4);
    expect(seqs(consumer)).toEqual([1, 2, 3, 4]);
  });

  test("a filter for a device nobody knows yet matches once it comes", async () => {
    await start();
    const consumer = await open("/v1/events?device=B&kind=record,connected");
    world.commit([connectedOf(1, "A", 1024), frame(1, 2)]);
    world.commit([connectedOf(2, "B", 1024), frame(2, 2), eventOf("disconnected", 2, 1024, {})]);
    await reaches(consumer, 7);
    expect(seqs(consumer)).toEqual([4, 5, 6]);
  });

  test("many subscribers get the same, each its own filter", async () => {
    await start();
    const all = await Promise.all(upTo(20).map((i) => open(i % 2 === 0 ? "/v1/events" : "/v1/events?device=B")));
    world.commit([connectedOf(1, "A", 1024), connectedOf(2, "B", 1024)]);
    for (let i = 0; i < 50; i++) world.commit([frame(1 + (i % 2), 2)]);
    const expected = all.map((_, i) => upTo(102).filter((seq) => i % 2 === 1 || (seq > 1 && (seq === 2 || (seq - 3) % 4 >= 2))));
    await Promise.all(all.map((consumer) => reaches(consumer, 102)));
    expect(all.map((consumer) => seqs(consumer))).toEqual(expected);
  });

  test("a row that did not go over the broadcast ring comes from the store", async () => {
    await start();
    const consumer = await open();
    world.commit([connectedOf(1, "A", 1024)]);
    world.commit([frame(1, 3)], false);
    await reaches(consumer, 4);
    world.commit([frame(1, 3)], false);
    world.commit([frame(1, 3)]);
    await reaches(consumer, 10);
    expect(seqs(consumer)).toEqual(upTo(10));
  });

  test("lapped by the broadcast ring, it goes over pages back to the ring", async () => {
    await start({ broadcastRingBytes: 4096, windowEvents: 10, pageBytes: 1024, subscriberEvents: 20 });
    const consumer = await open();
    world.commit([connectedOf(1, "A", 1024)]);
    await reaches(consumer, 1);
    for (let i = 0; i < 200; i++) world.commit([frame(1, 5)]);
    await reaches(consumer, 1001);
    for (let i = 0; i < 4; i++) world.commit([frame(1, 1)]);
    await reaches(consumer, 1005);
    expect(seqs(consumer)).toEqual(upTo(1005));
    expect(world.metric("berth_broadcast_overruns_total")).toBeGreaterThan(0);
    expect(world.metric("berth_subscriber_pages_total")).toBeGreaterThan(0);
    expect((await device(world.url, "A")).records).toBe(1004);
  });

  test("one who leaves is counted no more", async () => {
    await start();
    const consumer = await open();
    await until("one subscriber", () => world.metric("berth_subscribers", "sse") === 1);
    consumer.close();
    await until("no subscriber", () => world.metric("berth_subscribers", "sse") === 0);
  });
});

describe("a stream from the past", () => {
  const past = (events: number) => (made: OutWorld): void => {
    made.commit([connectedOf(1, "A", 1024), connectedOf(2, "B", 1024)]);
    for (let i = 2; i < events; i++) made.commit([frame(1 + (i % 2), 1)]);
  };

  test("pages and live join without a hole or a repeat", async () => {
    await start({ pageBytes: 1024, windowEvents: 20, subscriberEvents: 7 }, past(300));
    const whole = await open();
    const part = await open("/v1/events", "e1.100");
    const one = await open("/v1/events?device=B");
    for (let i = 0; i < 50; i++) world.commit([frame(1, 1)]);
    await Promise.all([whole, part, one].map((consumer) => reaches(consumer, 350)));
    expect(seqs(whole)).toEqual(upTo(350));
    expect(seqs(part)).toEqual(upTo(350, 101));
    expect(seqs(one)).toEqual(upTo(300).filter((seq) => seq === 2 || (seq > 2 && seq % 2 === 0)));
    expect(whole.of("gap").length + whole.of("resync").length).toBe(0);
  });

  test("what is kept no more is a gap with its bounds, then the rest", async () => {
    await start({ windowEvents: 5 }, past(100));
    world.forget(60);
    const consumer = await open("/v1/events", "e1.10");
    const just = await open("/v1/events", "e1.59");
    const filtered = await open("/v1/events?device=B", "e1.10");
    await Promise.all([consumer, just, filtered].map((each) => reaches(each, 100)));
    expect(consumer.events[0]).toEqual({ id: "e1.59", event: "gap", data: JSON.stringify({ from: 11, to: 59, cause: "retention" }) });
    expect(seqs(consumer)).toEqual(upTo(100, 60));
    expect(filtered.of("gap").length).toBe(1);
    // last + 1 == oldest is no gap.
    expect(just.of("gap")).toEqual([]);
    expect(seqs(just)).toEqual(upTo(100, 60));
    expect(world.metric("berth_gaps_total")).toBe(2);
  });

  test.each([["none", null], ["malformed", "nonsense"], ["malformed", "e1.-1"], ["epoch", "e2.5"], ["future", "e1.11"]])(
    "resync for %s, with the head as id, then what comes after",
    async (cause, cursor) => {
      await start({}, past(10));
      const consumer = await open("/v1/events", cursor);
      await consumer.until("resync", () => consumer.events.length > 0);
      expect(consumer.events).toEqual([{ id: "e1.10", event: "resync", data: JSON.stringify({ cause }) }]);
      world.commit([frame(1, 1)]);
      await reaches(consumer, 11);
      expect(seqs(consumer)).toEqual([11]);
      expect(world.metric("berth_resyncs_total", cause)).toBe(1);
    },
  );

  test("the cursor in the query is the one in the header", async () => {
    await start({}, past(10));
    const consumer = await open("/v1/events?last_event_id=e1.7", null);
    await reaches(consumer, 10);
    expect(seqs(consumer)).toEqual([8, 9, 10]);
  });

  test("the cursor of a hydrate answer needs no resync", async () => {
    await start({}, past(10));
    const { cursor } = await devicesPage(world.url);
    expect(cursor).toBe("e1.10");
    const consumer = await open("/v1/events", cursor);
    world.commit([frame(1, 1)]);
    await reaches(consumer, 11);
    expect(consumer.events.map((event) => event.event)).toEqual(["record"]);
  });

  test("a heartbeat moves the cursor of one whose filter matches nothing", async () => {
    await start({}, past(10));
    const consumer = await open("/v1/events?device=nobody");
    await reaches(consumer, 10);
    world.commit([frame(1, 1)]);
    await reaches(consumer, 11);
    expect(consumer.comments).toContain("e1.11");
    expect(consumer.events).toEqual([]);
    expect(consumer.idOnlyBlocks).toBeGreaterThan(0);
  });
});

describe("a client that does not take what it gets", () => {
  const MANY = 30_000;
  const pour = async (): Promise<void> => {
    world.commit([connectedOf(1, "A", 1024)]);
    for (let i = 0; i < MANY / 100; i++) {
      world.commit([frame(1, 100)]);
      if (i % 10 === 0) await until("followed", async () => (await devicesPage(world.url)).cursor === `e1.${world.store.nextSeq - 1}`);
    }
  };

  test("is not felt by others, and gets everything once when it takes again", async () => {
    await start();
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    const other = await open();
    await pour();
    await reaches(other, MANY + 1);
    expect(seqs(other)).toEqual(upTo(MANY + 1));
    // What the kernel took and one bound is all that left the gateway for the stalled one.
    expect(world.metric("berth_events_sent_total")).toBeLessThan(2 * MANY);
    stalled.take();
    await until("all of it", () => stalled.seqs.at(-1) === MANY + 1, 20_000);
    expect(stalled.seqs).toEqual(upTo(MANY + 1));
    stalled.close();
  }, 40_000);

  test("is cut as slow when it stays behind", async () => {
    await start({ subscriberLagMs: 100, byeMs: 100 });
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    const other = await open();
    await pour();
    await reaches(other, MANY + 1);
    await until("dropped", () => world.metric("berth_subscriber_drops_total", "slow") === 1);
    expect(world.metric("berth_subscribers", "sse")).toBe(1);
    stalled.take();
    await until("its end", () => stalled.ended);
    expect(stalled.seqs.length).toBeLessThan(MANY);
    expect(other.closed).toBe(false);
  }, 40_000);
});

describe("the end of a stream", () => {
  test("comes by age, with bye, and the cursor goes on elsewhere", async () => {
    await start({ streamAgeMs: 100 });
    world.commit([connectedOf(1, "A", 1024)]);
    const consumer = await open();
    await consumer.until("the end", () => consumer.closed);
    expect(consumer.events.at(-1)).toMatchObject({ event: "bye", data: JSON.stringify({ reason: "age" }) });
    expect(world.metric("berth_subscriber_drops_total", "age")).toBe(1);
  });

  test("comes at shutdown after what is committed", async () => {
    await start();
    const consumer = await open();
    world.commit([connectedOf(1, "A", 1024), frame(1, 250), frame(1, 250)], false);
    await world.stop();
    await consumer.until("the end", () => consumer.closed);
    expect(seqs(consumer)).toEqual(upTo(501));
    expect(consumer.events.at(-1)).toMatchObject({ event: "bye", data: JSON.stringify({ reason: "shutdown" }) });
  });

  test("comes at shutdown also for one who takes nothing", async () => {
    await start({ byeMs: 100 });
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    world.commit([connectedOf(1, "A", 1024)]);
    for (let i = 0; i < 100; i++) world.commit([frame(1, 250)]);
    await until("subscribed", () => world.metric("berth_subscribers", "sse") === 1);
    await world.stop();
    stalled.take();
    await until("closed", () => stalled.closed);
  });
});

describe("what a subscription may ask", () => {
  test("HEAD answers the headers and subscribes nobody", async () => {
    await start();
    const { status, headers } = await ask(world.url, "/v1/events", { method: "HEAD" });
    expect([status, headers.get("content-type"), headers.get("cache-control"), headers.get("x-accel-buffering")])
      .toEqual([200, "text/event-stream", "no-store", "no"]);
    expect(world.metric("berth_subscribers", "sse")).toBe(0);
  });

  test("one subscriber too many is told to come back", async () => {
    await start({ subscribers: 1 });
    await open();
    const { status, headers } = await ask(world.url, "/v1/events");
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  });

  test.each([
    ["?kind=nonsense", 400, "kind"],
    ["?device=a%20b", 400, "device"],
    ["?channel=news", 400, "channel"],
    ["?channel=app.news", 501, "channel"],
    ["?mode=latest", 501, "mode"],
    ["?mode=fast", 400, "mode"],
    ["?since=5", 400, "since"],
  ])("%s is %i naming %s", async (query, status, parameter) => {
    await start();
    const answer = await ask<{ parameter: string }>(world.url, `/v1/events${query}`);
    expect([answer.status, answer.headers.get("content-type"), answer.json.parameter]).toEqual([
      status,
      "application/problem+json",
      parameter,
    ]);
  });

  test.each(["?channel=devices", "?channel=device.A", "?device=A&device=B", "?device=A,B", "?mode=complete"])(
    "%s is understood",
    async (query) => {
      await start();
      world.commit([connectedOf(1, "A", 1024)]);
      const consumer = await open(`/v1/events${query}`);
      await reaches(consumer, 1);
      expect(consumer.events.map((event) => event.event)).toEqual(["connected"]);
    },
  );
});
