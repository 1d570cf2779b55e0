/** What is known of a connection in shared memory: believed only while its slot is its own. */
import { describe, expect, test } from "bun:test";
import { type ConnId, connOf } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { connectionSlots, createPresence, Presence, PresenceWriter } from "../../../src/wire/presence.ts";

const SLOTS = 4;

function world() {
  const memory = createPresence(2, SLOTS);
  const presence = new Presence(memory, SLOTS);
  const seen = (ring: number, conn: ConnId): [number, number] | null =>
    presence.find(ring, conn) ? [presence.lastByteAt, presence.inFlight] : null;
  return { writers: [0, 1].map((ring) => new PresenceWriter(memory, ring, SLOTS)), presence, seen };
}

describe("presence", () => {
  test("is that of its ring and slot", () => {
    const { writers, seen } = world();
    const [first, second] = [connOf(3, 0), connOf(3, 0)];
    writers[0]!.open(first, 100);
    writers[1]!.open(second, 200);
    writers[0]!.heard(3, 150);
    writers[0]!.inFlight(3, 7);
    expect([seen(0, first), seen(1, second)]).toEqual([[150, 7], [200, 0]]);
  });

  test("of a slot that went to another connection is not the former one's", () => {
    const { writers, presence, seen } = world();
    const [former, present] = [connOf(1, 0xffff), connOf(1, 0)];
    writers[0]!.open(former, 100);
    writers[0]!.inFlight(1, 3);
    writers[0]!.open(present, 300);
    expect([seen(0, former), seen(0, present)]).toEqual([null, [300, 0]]);
    presence.find(0, former);
    expect([presence.lastByteAt, presence.inFlight]).toEqual([0, 0]);
  });

  test("has the kernel's sample until the slot goes to another one", () => {
    const { writers, presence } = world();
    const sampled = (): number[] => [presence.lastAckAt, presence.rttUs, presence.retransmits];
    writers[1]!.open(connOf(2, 0), 100);
    writers[1]!.sample(2, 90, 1500, 2);
    presence.find(1, connOf(2, 0));
    expect(sampled()).toEqual([90, 1500, 2]);
    presence.find(0, connOf(2, 0));
    expect(sampled()).toEqual([0, 0, 0]);
    writers[1]!.open(connOf(2, 1), 300);
    presence.find(1, connOf(2, 1));
    expect([presence.lastByteAt, ...sampled()]).toEqual([300, 0, 0, 0]);
  });

  test("of a connection nobody opened, or of a ring without places, is not there", () => {
    const { seen } = world();
    expect([seen(0, connOf(0, 0)), seen(2, connOf(0, 0)), seen(200, connOf(3, 9))]).toEqual([null, null, null]);
  });

  test("has a place for every slot of a connection table, and ids have 16 bits for it", () => {
    expect(connectionSlots(limitsWith({ connections: 10, loginSockets: 3 }))).toBe(13);
    expect(connectionSlots(limitsWith())).toBe(1 << 16);
  });
});
