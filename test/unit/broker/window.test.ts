/** The window: bounded in events and age, found by seq. */
import { expect, test } from "bun:test";
import { asMonoMs, asSeq } from "../../../src/base/brand.ts";
import { Window } from "../../../src/broker/window.ts";
import { TestBatch } from "../../support/broker_world.ts";

const batch = (first: number, count: number): TestBatch =>
  new TestBatch(Array.from({ length: count }, (_, i) => ({ seq: first + i, device: "a", kind: "record" })));
const at = asMonoMs;

test("a window keeps the newest events, and the newest batch whole", () => {
  const window = new Window(asSeq(1), 10, 100_000, 1000);
  for (let first = 1; first <= 21; first += 4) window.push(batch(first, 4), at(0));
  expect([window.first, window.next]).toEqual([asSeq(17), asSeq(25)]);
  window.push(batch(25, 50), at(0));
  expect([window.first, window.next]).toEqual([asSeq(25), asSeq(75)]);
  const single = new Window(asSeq(1), 10, 100_000, 1000);
  for (let seq = 1; seq <= 30; seq++) single.push(batch(seq, 1), at(0));
  expect(single.next - single.first).toBe(10);
});

test("a window keeps no more bytes than it may, but the newest batch whole", () => {
  // Each batch says that it has 100 bytes.
  const window = new Window(asSeq(1), 1000, 250, 1000);
  for (let first = 1; first <= 21; first += 4) window.push(batch(first, 4), at(0));
  expect([window.first, window.next]).toEqual([asSeq(17), asSeq(25)]);
  window.restart(asSeq(25));
  for (let first = 25; first <= 33; first += 4) window.push(batch(first, 4), at(0));
  expect(window.first).toBe(asSeq(29));
  window.age(at(1001));
  for (let first = 37; first <= 41; first += 4) window.push(batch(first, 4), at(1001));
  expect(window.first).toBe(asSeq(37));
  const small = new Window(asSeq(1), 1000, 50, 1000);
  small.push(batch(1, 4), at(0));
  expect(small.first).toBe(asSeq(1));
});

test("a window lets go of what is older than its age, also of the last batch", () => {
  const window = new Window(asSeq(1), 100, 100_000, 1000);
  window.push(batch(1, 4), at(0));
  window.push(batch(5, 4), at(600));
  window.age(at(1000));
  expect(window.first).toBe(asSeq(1));
  window.age(at(1001));
  expect(window.first).toBe(asSeq(5));
  window.age(at(1601));
  expect([window.first, window.next]).toEqual([asSeq(9), asSeq(9)]);
});

test("a window finds the batch of every seq it holds and of no other", () => {
  const window = new Window(asSeq(1), 1000, 100_000, 1000);
  for (let first = 1, size = 1; size < 8; first += size, size++) window.push(batch(first, size), at(0));
  for (let seq = 0; seq <= 30; seq++) {
    const found = window.find(seq);
    expect(found === null ? null : found.first <= seq && seq < found.next).toBe(seq >= 1 && seq <= 28 ? true : null);
  }
});

test("a window that lost its place starts empty at the new one", () => {
  const window = new Window(asSeq(1), 100, 100_000, 1000);
  window.push(batch(1, 4), at(0));
  window.restart(asSeq(50));
  expect([window.find(2), window.first, window.next]).toEqual([null, asSeq(50), asSeq(50)]);
  expect(() => window.push(batch(5, 1), at(0))).toThrow("expected 50");
});
