/** The other thread of the ring tests: produces numbered messages, or takes them and answers with what it saw. */
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";

export interface RingJob {
  readonly memory: SharedArrayBuffer;
  readonly bells: SharedArrayBuffer;
  readonly messages: number;
  readonly role: "produce" | "consume";
}

/** So long that a lost wake is seen by the clock. */
export const SLEEP_MS = 20_000;

/** Length and content of message `i`: every byte follows from its number. */
export const lengthOf = (i: number): number => (i * 2654435761 >>> 7) % 900;
export const byteOf = (i: number): number => (i * 31 + 7) & 0xff;

/** Puts all messages, waiting on bell 1 (which the consumer rings after a release) while the ring is full. */
export function produce({ memory, bells, messages }: RingJob): number {
  const room = new Bell(bells, 1);
  const out = new RingProducer(memory, new Bell(bells, 0));
  let full = 0;
  for (let i = 0; i < messages;) {
    const at = out.reserve(lengthOf(i), i & 0xffff);
    if (at < 0) {
      full++;
      out.publish();
      room.wait(SLEEP_MS, () => out.free() >= 2048);
      continue;
    }
    out.bytes.fill(byteOf(i), at, at + lengthOf(i));
    out.commit();
    if ((i & 7) === 7) out.publish();
    i++;
  }
  out.publish();
  return full;
}

/** Takes all messages, sleeping on bell 0; the number of the first wrong one, or -1. */
export function consume({ memory, bells, messages }: RingJob): number {
  const bell = new Bell(bells, 0);
  const room = new Bell(bells, 1);
  const into = new RingConsumer(memory);
  let wrong = -1;
  for (let i = 0; i < messages;) {
    if (!into.next()) {
      into.release();
      room.ring();
      bell.wait(SLEEP_MS, () => into.hasNext());
      continue;
    }
    const { offset, length } = into;
    const good = length === lengthOf(i) && into.kind === (i & 0xffff) &&
      (length === 0 || (into.bytes[offset] === byteOf(i) && into.bytes[offset + length - 1] === byteOf(i)));
    if (!good && wrong < 0) wrong = i;
    i++;
    if ((i & 3) === 0) into.release();
  }
  into.release();
  return wrong;
}
