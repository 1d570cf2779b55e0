/** The two ends of a ring, in one thread: positions, skips, fullness, reserves. */
import { describe, expect, test } from "bun:test";
import { prng } from "../../../src/base/prng.ts";
import { createRing, DATA_BYTE, distance, messageBytes } from "../../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../../src/ring/wait.ts";

const bell = (): Bell => new Bell(new SharedArrayBuffer(BELL_BYTES), 0);

function pair(capacity = 4096, start = 0): { out: RingProducer; into: RingConsumer } {
  const memory = createRing(capacity, start);
  return { out: new RingProducer(memory, bell()), into: new RingConsumer(memory) };
}

function put(out: RingProducer, length: number, fill: number, keepFree = 0): boolean {
  const at = out.reserve(length, fill & 0xff, keepFree);
  if (at < 0) return false;
  out.bytes.fill(fill & 0xff, at, at + length);
  out.commit();
  return true;
}

function check(into: RingConsumer, length: number, fill: number): void {
  expect(into.next()).toBe(true);
  expect([into.kind, into.length]).toEqual([fill & 0xff, length]);
  expect(into.bytes.subarray(into.offset, into.offset + length).every((byte) => byte === (fill & 0xff))).toBe(true);
}

describe("ring", () => {
  test("a message is seen after publish, not before, and its end is the producer's position", () => {
    const { out, into } = pair();
    put(out, 5, 1);
    expect(into.hasNext()).toBe(false);
    expect(into.next()).toBe(false);
    out.publish();
    check(into, 5, 1);
    expect(into.end).toBe(out.position);
    expect(into.next()).toBe(false);
  });

  test("payloads are 8-byte aligned, also of no length at all", () => {
    const { out, into } = pair();
    for (const length of [0, 1, 7, 8, 9]) {
      const at = out.reserve(length, 1);
      expect(at % 8).toBe(0);
      out.commit();
    }
    out.publish();
    for (const length of [0, 1, 7, 8, 9]) {
      expect(into.next()).toBe(true);
      expect(into.length).toBe(length);
    }
  });

  test("a full ring refuses, and takes again what was released and no earlier", () => {
    const { out, into } = pair();
    let count = 0;
    while (put(out, 56, count)) count++;
    expect(count).toBe(64);
    expect(out.free()).toBe(0);
    out.publish();
    check(into, 56, 0);
    expect(put(out, 56, 1)).toBe(false);
    into.release();
    expect(put(out, 56, 1)).toBe(true);
    expect(put(out, 56, 1)).toBe(false);
  });

  test("a failed reserve leaves the ring as it was", () => {
    const { out } = pair();
    put(out, 1000, 1);
    const { position } = out;
    expect(out.reserve(1000, 1, 4096)).toBe(-1);
    expect(out.position).toBe(position);
    expect(put(out, 1000, 2)).toBe(true);
  });

  test("keepFree keeps that many bytes for those who do not ask", () => {
    const { out } = pair();
    let count = 0;
    while (put(out, 56, count, 640)) count++;
    expect(out.free()).toBe(640);
    for (let i = 0; i < 10; i++) expect(put(out, 56, i)).toBe(true);
    expect(put(out, 56, 0)).toBe(false);
  });

  test("a message that does not fit before the end starts at the front", () => {
    const { out, into } = pair();
    for (let i = 0; i < 4; i++) put(out, 900, i);
    out.publish();
    for (let i = 0; i < 4; i++) check(into, 900, i);
    into.release();
    const before = out.position;
    const at = out.reserve(900, 4);
    expect(at).toBe(8);
    out.bytes.fill(4, at, at + 900);
    out.commit();
    out.publish();
    expect(distance(out.position, before)).toBe(messageBytes(900) + 4096 - (before & 4095));
    check(into, 900, 4);
    into.release();
    expect(out.free()).toBe(4096);
  });

  test("a message longer than a quarter of the ring is a broken invariant", () => {
    const { out } = pair();
    expect(out.maxPayload).toBe(1016);
    expect(() => out.reserve(1017, 1)).toThrow("ring message of 1017 bytes exceeds 1016");
  });

  test("a consumer stops at the snapshot it was given", () => {
    const { out, into } = pair();
    put(out, 8, 1);
    out.publish();
    const upTo = into.snapshot();
    put(out, 8, 2);
    out.publish();
    expect(into.next(upTo)).toBe(true);
    expect(into.next(upTo)).toBe(false);
    expect(into.next()).toBe(true);
  });

  test("a consumer that starts late begins where the last release was", () => {
    const memory = createRing(4096, 0xffff_fff8);
    const out = new RingProducer(memory, bell());
    put(out, 8, 1);
    put(out, 8, 2);
    out.publish();
    const first = new RingConsumer(memory);
    check(first, 8, 1);
    first.release();
    check(new RingConsumer(memory), 8, 2);
  });
});

