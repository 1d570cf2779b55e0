/** Event streams over a real listener: clients that take nothing, ends, and what may be asked. */
import { afterEach, describe, expect, test } from "bun:test";
import { ClockAhead } from "../../support/clock_ahead.ts";
import { connectedOf } from "../../support/memory_store.ts";
import type { OutWorld } from "../../support/out_world.ts";
import { ask, devicesPage } from "../../support/rest.ts";
import { StalledClient } from "../../support/stalled.ts";
import { frame, reaches, seqs, StreamTest, upTo } from "../../support/stream_test.ts";
import { until } from "../../support/until.ts";

const streams = new StreamTest();
let clock: ClockAhead | null = null;
afterEach(async () => {
  await streams.end();
  clock?.end();
  clock = null;
});

describe("a client that does not take what it gets", () => {
  const MANY = 30_000;
  const pour = async (world: OutWorld): Promise<void> => {
    world.commit([connectedOf(1, "a", 1024)]);
    for (let i = 0; i < MANY / 100; i++) {
      world.commit([frame(1, 100)]);
      if (i % 10 === 0) await until("followed", async () => (await devicesPage(world.url)).cursor === `e1.${world.store.nextSeq - 1}`);
    }
  };

  test("is not felt by others, and gets everything once when it takes again", async () => {
    const world = await streams.start();
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    const other = await streams.open();
    await pour(world);
    await reaches(other, MANY + 1);
    expect(seqs(other)).toEqual(upTo(MANY + 1));
    // What the kernel took and one bound is all that left the gateway for the stalled one.
    expect(world.metric("berth_events_sent_total")).toBeLessThan(2 * MANY);
    stalled.take();
    await until("all of it", () => stalled.seqs.at(-1) === MANY + 1, 20_000);
    expect(stalled.seqs).toEqual(upTo(MANY + 1));
    stalled.close();
  }, 60_000);

  test("is cut as slow when it stays behind", async () => {
    clock = new ClockAhead();
    const world = await streams.start({ subscriberLagMs: 60_000, byeMs: 100 });
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    const other = await streams.open();
    await pour(world);
    await reaches(other, MANY + 1);
    expect(world.metric("berth_subscriber_drops_total", "slow")).toBe(0);
    clock.aheadMs = 60_001;
    await until("dropped", () => world.metric("berth_subscriber_drops_total", "slow") === 1);
    expect(world.metric("berth_subscribers", "sse")).toBe(1);
    stalled.take();
    await until("its end", () => stalled.ended);
    expect(stalled.seqs.length).toBeLessThan(MANY);
    expect(other.closed).toBe(false);
  }, 60_000);
});

describe("a client in mode latest that does not take what it gets", () => {
  const ROUNDS = 3000;
  /** Every device sends in turn; A also ends and comes again. */
  const pour = async (world: OutWorld): Promise<void> => {
    world.commit([1, 2, 3].map((no) => connectedOf(no, "abc"[no - 1]!, 1024)));
    for (let i = 0; i < ROUNDS; i++) {
      world.commit([1, 2, 3].map((no) => frame(no, 3)));
      if (i % 1000 === 500) world.commit([connectedOf(1, "a", 1024 + i)]);
      if (i % 30 === 0) await until("followed", async () => (await devicesPage(world.url)).cursor === `e1.${world.store.nextSeq - 1}`);
    }
  };

  test("finds the newest of each device and every other event when it takes again, with gaps over all that is missing", async () => {
    const world = await streams.start({ subscriberLagMs: 60_000 });
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0&mode=latest");
    const other = await streams.open();
    await pour(world);
    const last = world.store.nextSeq - 1;
    await reaches(other, last);
    stalled.take();
    await until("its end", () => stalled.story.at(-1)?.to === last, 20_000);
    let next = 1;
    const newest = new Map<string, number>();
    for (const { event, from, to, data } of stalled.story) {
      expect(from).toBe(next);
      next = to + 1;
      if (event === "gap") expect(data).toEqual({ from, to, cause: "coalesced" });
      else if (event === "record") newest.set(String(data["device"]), to);
    }
    expect(newest).toEqual(new Map([["a", last - 6], ["b", last - 3], ["c", last]]));
    const connects = (texts: readonly { event: string }[]) => texts.filter(({ event }) => event === "connected").length;
    expect(connects(stalled.story)).toBe(connects(other.events));
    const left = world.metric("berth_events_coalesced_total");
    expect([stalled.story.filter(({ event }) => event !== "gap").length + left, left > ROUNDS]).toEqual([last, true]);
    expect(world.metric("berth_gaps_total", "coalesced")).toBe(stalled.story.filter(({ event }) => event === "gap").length);
    expect(world.metric("berth_subscriber_peak_bytes", "0")).toBeLessThanOrEqual(1024 * 1024);
    stalled.close();
  }, 60_000);
});

