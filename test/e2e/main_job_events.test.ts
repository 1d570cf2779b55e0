/** Live out from outside: resume by cursor, filters, heartbeats that move it, and a marker wherever a consumer may miss something. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordsOf, TestDevice } from "../support/fleet.ts";
import { ACCEPTS, endEverything, type Gateway } from "../support/gateway.ts";
import { deliver, expectRecordsSeen, makeDevices, makeFrames, recordsSeen, sendAll, startWith } from "../support/main_job.ts";
import { allRecords, devicesPage, metric } from "../support/rest.ts";
import { cursorParts, SseConsumer, type SseEvent } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

const ids = (events: readonly SseEvent[]): string[] => events.map((event) => event.id);

describe.each([...ACCEPTS])("events, accept %s", (accept) => {
  const devices = makeDevices(100, 1);
  const sent = makeFrames(devices, 10);
  let gateway: Gateway;
  let start: string;
  let whole: SseConsumer;
  let trackers: Map<TestDevice, Tracker>;

  /** Opens a stream, waits until its events reach the whole's last id, closes it. */
  const readFrom = async (path: string, lastEventId: string | null): Promise<SseConsumer> => {
    const consumer = await SseConsumer.open(gateway.url, path, lastEventId);
    await consumer.until("the head of the journal", () => consumer.lastId === whole.lastId);
    consumer.close();
    return consumer;
  };

  beforeAll(async () => {
    gateway = await startWith(accept, { settings: { "http.heartbeat_ms": 100 } });
    start = (await devicesPage(gateway.url)).cursor;
    whole = await SseConsumer.open(gateway.url, "/v1/events", start);
    trackers = await deliver(gateway.tcpPort, sent);
    await recordsSeen(whole, [...sent.values()].reduce((sum, frames) => sum + recordsOf(frames).length, 0));
  });

  test("a stream is event-stream, not stored by anybody, with a retry", () => {
    expect(whole.status).toBe(200);
    expect(whole.headers.get("content-type")).toStartWith("text/event-stream");
    expect(whole.headers.get("cache-control")).toContain("no-store");
    expect(whole.headers.get("x-accel-buffering")).toBe("no");
    expect(whole.retryMs).toBeGreaterThan(0);
    expectRecordsSeen(whole, sent);
  });

  test("Last-Event-ID resumes after the event it names, in the header and in the query", async () => {
    for (const at of [0, 1, 7, whole.events.length - 2]) {
      const cursor = whole.events[at]!.id;
      const byHeader = await readFrom("/v1/events", cursor);
      const byQuery = await readFrom(`/v1/events?last_event_id=${encodeURIComponent(cursor)}`, null);
      expect(ids(byHeader.events)).toEqual(ids(whole.events.slice(at + 1)));
      expect(byQuery.events).toEqual(byHeader.events);
      expect(byHeader.events).toEqual(whole.events.slice(at + 1));
    }
  });

  test("device and kind filter the replay", async () => {
    const one = devices[1]!;
    const ofOne = whole.events.filter((event) => (JSON.parse(event.data) as { device: string }).device === one.imei);
    expect((await readFrom(`/v1/events?device=${one.imei}`, start)).events).toEqual(ofOne);
    expect((await readFrom("/v1/events?kind=connected", start)).events).toEqual(whole.of("connected"));
    expect((await readFrom(`/v1/events?kind=record&device=${one.imei}`, start)).events).toEqual(
      ofOne.filter((event) => event.event === "record"),
    );
  });

  test("the cursor of a hydrate answer needs no resync and goes on live", async () => {
    const consumer = await SseConsumer.open(gateway.url, "/v1/events?kind=record", (await devicesPage(gateway.url)).cursor);
    const records = devices[0]!.records(3);
    expect(await trackers.get(devices[0]!)!.send(devices[0]!.frame(records).bytes)).toBe(3);
    await recordsSeen(consumer, 3);
    consumer.close();
    expect(consumer.events.map((event) => (JSON.parse(event.data) as { time: number }).time)).toEqual(records.map((record) => record.time));
  });

  test("a heartbeat moves the cursor of a consumer whose filter matches nothing", async () => {
    const quiet = await SseConsumer.open(gateway.url, "/v1/events?device=no-such-device", start);
    const one = devices[2]!;
    await sendAll(trackers.get(one)!, one.frames(3));
    const head = (await devicesPage(gateway.url)).cursor;
    await quiet.until("its cursor at the head", () => quiet.lastId === head);
    await quiet.until("the same in a comment", () => quiet.comments.includes(head));
    quiet.close();
    expect(quiet.events).toEqual([]);
    expect(quiet.idOnlyBlocks).toBeGreaterThan(0);
  });

  test("a cursor that cannot be honoured answers resync with the head as id", async () => {
    const head = (await devicesPage(gateway.url)).cursor;
    const { epoch, seq } = cursorParts(head);
    const cases: [string, string | null][] = [
      ["none", null],
      ["malformed", "not a cursor"],
      ["epoch", `x${epoch}.${seq}`],
      ["future", `${epoch}.${seq + 1000}`],
    ];
    for (const [cause, cursor] of cases) {
      const name = `berth_resyncs_total{cause="${cause}"}`;
      const before = await metric(gateway.url, name);
      const consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
      await consumer.until(`resync for ${cause}`, () => consumer.events.length > 0);
      consumer.close();
      expect(consumer.events[0]).toMatchObject({ id: head, event: "resync" });
      expect(await metric(gateway.url, name)).toBe(before + 1);
    }
  });

  test("no resync, gap or repeat reached the whole consumer", () => {
    expect(whole.of("resync").length + whole.of("gap").length).toBe(0);
    whole.events.forEach((event, index) => expect(cursorParts(event.id).seq).toBe(cursorParts(start).seq + 1 + index));
    for (const tracker of trackers.values()) tracker.close();
  });

  test("a cursor survives a restart", async () => {
    const before = whole.events.slice(5);
    const cursor = whole.events[4]!.id;
    await gateway.stop();
    gateway = await startWith(accept, { data: gateway.data });
    const consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
    await consumer.until("all of the first run", () => consumer.events.length >= before.length);
    consumer.close();
    expect(consumer.events.slice(0, before.length)).toEqual(before);
  }, 20_000);
});

