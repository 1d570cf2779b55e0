/** The broadcast ring: rows in order, laps found out, never a torn row. */
import { expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import { prng } from "../../../src/base/prng.ts";
import { BroadcastConsumer, BroadcastProducer, createBroadcast } from "../../../src/ring/broadcast.ts";

const body = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

test("every consumer reads every row, from where it began", () => {
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  const first = new BroadcastConsumer(memory);
  producer.append(asSeq(1), body(10, 1));
  expect(first.read()).toBe("empty");
  producer.publish();
  const second = new BroadcastConsumer(memory);
  producer.append(asSeq(5), body(0, 0));
  producer.publish();
  expect(first.read()).toBe("row");
  expect([first.seq, first.body]).toEqual([asSeq(1), body(10, 1)]);
  expect(first.read()).toBe("row");
  expect(second.read()).toBe("row");
  expect(second.seq).toBe(asSeq(5));
  expect([first.read(), second.read(), second.hasNext()]).toEqual(["empty", "empty", false]);
});

test("a lapped consumer says so and goes on with the newest", () => {
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  const consumer = new BroadcastConsumer(memory);
  for (let seq = 1; seq <= 20; seq++) producer.append(asSeq(seq), body(300, seq));
  producer.publish();
  expect(consumer.read()).toBe("lapped");
  expect(consumer.read()).toBe("empty");
  producer.append(asSeq(21), body(300, 21));
  producer.publish();
  expect(consumer.read()).toBe("row");
  expect(consumer.seq).toBe(asSeq(21));
});

test("a consumer is lapped also by rows that are not published yet", () => {
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  const consumer = new BroadcastConsumer(memory);
  producer.append(asSeq(1), body(100, 1));
  producer.publish();
  for (let seq = 2; seq <= 4; seq++) producer.append(asSeq(seq), body(1500, seq));
  expect(consumer.read()).toBe("lapped");
});

test("a body larger than half the ring is left out", () => {
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  const consumer = new BroadcastConsumer(memory);
  expect(producer.append(asSeq(1), body(2040, 1))).toBe(false);
  expect(producer.append(asSeq(2), body(2032, 2))).toBe(true);
  producer.publish();
  expect(consumer.read()).toBe("row");
  expect(consumer.seq).toBe(asSeq(2));
});

test("rows of any size survive the end of the memory", () => {
  const random = prng(7);
  const memory = createBroadcast(4096);
  const producer = new BroadcastProducer(memory, []);
  const consumer = new BroadcastConsumer(memory);
  for (let seq = 1; seq <= 5000; seq++) {
    const length = random.below(900);
    producer.append(asSeq(seq), body(length, seq & 0xff));
    producer.publish();
    expect(consumer.read()).toBe("row");
    expect(consumer.seq).toBe(asSeq(seq));
    expect(consumer.body).toEqual(body(length, seq & 0xff));
  }
});

test("rows that are given back are lapped for whoever has not read them, also while new ones come", () => {
  const memory = createBroadcast(1 << 18);
  const producer = new BroadcastProducer(memory, []);
  const [late, quick] = [new BroadcastConsumer(memory), new BroadcastConsumer(memory)];
  const wipe = (from: SharedArrayBuffer, begin: number, end: number): void => void new Uint8Array(from, begin, end - begin).fill(0xee);
  for (let seq = 1; seq <= 9; seq++) producer.append(asSeq(seq), body(10_000, seq));
  producer.publish();
  for (let seq = 1; seq <= 9; seq++) expect([quick.read(), quick.seq]).toEqual(["row", asSeq(seq)]);
  producer.giveBack(wipe);
  expect([quick.read(), quick.hasNext()]).toEqual(["empty", false]);
  producer.append(asSeq(10), body(10, 10));
  producer.publish();
  expect(late.read()).toBe("lapped");
  expect(late.read()).toBe("empty");
  expect([quick.read(), quick.seq, quick.body]).toEqual(["row", asSeq(10), body(10, 10)]);
  // Around the end of the ring as ever.
  for (let seq = 11; seq <= 200; seq++) {
    producer.append(asSeq(seq), body(5000, seq & 0xff));
    producer.publish();
    expect([quick.read(), quick.seq, quick.body.every((byte) => byte === (seq & 0xff))]).toEqual(["row", asSeq(seq), true]);
  }
  expect(late.read()).toBe("lapped");
});