describe("the end of a stream", () => {
  test("comes by age, with bye, and the cursor goes on elsewhere", async () => {
    const world = await streams.start({ streamAgeMs: 100 });
    world.commit([connectedOf(1, "a", 1024)]);
    const consumer = await streams.open();
    await consumer.until("the end", () => consumer.closed);
    expect(consumer.events.at(-1)).toMatchObject({ event: "bye", data: JSON.stringify({ reason: "age" }) });
    expect(world.metric("berth_subscriber_drops_total", "age")).toBe(1);
  });

  test("comes by age to each at a time of its own, and so does its return", async () => {
    const world = await streams.start({ streamAgeMs: 1000, retryMs: 1000 });
    const began = performance.now();
    const consumers = await Promise.all(upTo(16).map(() => streams.open()));
    const ages = await Promise.all(consumers.map(async (consumer) => {
      await consumer.until("the end", () => consumer.closed);
      return performance.now() - began;
    }));
    // 20 % more or less, and when the thread looks.
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(800);
    expect(Math.max(...ages) - Math.min(...ages)).toBeGreaterThan(50);
    const retries = consumers.map(({ retryMs }) => retryMs!);
    for (const retryMs of retries) expect(Math.abs(retryMs - 1000)).toBeLessThanOrEqual(250);
    expect(new Set(retries).size).toBeGreaterThan(8);
    expect(world.metric("berth_subscriber_drops_total", "age")).toBe(16);
  });

  test("comes at shutdown after what is committed", async () => {
    const world = await streams.start({ byeMs: 10_000 });
    const consumer = await streams.open();
    world.commit([connectedOf(1, "a", 1024), frame(1, 250), frame(1, 250)], false);
    await world.stop();
    await consumer.until("the end", () => consumer.closed);
    expect(seqs(consumer)).toEqual(upTo(501));
    expect(consumer.events.at(-1)).toMatchObject({ event: "bye", data: JSON.stringify({ reason: "shutdown" }) });
  });

  test("comes at shutdown after what is committed also for one who is far behind, and still reads pages of it", async () => {
    const world = await streams.start({ windowEvents: 5, pageBytes: 1024, subscriberEvents: 7, byeMs: 10_000 }, (made) => {
      made.commit([connectedOf(1, "a", 1024)]);
      for (let i = 0; i < 500; i++) made.commit([frame(1, 4)]);
    });
    const consumer = await streams.open();
    await world.stop();
    await consumer.until("the end", () => consumer.closed);
    expect(seqs(consumer)).toEqual(upTo(2001));
    expect(consumer.events.at(-1)).toMatchObject({ event: "bye", data: JSON.stringify({ reason: "shutdown" }) });
  });

  test("comes at shutdown also for one who takes nothing", async () => {
    const world = await streams.start({ byeMs: 100 });
    const stalled = new StalledClient(world.url, "/v1/events?last_event_id=e1.0");
    world.commit([connectedOf(1, "a", 1024)]);
    for (let i = 0; i < 100; i++) world.commit([frame(1, 250)]);
    await until("subscribed", () => world.metric("berth_subscribers", "sse") === 1);
    await world.stop();
    stalled.take();
    await until("closed", () => stalled.closed);
  });
});

describe("what a subscription may ask", () => {
  test("HEAD answers the headers and subscribes nobody", async () => {
    const world = await streams.start();
    const { status, headers } = await ask(world.url, "/v1/events", { method: "HEAD" });
    expect([status, headers.get("content-type"), headers.get("cache-control"), headers.get("x-accel-buffering")])
      .toEqual([200, "text/event-stream", "no-store", "no"]);
    expect(world.metric("berth_subscribers", "sse")).toBe(0);
  });

  test("one subscriber too many is told to come back", async () => {
    const world = await streams.start({ subscribers: 1 });
    await streams.open();
    const { status, headers } = await ask(world.url, "/v1/events");
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  });

  test.each([
    ["?kind=nonsense", 400, "kind"],
    ["?device=a%20b", 400, "device"],
    ["?channel=news", 400, "channel"],
    ["?channel=app.", 400, "channel"],
    ["?mode=fast", 400, "mode"],
    ["?since=5", 400, "since"],
  ])("%s is %i naming %s", async (query, status, parameter) => {
    const world = await streams.start();
    const answer = await ask<{ parameter: string }>(world.url, `/v1/events${query}`);
    expect([answer.status, answer.headers.get("content-type"), answer.json.parameter]).toEqual([
      status,
      "application/problem+json",
      parameter,
    ]);
  });

  test.each(["?channel=devices", "?channel=device.a", "?device=a&device=b", "?device=a,b", "?mode=complete"])(
    "%s is understood",
    async (query) => {
      const world = await streams.start();
      world.commit([connectedOf(1, "a", 1024)]);
      const consumer = await streams.open(`/v1/events${query}`);
      await reaches(consumer, 1);
      expect(consumer.events.map((event) => event.event)).toEqual(["connected"]);
    },
  );
});
