/** What a device's page makes of records: its track in a range, its newest values, and how much of a range is read. */
import { describe, expect, test } from "bun:test";
import { err, ok, type Result } from "../../../src/base/result.ts";
import { isBreak, NO_END, type Point, Track } from "../../../src/http/dashboard/page/track.ts";
import { PAGE_RECORDS, PAGES, readTrack } from "../../../src/http/dashboard/page/track_reader.ts";
import { NewestValues } from "../../../src/http/dashboard/page/values.ts";
import type { StoredJson } from "../../../src/http/schema.ts";

const HOUR = 3_600_000;
const T = 1_760_000_000_000;

const recordAt = (seq: number, time: number, more: Partial<StoredJson> = {}): StoredJson => ({
  seq,
  time,
  device: "a",
  fence: 1,
  receivedAt: Math.max(T, time),
  priority: 0,
  lon: 25 + seq / 1e5,
  lat: 54,
  altitude: 10,
  angle: 90,
  satellites: 9,
  speed: 50,
  eventId: 0,
  generationType: null,
  io: {},
  ...more,
});

const seqs = (track: Track): number[] => track.points.map(({ seq }) => seq);

describe("dashboard track", () => {
  test("a record is on it once, in the order of time, however it came", () => {
    const track = new Track({ latestMs: null, from: T, to: T + HOUR }, 100);
    const times = [30, 10, 20, 20, 0, 3601];
    const added = times.map((s, i) => track.add(recordAt(i, T + s * 1000)));
    expect(added).toEqual([true, true, true, true, true, false]);
    for (let i = 0; i < 5; i++) expect(track.add(recordAt(i, T + times[i]! * 1000))).toBe(false);
    expect(seqs(track)).toEqual([4, 1, 2, 3, 0]);
    expect(track.add(recordAt(9, T - 1))).toBe(false);
  });

  test("a record without a fix is counted and not drawn", () => {
    const track = new Track({ latestMs: null, from: T, to: NO_END }, 100);
    track.add(recordAt(1, T, { satellites: 0 }));
    track.add(recordAt(2, T + 1, { lat: 200 }));
    expect([track.points.length, track.withoutFix, track.records]).toEqual([0, 2, 2]);
  });

  test("the latest hour goes on with the newest record, and a clock far ahead does not end it", () => {
    const track = new Track({ latestMs: HOUR, from: T, to: NO_END }, 100);
    track.add(recordAt(1, T));
    track.add(recordAt(2, T + HOUR / 2, { satellites: 0 }));
    track.add(recordAt(3, T + HOUR));
    expect(track.add(recordAt(4, T + 1000 * HOUR, { receivedAt: T }))).toBe(false);
    track.add(recordAt(5, T + HOUR + 1));
    expect(seqs(track)).toEqual([3, 5]);
    expect(track.withoutFix).toBe(1);
    track.add(recordAt(6, T + 2 * HOUR));
    expect(track.withoutFix).toBe(0);
    // One that is too old by now is none of it, known or not.
    expect(track.add(recordAt(1, T))).toBe(false);
  });

  test("no more than its bound is kept, the newest of them, and it says so", () => {
    const track = new Track({ latestMs: NO_END, from: 0, to: NO_END }, 10);
    for (let i = 0; i < 10; i++) track.add(recordAt(i, T + i));
    expect(track.isCut).toBe(false);
    track.add(recordAt(10, T + 10));
    expect([track.points.length, seqs(track)[0], track.isCut]).toEqual([10, 1, true]);
  });

  test("the point nearest to a time is found", () => {
    const track = new Track({ latestMs: null, from: 0, to: NO_END }, 10);
    expect(track.nearest(T)).toBe(-1);
    for (const s of [0, 10, 20]) track.add(recordAt(s, T + s));
    expect([-5, 4, 6, 14, 16, 99].map((s) => track.nearest(T + s))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("a long silence or an impossible way breaks the line", () => {
    const at = (time: number, x: number): Point => ({ seq: 1, time, x, y: 0.5, speed: 0, angle: 0 });
    const kmEast = 1 / 40_075;
    expect(isBreak(at(0, 0.5), at(60_000, 0.5 + kmEast))).toBe(false);
    expect(isBreak(at(0, 0.5), at(600_001, 0.5))).toBe(true);
    expect(isBreak(at(0, 0.5), at(6000, 0.5 + 4 * kmEast))).toBe(true);
    expect(isBreak(at(0, 0.5), at(0, 0.5 + kmEast / 20))).toBe(false);
  });
});

/** A store of records a second apart; more than `sortable` of them in a range cannot be sorted. */
function store(count: number, sortable = Infinity) {
  const asked: string[] = [];
  const getJson = (path: string): Promise<Result<unknown, string>> => {
    asked.push(path);
    const query = new URL(path, "http://x").searchParams;
    const number = (name: string, none: number): number => Number(query.get(name) ?? none);
    const first = Math.max(0, Math.ceil((number("from", 0) - T) / 1000));
    const last = Math.min(count - 1, Math.floor((number("to", NO_END) - T) / 1000));
    if (last - first >= sortable) return Promise.resolve(err("refused", `http://x${path} answered 422 Cannot sort`));
    const begin = query.has("after") ? number("after", 0) : first;
    const end = Math.min(last + 1, begin + number("limit", 100));
    const records = Array.from({ length: Math.max(0, end - begin) }, (_, i) => recordAt(begin + i, T + (begin + i) * 1000));
    return Promise.resolve(ok({ records, next: end <= last ? String(end) : null }));
  };
  return { asked, getJson };
}

describe("dashboard track reader", () => {
  test("reads every page of a range, each record once", async () => {
    const { asked, getJson } = store(5000);
    const read = await readTrack(getJson, "a b", { latestMs: null, from: T, to: T + 2_499_000 }, T + 5_000_000);
    if (!read.ok) throw new Error(read.message);
    expect(read.value.records.map(({ seq }) => seq)).toEqual(Array.from({ length: 2500 }, (_, i) => i));
    expect([read.value.from, read.value.until]).toEqual([T, null]);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toStartWith("/v1/devices/a%20b/records?order=time&limit=1000&");
  });

  test("of too long a range up to now the newest part is read, to its end, with a bounded number of pages", async () => {
    for (const [count, sortable] of [[50_000, Infinity], [90_000, 20_000], [10_001, 10_000]] as const) {
      const { asked, getJson } = store(count, sortable);
      const newest = T + (count - 1) * 1000;
      const read = await readTrack(getJson, "a", { latestMs: NO_END, from: 0, to: NO_END }, newest);
      if (!read.ok) throw new Error(read.message);
      const { records, from, until } = read.value;
      expect([records.at(-1)!.seq, until]).toEqual([count - 1, null]);
      expect(records.length).toBeGreaterThan(3000);
      expect(records.length).toBeLessThanOrEqual(PAGES * PAGE_RECORDS);
      expect(from).toBeGreaterThan(T);
      expect(asked.length).toBeLessThanOrEqual(100);
    }
  });

  test("a chosen range that holds too much is read from its beginning, and its end is told", async () => {
    const { getJson } = store(50_000);
    const read = await readTrack(getJson, "a", { latestMs: null, from: T, to: T + 40_000_000 }, T + 50_000_000);
    if (!read.ok) throw new Error(read.message);
    expect([read.value.records.length, read.value.until]).toEqual([10_000, T + 9_999_000]);
  });

  test("a fault is passed on", async () => {
    const read = await readTrack(() => Promise.resolve(err("unreachable", "gone")), "a", { latestMs: null, from: 0, to: 1 }, T);
    expect(read).toEqual(err("unreachable", "gone"));
  });
});

describe("dashboard values", () => {
  test("the newest of each id counts, by the time of its record, with the names of the family", () => {
    const values = new NewestValues();
    values.add(recordAt(1, T, { io: { "66": "5e0f", "239": "01" } }));
    values.add(recordAt(3, T + 2000, { io: { "66": "3000", "60000": "beef" } }));
    // A backlog that comes late is still old.
    values.add(recordAt(4, T + 1000, { io: { "66": "0001", "21": "03" } }));
    expect(values.list("fmb").map(({ id, name, text, time }) => [id, name, text, time - T])).toEqual([
      ["21", "GSM Signal", "3", 1000],
      ["66", "External Voltage", "12.288 V", 2000],
      ["239", "Ignition", "1", 0],
      ["60000", null, "0xbeef", 2000],
    ]);
  });
});