/** Random traffic from `start`, checked message by message; how often the position passed 2^32 and how often it skipped. */
function traffic(seed: number, start: number): { wraps: number; skips: number; full: number; given: number } {
  const random = prng(seed);
  const { out, into } = pair(4096, start);
  const sent: { length: number; fill: number; end: number }[] = [];
  const seen = { wraps: 0, skips: 0, full: 0, given: 0 };
  for (let i = 0; i < 2000; i++) {
    if (random.chance(0.6)) {
      const length = random.below(out.maxPayload + 1);
      const before = out.position;
      if (!put(out, length, i)) seen.full++;
      else {
        sent.push({ length, fill: i, end: out.position });
        if (out.position < before) seen.wraps++;
        if (distance(out.position, before) !== messageBytes(length)) seen.skips++;
      }
      if (random.chance(0.5)) out.publish();
    } else {
      out.publish();
      for (let taken = random.below(4); taken > 0 && sent.length > 0; taken--) {
        const next = sent.shift()!;
        check(into, next.length, next.fill);
        expect(into.end).toBe(next.end);
      }
      if (random.chance(0.7)) into.release();
      out.giveBack((memory, from, to) => {
        new Uint8Array(memory, from, to - from).fill(0xee);
        seen.given++;
      });
    }
  }
  return seen;
}

describe("ring positions", () => {
  test("pass 2^32 without a message lost or changed", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const seen = traffic(seed, 0xffff_ffff - random(seed));
      expect(seen.wraps).toBe(1);
      expect(seen.skips).toBeGreaterThan(10);
      expect(seen.full).toBeGreaterThan(10);
      expect(seen.given).toBeGreaterThan(5);
    }
  });

  test("what is revealed is seen, and its consumer sleeps on until it is woken", () => {
    const bells = new SharedArrayBuffer(BELL_BYTES);
    const poked: number[] = [];
    const sleeper = new Bell(bells, 0);
    sleeper.hangDoorbell(7);
    const memory = createRing(4096);
    const out = new RingProducer(memory, new Bell(bells, 0, (doorbell) => void poked.push(doorbell)));
    const into = new RingConsumer(memory);
    expect(out.reveal()).toBe(false);
    sleeper.waitBy(0, () => false, () => {
      put(out, 5, 1);
      expect([out.reveal(), into.hasNext(), poked]).toEqual([true, true, []]);
      out.wake();
      out.wake();
      return true;
    });
    expect(poked).toEqual([7]);
    // Awake it is left alone.
    put(out, 5, 2);
    out.publish();
    expect(poked).toEqual([7]);
  });

  test("a doorbell nobody can poke is a broken invariant", () => {
    const bells = new SharedArrayBuffer(BELL_BYTES);
    const sleeper = new Bell(bells, 0);
    sleeper.hangDoorbell(7);
    expect(() => sleeper.waitBy(0, () => false, () => (new Bell(bells, 0).ring(), true))).toThrow("poke doorbell 7");
  });

  test("what a ring holds nothing in is given back, once it is worth it: around its end too, and only what was written since", () => {
    const { out, into } = pair(1 << 18);
    const given: [number, number][] = [];
    const giveBack = (): number => {
      given.length = 0;
      out.giveBack((_, from, to) => void given.push([from - DATA_BYTE, to - DATA_BYTE]));
      return given.length;
    };
    put(out, 40_000, 1);
    expect(giveBack()).toBe(0);
    put(out, 40_000, 2);
    out.publish();
    expect(giveBack()).toBe(1);
    expect(given).toEqual([[80_016, 1 << 18]]);
    expect(giveBack()).toBe(0);
    check(into, 40_000, 1);
    into.release();
    put(out, 60_000, 3);
    put(out, 60_000, 4);
    expect(giveBack()).toBe(2);
    expect(given).toEqual([[200_032, 1 << 18], [0, 40_008]]);
  });

  test("distance is signed and modulo 2^32", () => {
    expect(distance(8, 0xffff_fff8)).toBe(16);
    expect(distance(0xffff_fff8, 8)).toBe(-16);
    expect(distance(5, 5)).toBe(0);
  });

  test("a capacity that is no power of two, or out of range, is a broken invariant", () => {
    expect(() => createRing(5000)).toThrow("not a power of two");
    expect(() => createRing(2048)).toThrow("outside 4 KiB");
  });
});

const random = (seed: number): number => prng(seed).below(60_000);
