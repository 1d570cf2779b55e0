/** Rings and bells between real threads: nothing lost, nothing changed, nobody sleeps through a message. */
import { expect, test } from "bun:test";
import { createRing } from "../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import { byteOf, lengthOf, type RingJob, SLEEP_MS } from "../support/ring_peer.ts";

function thread(job: RingJob): { result: Promise<number>; end: () => void } {
  const worker = new Worker(new URL("../support/ring_worker.ts", import.meta.url).href);
  const result = new Promise<number>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<number>): void => resolve(data);
    worker.onerror = (event): void => reject(new Error(event.message));
  });
  worker.postMessage(job);
  return { result, end: () => worker.terminate() };
}

test("200,000 messages cross two threads over a small ring whose position passes 2^32", async () => {
  const memory = createRing(8192, 0xffff_ffff - 1_000_000);
  const bells = new SharedArrayBuffer(2 * BELL_BYTES);
  const consumer = thread({ memory, bells, messages: 200_000, role: "consume" });
  const producer = thread({ memory, bells, messages: 200_000, role: "produce" });
  try {
    expect(await producer.result).toBeGreaterThan(0);
    expect(await consumer.result).toBe(-1);
  } finally {
    consumer.end();
    producer.end();
  }
});

test("an event-loop thread that listens on its bell sees every message", async () => {
  const memory = createRing(8192, 0xffff_ffff - 100_000);
  const bells = new SharedArrayBuffer(2 * BELL_BYTES);
  const into = new RingConsumer(memory);
  const room = new Bell(bells, 1);
  const messages = 20_000;
  let seen = 0;
  let wrong = -1;
  const drain = (): void => {
    while (into.next()) {
      if ((into.length !== lengthOf(seen) || (into.length > 0 && into.bytes[into.offset] !== byteOf(seen))) && wrong < 0) wrong = seen;
      seen++;
    }
    into.release();
    room.ring();
  };
  const producer = thread({ memory, bells, messages, role: "produce" });
  const alive = setInterval(() => {}, 50);
  try {
    await new Bell(bells, 0).listen(() => into.hasNext(), drain, () => seen === messages);
    expect([seen, wrong]).toEqual([messages, -1]);
  } finally {
    clearInterval(alive);
    producer.end();
  }
});

test("a sleeping thread is woken at once, not at its timeout", async () => {
  const memory = createRing(4096);
  const bells = new SharedArrayBuffer(2 * BELL_BYTES);
  const consumer = thread({ memory, bells, messages: 8, role: "consume" });
  const started = performance.now();
  try {
    const out = new RingProducer(memory, new Bell(bells, 0));
    for (let i = 0; i < 8; i++) {
      const at = out.reserve(lengthOf(i), i);
      out.bytes.fill(byteOf(i), at, at + lengthOf(i));
      out.commit();
      out.publish();
      await new Promise((next) => setTimeout(next, 3));
    }
    expect(await consumer.result).toBe(-1);
    expect(performance.now() - started).toBeLessThan(SLEEP_MS / 2);
  } finally {
    consumer.end();
  }
});
