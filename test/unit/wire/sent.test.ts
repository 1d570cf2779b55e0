/** Which two positions one vehicle can have been at: distances of the real world. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { kilometresBetween } from "../../../src/base/geo.ts";
import { type Fix, impossibleBetween } from "../../../src/wire/sent.ts";

const BOUNDS = { impossibleKm: 20, impossibleKmh: 1500 };
const MINUTE = 60_000;
const fix = (lat: number, lon: number, time: number): Fix => ({ time, lat: lat * 1e7, lon: lon * 1e7 });

test.each(
  [
    ["a degree of latitude", [0, 0], [1, 0], 111.2],
    ["a degree of longitude at 60° north", [60, 10], [60, 11], 55.6],
    ["Vilnius to Madrid", [54.69, 25.28], [40.42, -3.7], 2658],
    ["over the antimeridian", [0, 179.5], [0, -179.5], 111.2],
    ["pole to pole", [90, 0], [-90, 77], 20_015],
    ["nowhere", [12, 34], [12, 34], 0],
  ] as const,
)("%s is as far as it is", (_name, [latA, lonA], [latB, lonB], km) => {
  const far = kilometresBetween(latA * 1e7, lonA * 1e7, latB * 1e7, lonB * 1e7);
  expect(Math.abs(far - km)).toBeLessThanOrEqual(km / 200);
});

test("the fastest that moves, and what no vehicle can have done, in either order", () => {
  const here = fix(50, 10, 0);
  const cases: readonly [Fix, boolean][] = [
    [fix(51, 10, 5 * MINUTE), false],
    [fix(51, 10, 4 * MINUTE), true],
    [fix(50.17, 10, 0), false],
    [fix(50.19, 10, 0), true],
    [fix(50, 10, 0), false],
    [fix(-33, 151, 12 * 60 * MINUTE), false],
    [fix(-33, 151, 10 * 60 * MINUTE), true],
  ];
  for (const [there, isImpossible] of cases) {
    expect([impossibleBetween(here, there, BOUNDS) !== null, impossibleBetween(there, here, BOUNDS) !== null]).toEqual([
      isImpossible,
      isImpossible,
    ]);
  }
  expect(impossibleBetween(here, fix(51, 10, MINUTE), BOUNDS)).toMatchObject({ from: here, to: fix(51, 10, MINUTE), seconds: 60 });
});

test("for all positions, the quick look says possible only when the long one does", () => {
  const place = fc.record({
    time: fc.integer({ min: 0, max: 100_000 }),
    lat: fc.integer({ min: -900_000_000, max: 900_000_000 }),
    lon: fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }),
  });
  const near = fc.tuple(place, fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.integer({ min: -3_000_000, max: 3_000_000 }));
  fc.assert(
    fc.property(near, ([one, dLat, dLon]) => {
      const other = { time: one.time, lat: Math.max(-900_000_000, Math.min(900_000_000, one.lat + dLat)), lon: one.lon + dLon };
      const km = kilometresBetween(one.lat, one.lon, other.lat, other.lon);
      return (impossibleBetween(one, other, BOUNDS) !== null) === (km >= 20);
    }),
  );
});