describe("events older than the oldest kept", () => {
  test("a gap names what is missing, and what is kept follows", async () => {
    const settings = {
      "journal.retention_ms": 2000,
      "journal.flush_frames": 4,
      "journal.flush_age_ms": 50,
      "http.window_events": 1,
      "http.window_ms": 50,
    };
    const gateway = await startWith("fd", { settings });
    const one = new TestDevice(200, "8");
    const start = (await devicesPage(gateway.url)).cursor;
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    const trimmed = one.frames(20);
    await sendAll(tracker, trimmed);
    const first = recordsOf(trimmed)[0]!.time;
    await until("the first record is deleted", async () => (await allRecords(gateway.url, one.imei, `&to=${first}`)).length === 0, 20_000);
    const kept = one.frames(1, 1);
    await sendAll(tracker, kept);
    const consumer = await SseConsumer.open(gateway.url, "/v1/events", start);
    await recordsSeen(consumer, 1);
    consumer.close();
    expect(consumer.events[0]!.event).toBe("gap");
    // The store may forget more while it is read: then another gap follows. Nothing is missing without one.
    let last = cursorParts(start).seq;
    for (const { event, id, data } of consumer.events) {
      const { seq } = cursorParts(id);
      if (event === "gap") expect(JSON.parse(data) as Gap).toMatchObject({ from: last + 1, to: seq });
      else expect(seq).toBe(last + 1);
      last = seq;
    }
    expect(await metric(gateway.url, 'berth_gaps_total{cause="retention"}')).toBeGreaterThan(0);
    tracker.close();
    expect((await gateway.stop()).code).toBe(0);
  }, 40_000);

  test("a cursor just before the oldest kept is no gap", async () => {
    const gateway = await startWith("reuseport");
    const one = new TestDevice(300, "16");
    const start = (await devicesPage(gateway.url)).cursor;
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await sendAll(tracker, one.frames(2));
    const consumer = await SseConsumer.open(gateway.url, "/v1/events", start);
    await consumer.until("the first event", () => consumer.events.length > 0);
    consumer.close();
    expect(consumer.events[0]!.event).toBe("connected");
    tracker.close();
    await gateway.kill();
  });
});
