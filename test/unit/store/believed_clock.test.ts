/** What the wall clock says, as far as deleting may rely on it. */
import { expect, test } from "bun:test";
import { BelievedClock, DOUBT_MS } from "../../../src/store/believed_clock.ts";

const T = 1_700_000_000_000;
const DAY = 86_400_000;

test("a clock that goes on as it should is believed, slewed or not", () => {
  const clock = new BelievedClock();
  let wall = T;
  for (let mono = 0; mono < 10 * DOUBT_MS; mono += 1000, wall += 1001) expect(clock.now(wall, mono)).toBe(wall);
});

test("a clock that was set ahead is believed when it has stayed so for an hour, and goes on meanwhile as if it had not been", () => {
  const clock = new BelievedClock();
  expect(clock.now(T, 0)).toBe(T);
  for (let mono = 1000; mono < 1000 + DOUBT_MS; mono += 1000) expect(clock.now(T + mono + DAY, mono)).toBe(T + mono);
  expect(clock.now(T + 1000 + DOUBT_MS + DAY, 1000 + DOUBT_MS)).toBe(T + 1000 + DOUBT_MS + DAY);
});

test("a clock that was wrong for less than an hour is never believed, however often", () => {
  const clock = new BelievedClock();
  clock.now(T, 0);
  for (let mono = 0; mono < 20 * DOUBT_MS; mono += DOUBT_MS / 4) {
    const isWrong = (mono / (DOUBT_MS / 4)) % 4 !== 0;
    expect(clock.now(T + mono + (isWrong ? DAY : 0), mono)).toBe(T + mono);
  }
});

test("a clock that was set back is believed at once, and doubted again when it comes forward", () => {
  const clock = new BelievedClock();
  clock.now(T, 0);
  expect(clock.now(T - DAY, 1000)).toBe(T - DAY);
  expect(clock.now(T + 1000, 2000)).toBe(T - DAY + 1000);
});
