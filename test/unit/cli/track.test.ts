/** The tracks of simulated trackers: as of a vehicle that drives, stands, parks and passes tunnels. */
import { describe, expect, test } from "bun:test";
import { prng } from "../../../src/base/prng.ts";
import { Track } from "../../../src/cli/track.ts";
import type { AvlRecord } from "../../../src/codec/record.ts";

const START = 1_760_000_000_000;

describe("a track", () => {
  const records = (seed: number): AvlRecord[] => {
    const track = new Track(prng(seed), { codec: "8E", start: START, stepMs: 1000 });
    return Array.from({ length: 3000 }, () => track.next());
  };

  test("is believable: no jump, speed that fits the way, times in step, all values in range", () => {
    for (let seed = 0; seed < 20; seed++) {
      const list = records(seed);
      list.forEach((record, i) => {
        expect(record.time).toBe(START + i * 1000);
        expect(record.angle >= 0 && record.angle < 360 && record.speed <= 130 && Math.abs(record.lat) < 90).toBe(true);
        const before = list[i - 1];
        if (before === undefined) return;
        const north = (record.lat - before.lat) * 111_320;
        const east = (record.lon - before.lon) * 111_320 * Math.cos((record.lat * Math.PI) / 180);
        const kmh = Math.hypot(north, east) * 3.6;
        if (record.satellites > 0) expect(Math.abs(kmh - record.speed)).toBeLessThan(1.5);
        else expect(record).toMatchObject({ speed: 0, angle: 0 });
      });
    }
  });

  test("drives, stands, parks, passes tunnels and reports events", () => {
    const all = Array.from({ length: 10 }, (_, seed) => records(seed)).flat();
    const share = (what: (record: AvlRecord) => boolean): number => all.filter(what).length / all.length;
    expect(share((record) => record.speed > 20)).toBeGreaterThan(0.3);
    expect(share((record) => record.io["239"] === "00")).toBeGreaterThan(0.02);
    expect(share((record) => record.satellites === 0)).toBeGreaterThan(0.001);
    expect(share((record) => record.eventId === 239 && record.priority === 1)).toBeGreaterThan(0);
    expect(share((record) => record.eventId === 240)).toBeGreaterThan(0);
    expect(share((record) => record.eventId === 0 && record.priority === 0)).toBeGreaterThan(0.9);
  });
});
