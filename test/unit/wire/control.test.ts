/** Every control message survives its ring, and fits what is reserved for it. */
import { describe, expect, test } from "bun:test";
import { createRing, distance, messageBytes } from "../../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../../src/ring/wait.ts";
import { type Message, MESSAGES, type MessageType, receive, send } from "../../../src/wire/control.ts";

const TYPES = Object.keys(MESSAGES) as MessageType[];
const WIDEST = "x".repeat(64);

/** A message of a type with a value in every field: the layouts are read back from a message of zeros. */
function example(type: MessageType, text: string): Message {
  const zeros = (MESSAGES[type].read as (view: DataView, at: number) => object)(new DataView(new ArrayBuffer(512)), 0);
  const filled = Object.entries(zeros).map((
    [name, zero],
    i,
  ) => [name, typeof zero === "string" ? text : typeof zero === "boolean" ? true : 10 + i]);
  return { type, ...Object.fromEntries(filled) } as Message;
}

function ends(): { out: RingProducer; into: RingConsumer } {
  const memory = createRing(8192);
  return { out: new RingProducer(memory, new Bell(new SharedArrayBuffer(BELL_BYTES), 0)), into: new RingConsumer(memory) };
}

describe("control message", () => {
  for (const type of TYPES) {
    test(`${type} arrives as it was sent`, () => {
      const { out, into } = ends();
      for (const text of ["", "356307042441013", WIDEST]) {
        const message = example(type, text);
        expect(send(out, message)).toBe(true);
        out.publish();
        expect(into.next()).toBe(true);
        expect(receive(into)).toEqual(message);
      }
      expect(into.next()).toBe(false);
    });
  }

  test("takes no more room than is kept for its characters", () => {
    for (const type of TYPES) {
      const { out } = ends();
      const texts = Object.values(example(type, "x")).filter((value) => value === "x").length;
      const before = out.position;
      send(out, example(type, WIDEST));
      expect(distance(out.position, before)).toBeLessThanOrEqual(messageBytes(MESSAGES[type].sizeWith(texts * WIDEST.length)));
    }
  });

  test("a full ring takes none and keeps what it has", () => {
    const { out, into } = ends();
    const message = example("evict", "");
    let count = 0;
    while (send(out, message)) count++;
    out.publish();
    for (let i = 0; i < count; i++) {
      expect(into.next()).toBe(true);
      expect(receive(into)).toEqual(message);
    }
    expect(into.next()).toBe(false);
  });

  test("an unknown kind is a broken invariant", () => {
    const { out, into } = ends();
    out.reserve(8, 200);
    out.commit();
    out.publish();
    into.next();
    expect(() => receive(into)).toThrow("unknown control message kind 200");
  });
});
