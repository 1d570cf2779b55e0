/** Frames of a run row by time, against a look at each. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RunWriter } from "../../../src/store/run_refs.ts";
import { RunTimes } from "../../../src/store/run_times.ts";

/** Frames that rise, fall or jump, and events between them: [first time, span], or null for an event. */
const entries = fc.array(
  fc.option(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }))), { nil: null }),
  {
    maxLength: 60,
  },
);

test("a search finds what a look at each reference finds", () => {
  fc.assert(
    fc.property(
      entries,
      fc.integer({ min: -5, max: 320 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(0, 1, -1),
      (made, lo, width, order) => {
        const frames = made.filter((entry) => entry !== null).sort((a, b) => order * (a[0] - b[0]));
        const hi = lo + width;
        const writer = new RunWriter();
        const meets: number[] = [];
        made.forEach((entry, i) => {
          const frame = entry === null ? null : frames.shift()!;
          const [min, max] = frame === null ? [Infinity, -Infinity] : [frame[0], frame[0] + frame[1]];
          writer.add(i + 7, i + 3, i * 10, min, max);
          if (min <= hi && max >= lo) meets.push(i);
        });
        const times = new RunTimes(7, writer.bytes());
        const found: number[] = [];
        times.find(lo, hi, (ref) => found.push(ref));
        expect(found.sort((a, b) => a - b)).toEqual(meets);
        expect(found.map((i) => [times.refs.rowSeq(i), times.refs.offset(i)])).toEqual(meets.map((i) => [i + 3, i * 10]));
      },
    ),
    { numRuns: 500 },
  );
});

test("a search of a full row in order looks at few of its references", () => {
  const writer = new RunWriter();
  for (let i = 0; i < 2048; i++) writer.add(i + 1, 1, i, i * 1000, i * 1000 + 900);
  const times = new RunTimes(1, writer.bytes());
  let looked = 0;
  const max = times.refs.max.bind(times.refs);
  times.refs.max = (i) => {
    looked++;
    return max(i);
  };
  const found: number[] = [];
  times.find(500_000, 501_500, (ref) => found.push(ref));
  expect([found, looked]).toEqual([[501, 500], 2]);
});
