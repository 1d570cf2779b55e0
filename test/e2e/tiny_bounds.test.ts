/** The main job once more where every bound is tiny and ring positions start just below 2^32: every branch must have run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordsOf, type TestDevice } from "../support/fleet.ts";
import { ACCEPTS, endEverything, type Gateway, type SettingsText } from "../support/gateway.ts";
import {
  closeAll,
  deliver,
  expectRecordsSeen,
  expectSeenOnce,
  expectStored,
  makeDevices,
  recordCount,
  recordsSeen,
  regrouped,
  sendAll,
  startWith,
} from "../support/main_job.ts";
import { device, devicesPage, metrics, RECORDS_STORED } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const HOUR = 3_600_000;
const TINY: SettingsText = {
  "tcp.frame_bytes": 1292,
  "rings.frame_ring_bytes": 8192,
  "rings.control_ring_bytes": 16_384,
  "rings.accept_ring_bytes": 4096,
  "rings.exception_ring_bytes": 4096,
  "rings.broadcast_ring_bytes": 4096,
  "rings.ring_start_position": 2 ** 32 - 2048,
  "journal.commit_bytes": 4096,
  "journal.row_bytes": 1024,
  "journal.flush_frames": 64,
  "journal.slice_rows": 3,
  "journal.merge_fan_in": 4,
  "journal.coverage_intervals": 4,
  "journal.checkpoint_bytes": 65_536,
  "journal.reserve_bytes": 1 << 20,
  // All devices log in at once, before a commit can raise the block: one without a fence is turned away.
  "journal.fence_block": 16,
  "http.page_records": 10,
  "http.page_bytes": 4096,
  "http.pages_in_flight": 1,
  "http.window_events": 8,
  "http.subscriber_events": 4,
  "http.subscriber_bytes": 4096,
  "http.heartbeat_ms": 100,
};
/** Counters of branches; one that stayed 0 means this suite no longer reaches it. */
const BRANCHES = [
  "berth_flush_slices_total",
  "berth_merge_slices_total",
  "berth_interval_joins_total",
  "berth_ring_wraps_total",
  "berth_broadcast_overruns_total",
  "berth_subscriber_pages_total",
  "berth_checkpoints_total",
];

describe.each([...ACCEPTS])("main job with tiny bounds, accept %s", (accept) => {
  // An hour between records: every record is a coverage interval of its own, and five of them are too many.
  const devices = makeDevices(600, 2, HOUR);
  const sent = new Map(devices.map((one) => [one, one.frames(150, 5)]));
  let gateway: Gateway;
  let cursor: string;
  let consumers: SseConsumer[];
  let trackers = new Map<TestDevice, Tracker>();

  beforeAll(async () => {
    gateway = await startWith(accept, { settings: TINY });
    cursor = (await devicesPage(gateway.url)).cursor;
    consumers = await Promise.all([
      SseConsumer.open(gateway.url, "/v1/events", cursor),
      SseConsumer.open(gateway.url, "/v1/events?kind=record", cursor),
    ]);
  });

  test("every frame is acknowledged with its number of records", async () => {
    trackers = await deliver(gateway.tcpPort, sent);
  }, 120_000);

  test("bursts lap the http thread in its ring", async () => {
    const overruns = async (): Promise<number> => (await metrics(gateway.url)).get("berth_broadcast_overruns_total") ?? 0;
    for (let round = 0; round < 40 && await overruns() === 0; round++) {
      await Promise.all(devices.map(async (one) => {
        const burst = one.frames(30, 5);
        burst.forEach((frame) => trackers.get(one)!.write(frame.bytes));
        for (const frame of burst) expect(await trackers.get(one)!.ack()).toBe(frame.records.length);
        sent.get(one)!.push(...burst);
      }));
    }
    expect(await overruns()).toBeGreaterThan(0);
  }, 120_000);

  test("records over REST equal what was sent", async () => {
    await expectStored(gateway.url, sent);
    await expectStored(gateway.url, sent, 7);
  }, 120_000);

  test("consumers saw each event exactly once, though they fell behind and paged", async () => {
    for (const consumer of consumers) await recordsSeen(consumer, recordCount(sent));
    expectSeenOnce(consumers[0]!, cursor, sent);
    expectRecordsSeen(consumers[1]!, sent);
  }, 120_000);

  test("a replay of everything is the same as what was seen live", async () => {
    const replay = await SseConsumer.open(gateway.url, "/v1/events", cursor);
    await recordsSeen(replay, recordCount(sent));
    replay.close();
    expectSeenOnce(replay, cursor, sent);
    const one = devices[5]!;
    const ofOne = await SseConsumer.open(gateway.url, `/v1/events?kind=record&device=${one.imei}`, cursor);
    await recordsSeen(ofOne, recordsOf(sent.get(one)!).length);
    ofOne.close();
    expectRecordsSeen(ofOne, new Map([[one, sent.get(one)!]]));
  }, 120_000);

  test("the same again, as it was and regrouped newest first, stores nothing new", async () => {
    await Promise.all(devices.map(async (one) => {
      await sendAll(trackers.get(one)!, sent.get(one)!);
      await sendAll(trackers.get(one)!, regrouped(one, sent.get(one)!, 4));
    }));
    await expectStored(gateway.url, sent);
    expect((await metrics(gateway.url)).get(RECORDS_STORED)).toBe(recordCount(sent));
  }, 120_000);

  test("reconnecting raises the fence past several reserved blocks", async () => {
    const one = devices[0]!;
    for (let round = 0; round < 12; round++) {
      const { fence } = await device(gateway.url, one.imei);
      // A block this small is used up while a slow disk commits the next one: such a login is closed, and tried again.
      const fresh = await until("a fence for the next login", () => Tracker.loggedIn(gateway.tcpPort, one.imei).catch(() => null));
      await trackers.get(one)!.ended(2000);
      expect((await device(gateway.url, one.imei)).fence).toBeGreaterThan(fence);
      trackers.set(one, fresh);
    }
  }, 120_000);

  test("every branch ran", async () => {
    let missing: readonly string[] = BRANCHES;
    // The journal tells some of its counts once a second.
    await until("every branch", async () => {
      const shown = await metrics(gateway.url);
      missing = BRANCHES.filter((name) => !((shown.get(name) ?? 0) > 0));
      return missing.length === 0;
    }, 5000).catch(() => undefined);
    expect(missing).toEqual([]);
    closeAll(trackers.values());
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  }, 120_000);

  test("a restart on the same data shows the same records", async () => {
    const again = await startWith(accept, { data: gateway.data, settings: TINY });
    await expectStored(again.url, sent);
    await again.kill();
    const third = await startWith(accept, { data: gateway.data });
    await expectStored(third.url, sent);
    expect((await third.stop()).code).toBe(0);
  }, 120_000);
});
