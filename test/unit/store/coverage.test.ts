/** Coverage: intervals that grow, join and never forget a time. */
import { expect, test } from "bun:test";
import { prng } from "../../../src/base/prng.ts";
import { Coverage } from "../../../src/store/coverage.ts";

const GAP = 10;

function covering(...pairs: [number, number][]): Coverage {
  const coverage = new Coverage();
  for (const [from, to] of pairs) coverage.add(from, to, GAP, 32);
  return coverage;
}

test("intervals nearer than the gap join at once", () => {
  expect(covering([0, 5], [15, 20]).pairs()).toEqual([[0, 20]]);
  expect(covering([15, 20], [0, 5]).pairs()).toEqual([[0, 20]]);
  expect(covering([0, 5], [16, 20]).pairs()).toEqual([[0, 5], [16, 20]]);
  expect(covering([0, 5], [40, 50], [80, 90], [3, 85]).pairs()).toEqual([[0, 90]]);
});

test("beyond the most intervals the two nearest join, and say so", () => {
  const coverage = new Coverage();
  expect([0, 100, 150, 300].map((at) => coverage.add(at, at, GAP, 3))).toEqual([0, 0, 0, 1]);
  expect(coverage.pairs()).toEqual([[0, 0], [100, 150], [300, 300]]);
});

test("a copy is its own", () => {
  const one = covering([0, 5], [100, 105]);
  const two = new Coverage();
  two.copyFrom(one);
  two.add(200, 200, GAP, 32);
  expect(one.pairs()).toEqual([[0, 5], [100, 105]]);
  expect(two.pairs()).toEqual([[0, 5], [100, 105], [200, 200]]);
});

test("what was added is covered, whatever the order, copies and encodings", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = prng(seed);
    const most = 1 + random.below(6);
    let coverage = new Coverage();
    const added: [number, number][] = [];
    for (let i = 0; i < 200; i++) {
      const from = random.below(10_000);
      const to = from + (random.chance(0.1) ? random.below(2000) : random.below(GAP));
      coverage.add(from, to, GAP, most);
      added.push([from, to]);
      const next = new Coverage();
      if (random.chance(0.3)) {
        if (random.chance(0.5)) next.copyFrom(coverage);
        else next.decode(coverage.encode());
        coverage = next;
      }
      const pairs = coverage.pairs();
      expect(pairs.length).toBeLessThanOrEqual(most);
      for (let k = 1; k < pairs.length; k++) expect(pairs[k]![0]).toBeGreaterThan(pairs[k - 1]![1] + GAP);
      for (const [a, b] of added) expect(coverage.overlaps(a, b)).toBe(true);
      for (const [a, b] of added) expect(pairs.some(([x, y]) => x <= a && b <= y)).toBe(true);
      const at = random.below(12_000);
      expect(coverage.overlaps(at, at)).toBe(pairs.some(([x, y]) => x <= at && at <= y));
    }
  }
});
