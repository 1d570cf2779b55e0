/** Event streams over a real listener: live, behind, lapped, from the past. */
import { afterEach, describe, expect, test } from "bun:test";
import { connectedOf, eventOf } from "../../support/memory_store.ts";
import type { OutWorld } from "../../support/out_world.ts";
import { ask, device, devicesPage } from "../../support/rest.ts";
import { frame, reaches, seqs, StreamTest, upTo } from "../../support/stream_test.ts";
import { until } from "../../support/until.ts";

const streams = new StreamTest();
afterEach(() => streams.end());

describe("a live stream", () => {
  test("an event says what was stored, with its id", async () => {
    const world = await streams.start();
    const consumer = await streams.open();
    world.commit([connectedOf(7, "a", 2048)]);
    world.commit([frame(7, 2)]);
    world.commit([eventOf("disconnected", 7, 2048, { at: 5, reason: "closed", lastByteAt: 4 })]);
    await reaches(consumer, 4);
    const [connected, record, , disconnected] = consumer.events;
    expect(connected).toMatchObject({ id: "e1.1", event: "connected" });
    expect(JSON.parse(connected!.data)).toMatchObject({ device: "a", fence: 2048, origin: { address: "127.0.0.1" } });
    const { records } = (await ask<{ records: object[] }>(world.url, "/v1/devices/a/records")).json;
    expect(JSON.parse(record!.data)).toEqual(records[0]);
    expect(JSON.parse(disconnected!.data)).toEqual({ device: "a", fence: 2048, at: 5, reason: "closed", lastByteAt: 4 });
    expect(consumer.retryMs).toBeGreaterThan(0);
  });

  test("records stored before take no event", async () => {
    const world = await streams.start();
    const consumer = await streams.open();
    world.commit([connectedOf(1, "a", 1024), frame(1, 4, [false, true, false, true]), frame(1, 1)]);
    await reaches(consumer, 4);
    expect(seqs(consumer)).toEqual([1, 2, 3, 4]);
  });

  test("a filter for a device nobody knows yet matches once it comes", async () => {
    const world = await streams.start();
    const consumer = await streams.open("/v1/events?device=b&kind=record,connected");
    world.commit([connectedOf(1, "a", 1024), frame(1, 2)]);
    world.commit([connectedOf(2, "b", 1024), frame(2, 2), eventOf("disconnected", 2, 1024, {})]);
    await reaches(consumer, 7);
    expect(seqs(consumer)).toEqual([4, 5, 6]);
  });

  test("many subscribers get the same, each its own filter", async () => {
    const world = await streams.start();
    const all = await Promise.all(upTo(20).map((i) => streams.open(i % 2 === 0 ? "/v1/events" : "/v1/events?device=b")));
    world.commit([connectedOf(1, "a", 1024), connectedOf(2, "b", 1024)]);
    for (let i = 0; i < 50; i++) world.commit([frame(1 + (i % 2), 2)]);
    const expected = all.map((_, i) => upTo(102).filter((seq) => i % 2 === 1 || (seq > 1 && (seq === 2 || (seq - 3) % 4 >= 2))));
    await Promise.all(all.map((consumer) => reaches(consumer, 102)));
    expect(all.map((consumer) => seqs(consumer))).toEqual(expected);
  });

  test("a row that did not go over the broadcast ring comes from the store", async () => {
    const world = await streams.start();
    const consumer = await streams.open();
    world.commit([connectedOf(1, "a", 1024)]);
    world.commit([frame(1, 3)], false);
    await reaches(consumer, 4);
    world.commit([frame(1, 3)], false);
    world.commit([frame(1, 3)]);
    await reaches(consumer, 10);
    expect(seqs(consumer)).toEqual(upTo(10));
  });

  test("lapped by the broadcast ring, it goes over pages back to the ring", async () => {
    const world = await streams.start({ broadcastRingBytes: 4096, windowEvents: 5, pageBytes: 1024, subscriberEvents: 5 });
    const consumer = await streams.open();
    world.commit([connectedOf(1, "a", 1024)]);
    await reaches(consumer, 1);
    for (let i = 0; i < 200; i++) world.commit([frame(1, 5)]);
    await reaches(consumer, 1001);
    for (let i = 0; i < 4; i++) world.commit([frame(1, 1)]);
    await reaches(consumer, 1005);
    expect(seqs(consumer)).toEqual(upTo(1005));
    expect(world.metric("berth_broadcast_overruns_total")).toBeGreaterThan(0);
    expect(world.metric("berth_subscriber_pages_total")).toBeGreaterThan(0);
    expect((await device(world.url, "a")).records).toBe(1004);
  });

  test("one who leaves is counted no more", async () => {
    const world = await streams.start();
    const consumer = await streams.open();
    await until("one subscriber", () => world.metric("berth_subscribers", "sse") === 1);
    consumer.close();
    await until("no subscriber", () => world.metric("berth_subscribers", "sse") === 0);
  });
});

