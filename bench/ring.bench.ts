/** Messages through a ring, both ends on one thread: what the code costs, without what two processors say to each other. */
import { createRing } from "../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../src/ring/wait.ts";
import type { Case, Suite } from "./suite.ts";

const MESSAGE = 200;
const RING_BYTES = 1 << 20;

function passing(messages: number): Case {
  const memory = createRing(RING_BYTES);
  const producer = new RingProducer(memory, new Bell(new SharedArrayBuffer(BELL_BYTES), 0));
  const consumer = new RingConsumer(memory);
  const payload = new Uint8Array(MESSAGE).fill(7);
  const run = (): number => {
    for (let i = 0; i < messages; i++) {
      const at = producer.reserve(MESSAGE, 1);
      producer.bytes.set(payload, at);
      producer.commit();
    }
    producer.publish();
    let sum = 0;
    while (consumer.next()) sum += consumer.bytes[consumer.offset]! + consumer.length;
    consumer.release();
    return sum;
  };
  if (run() !== messages * (7 + MESSAGE)) throw new Error("Cannot pass messages through the ring");
  const name = messages === 1 ? "publish and consume 1" : `publish and consume ${messages} together`;
  return { name: `${name}, ${MESSAGE} bytes`, unit: "message", units: messages, bytes: messages * MESSAGE, run };
}

export const ringSuite = (): Suite => ({ name: "ring", cases: [passing(1), passing(64)] });
