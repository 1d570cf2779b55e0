/**
 * Backlogs into an old store with many segments and levels: newest first behind what is stored, into the holes between it,
 * and sent again in other groups. Every record is acknowledged, kept once and read back. bench/load/newest_first.ts measures it.
 */
import { afterAll, expect, test } from "bun:test";
import { imeiOf } from "../support/fleet.ts";
import { encodeFrame, type TestRecord } from "../support/frames.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { HOUR, hourRecords, makeOldStore } from "../support/old_store.ts";
import { allRecords, metric, RECORDS_DUPLICATE, RECORDS_STORED } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const DEVICES = 20;
const HOURS = 150;
const TINY = { workers: 2, "journal.flush_frames": 64, "journal.merge_fan_in": 4, "journal.coverage_intervals": 4 };
const MINUTE = 60_000;

afterAll(endEverything);

/** A record of its own at that time. */
const recordAt = (device: number, time: number): TestRecord => ({ ...hourRecords(device, 0)[0]!, time });

/** Frames of one device, newest first, each of four descending records. */
function backlog(device: number, newest: number, frames: number, gap: number): TestRecord[][] {
  return Array.from({ length: frames }, (_, f) => Array.from({ length: 4 }, (_, i) => recordAt(device, newest - (4 * f + i) * gap)));
}

test("a newest-first backlog over a store of many levels is acknowledged, kept once and read back", async () => {
  const data = temporaryData();
  const newest = Date.now() - 24 * HOUR;
  const store = makeOldStore({ data, devices: DEVICES, hours: HOURS, until: newest, mergeFanIn: 4 });
  expect(store.flushed).toBeGreaterThanOrEqual(HOURS);
  expect(store.levels.length).toBeGreaterThanOrEqual(4);

  const gateway = await Gateway.start({ data, settings: TINY });
  const begin = newest - HOURS * HOUR;
  const expected = Array.from(
    { length: DEVICES },
    (_, device) => new Set(Array.from({ length: HOURS }, (_, h) => hourRecords(device, begin + h * HOUR).map((r) => r.time)).flat()),
  );
  let fresh = 0;
  let again = 0;
  await Promise.all(expected.map(async (times, device) => {
    const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(device));
    const frames = [
      ...backlog(device, newest + 20 * HOUR, 40, 5 * MINUTE),
      // Between stored records of the middle of the store: three minutes after each.
      ...Array.from(
        { length: 20 },
        (_, k) => hourRecords(device, begin + (100 - k) * HOUR).map(({ time }) => recordAt(device, time + 3 * MINUTE)).reverse(),
      ),
      // Stored hours again, two hours to a frame and newest first.
      ...Array.from(
        { length: 10 },
        (_, k) => [...hourRecords(device, begin + (80 - k) * HOUR), ...hourRecords(device, begin + (40 - k) * HOUR)].reverse(),
      ),
    ];
    for (const records of frames) {
      expect(await tracker.send(encodeFrame("8", records))).toBe(records.length);
      for (const { time } of records) {
        if (times.has(time)) again++;
        else fresh++;
        times.add(time);
      }
    }
    tracker.close();
  }));
  expect({ fresh, again }).toEqual({ fresh: DEVICES * 60 * 4, again: DEVICES * 10 * 8 });
  // What the sync thread has let be acknowledged is counted by the journal when it comes by.
  const counted = async (): Promise<number[]> => [await metric(gateway.url, RECORDS_STORED), await metric(gateway.url, RECORDS_DUPLICATE)];
  await until("every record counted", async () => {
    const [stored = 0, duplicate = 0] = await counted();
    return stored + duplicate >= fresh + again;
  });
  expect(await counted()).toEqual([fresh, again]);
  for (const [device, times] of expected.entries()) {
    const stored = (await allRecords(gateway.url, imeiOf(device))).map((record) => record.time);
    expect(stored.length).toBe(times.size);
    expect(new Set(stored)).toEqual(times);
  }
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);