describe("a stream from the past", () => {
  const past = (events: number) => (made: OutWorld): void => {
    made.commit([connectedOf(1, "a", 1024), connectedOf(2, "b", 1024)]);
    for (let i = 2; i < events; i++) made.commit([frame(1 + (i % 2), 1)]);
  };

  test("pages and live join without a hole or a repeat", async () => {
    const world = await streams.start({ pageBytes: 1024, windowEvents: 20, subscriberEvents: 7 }, past(300));
    const whole = await streams.open();
    const part = await streams.open("/v1/events", "e1.100");
    const one = await streams.open("/v1/events?device=b");
    for (let i = 0; i < 50; i++) world.commit([frame(1, 1)]);
    await Promise.all([whole, part, one].map((consumer) => reaches(consumer, 350)));
    expect(seqs(whole)).toEqual(upTo(350));
    expect(seqs(part)).toEqual(upTo(350, 101));
    expect(seqs(one)).toEqual(upTo(300).filter((seq) => seq === 2 || (seq > 2 && seq % 2 === 0)));
    expect(whole.of("gap").length + whole.of("resync").length).toBe(0);
  });

  test("what is kept no more is a gap with its bounds, then the rest", async () => {
    const world = await streams.start({ windowEvents: 5 }, past(100));
    world.forget(60);
    const consumer = await streams.open("/v1/events", "e1.10");
    const just = await streams.open("/v1/events", "e1.59");
    const filtered = await streams.open("/v1/events?device=b", "e1.10");
    await Promise.all([consumer, just, filtered].map((each) => reaches(each, 100)));
    expect(consumer.events[0]).toEqual({ id: "e1.59", event: "gap", data: JSON.stringify({ from: 11, to: 59, cause: "retention" }) });
    expect(seqs(consumer)).toEqual(upTo(100, 60));
    expect(filtered.of("gap").length).toBe(1);
    // last + 1 == oldest is no gap.
    expect(just.of("gap")).toEqual([]);
    expect(seqs(just)).toEqual(upTo(100, 60));
    expect(world.metric("berth_gaps_total", "retention")).toBe(2);
  });

  test.each([["none", null], ["malformed", "nonsense"], ["malformed", "e1.-1"], ["epoch", "e2.5"], ["future", "e1.11"]])(
    "resync for %s, with the head as id, then what comes after",
    async (cause, cursor) => {
      const world = await streams.start({}, past(10));
      const consumer = await streams.open("/v1/events", cursor);
      await consumer.until("resync", () => consumer.events.length > 0);
      expect(consumer.events).toEqual([{ id: "e1.10", event: "resync", data: JSON.stringify({ cause }) }]);
      world.commit([frame(1, 1)]);
      await reaches(consumer, 11);
      expect(seqs(consumer)).toEqual([11]);
      expect(world.metric("berth_resyncs_total", cause)).toBe(1);
    },
  );

  test("the cursor in the query is the one in the header", async () => {
    await streams.start({}, past(10));
    const consumer = await streams.open("/v1/events?last_event_id=e1.7", null);
    await reaches(consumer, 10);
    expect(seqs(consumer)).toEqual([8, 9, 10]);
  });

  test("of two cursors the header's counts: EventSource comes back by the address it began with", async () => {
    await streams.start({}, past(10));
    const consumer = await streams.open("/v1/events?last_event_id=e1.2", "e1.7");
    await reaches(consumer, 10);
    expect(seqs(consumer)).toEqual([8, 9, 10]);
  });

  test("the cursor of a hydrate answer needs no resync", async () => {
    const world = await streams.start({}, past(10));
    const { cursor } = await devicesPage(world.url);
    expect(cursor).toBe("e1.10");
    const consumer = await streams.open("/v1/events", cursor);
    world.commit([frame(1, 1)]);
    await reaches(consumer, 11);
    expect(consumer.events.map((event) => event.event)).toEqual(["record"]);
  });

  test("a heartbeat moves the cursor of one whose filter matches nothing", async () => {
    const world = await streams.start({}, past(10));
    const consumer = await streams.open("/v1/events?device=nobody");
    await reaches(consumer, 10);
    world.commit([frame(1, 1)]);
    await reaches(consumer, 11);
    expect(consumer.comments).toContain("e1.11");
    expect(consumer.events).toEqual([]);
    expect(consumer.idOnlyBlocks).toBeGreaterThan(0);
  });
});
