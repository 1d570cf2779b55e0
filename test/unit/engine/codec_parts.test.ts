/** The tables of a codec worker, each on its own: FIFO of frames, timer wheel, connections, outbound bytes, warnings. */
import { describe, expect, test } from "bun:test";
import { asMonoMs } from "../../../src/base/brand.ts";
import { prng } from "../../../src/base/prng.ts";
import { type Connection, ConnectionTable } from "../../../src/engine/codec/connection.ts";
import { FrameFifo } from "../../../src/engine/codec/fifo.ts";
import { Outbound } from "../../../src/engine/codec/outbound.ts";
import { CodecWarnings } from "../../../src/engine/codec/warnings.ts";
import { TimerWheel } from "../../../src/engine/codec/wheel.ts";
import type { Socket } from "../../../src/platform/port.ts";

const SOCKET: Socket = {
  peer: { address: "10.0.0.1", port: 1 },
  write: (bytes) => bytes.length,
  pause: () => {},
  resume: () => {},
  end: () => {},
  reset: () => {},
  fd: -1,
};

describe("frame FIFO", () => {
  test("gives back what it was given, in order, round and round", () => {
    const fifo = new FrameFifo(20);
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      fifo.push(i * 8, i, i & 0xff, 8, i / 2);
      if (fifo.full || i % 3 === 0) {
        expect([fifo.end, fifo.conn, fifo.count, fifo.codec, fifo.readAt]).toEqual([taken * 8, taken, taken & 0xff, 8, taken / 2]);
        fifo.shift();
        taken++;
      }
    }
    expect(fifo.length).toBe(1000 - taken);
  });

  test("beyond its bound, or empty, is a broken invariant", () => {
    const fifo = new FrameFifo(64);
    expect(() => fifo.shift()).toThrow("no frame waits");
    for (let i = 0; i < 64; i++) fifo.push(i, 0, 1, 8, 0);
    expect(() => fifo.push(0, 0, 1, 8, 0)).toThrow("more frames without a verdict");
  });
});

describe("timer wheel", () => {
  test("fires every deadline once, not before it and at most a tick after, whatever is armed, moved or cancelled", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = prng(seed);
      const wheel = new TimerWheel(50, 10, 1000);
      const deadlines = new Map<number, number>();
      let now = 1000;
      let fired = 0;
      for (let i = 0; i < 3000; i++) {
        const slot = random.below(50);
        const roll = random.below(4);
        if (roll === 0) {
          const at = now + random.below(random.chance(0.1) ? 40_000 : 500);
          wheel.arm(slot, at);
          deadlines.set(slot, at);
        } else if (roll === 1 && deadlines.has(slot)) {
          const at = deadlines.get(slot)! + random.below(300);
          wheel.putOff(slot, at);
          deadlines.set(slot, at);
        } else if (roll === 2) {
          wheel.cancel(slot);
          deadlines.delete(slot);
        } else {
          now += random.below(random.chance(0.02) ? 30_000 : 30);
          wheel.advance(now, (due) => {
            expect(deadlines.get(due)).toBeLessThanOrEqual(now);
            deadlines.delete(due);
            fired++;
          });
          for (const at of deadlines.values()) expect(at).toBeGreaterThan(now - 20);
        }
        const { dueAt } = wheel;
        if (deadlines.size === 0) expect(dueAt).toBe(Infinity);
        else expect(dueAt).toBeLessThanOrEqual(Math.max(now, Math.min(...deadlines.values())) + 10);
      }
      expect(fired).toBeGreaterThan(200);
    }
  });

  test("deadlines far away need no look for seconds, and are met all the same by who sleeps until the next one is due", () => {
    const random = prng(7);
    const wheel = new TimerWheel(1000, 20, 5000);
    const deadlines = Array.from({ length: 1000 }, (_, slot) => (slot < 990 ? 1_800_000 : 0) + random.below(60_000) + 5000);
    deadlines.forEach((at, slot) => wheel.arm(slot, at));
    let looks = 0;
    let fired = 0;
    for (let now = wheel.dueAt; now < 600_000; now = wheel.dueAt, looks++) {
      wheel.advance(now, (slot) => {
        expect(now - deadlines[slot]!).toBeWithin(0, 20);
        fired++;
      });
    }
    expect(fired).toBe(10);
    // Every 10 s, and some ten times for each that fires.
    expect(looks).toBeLessThan(160);
  });

  test("a deadline armed while another fires has its own turn", () => {
    const wheel = new TimerWheel(2, 10, 0);
    wheel.arm(0, 50);
    const fired: number[] = [];
    const due = (slot: number): void => {
      fired.push(slot);
      if (slot === 0) wheel.arm(1, 0);
    };
    wheel.advance(70, due);
    wheel.advance(100, due);
    expect(fired).toEqual([0, 1]);
  });
});

describe("connection table", () => {
  test("an id never names a successor in its slot", () => {
    const table = new ConnectionTable(4);
    const seen: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const one = table.add(SOCKET, 0, 0)!;
      expect(table.get(one.id)).toBe(one);
      table.remove(one);
      expect(table.get(one.id)).toBeNull();
      seen.push(one.id);
    }
    expect(new Set(seen).size).toBe(1000);
    for (const id of seen) expect(table.get(id)).toBeNull();
  });

  test("the longest free slot is used first, and a full table gives none", () => {
    const table = new ConnectionTable(3);
    const all = [0, 1, 2].map(() => table.add(SOCKET, 0, 0)) as Connection[];
    expect(table.add(SOCKET, 0, 0)).toBeNull();
    table.remove(all[1]!);
    table.remove(all[0]!);
    expect([table.add(SOCKET, 0, 0)!.slot, table.add(SOCKET, 0, 0)!.slot, table.count]).toEqual([1, 0, 3]);
  });

  test("a connection removed twice is a broken invariant", () => {
    const table = new ConnectionTable(2);
    const one = table.add(SOCKET, 0, 0)!;
    table.remove(one);
    expect(() => table.remove(one)).toThrow("was removed before");
  });
});

describe("outbound", () => {
  test("keeps what a full socket did not take, in order, and writes nothing before it drains", () => {
    const taken: number[] = [];
    let room = 5;
    let calls = 0;
    const socket = {
      write(bytes: Uint8Array): number {
        calls++;
        const now = Math.min(room, bytes.length);
        taken.push(...bytes.subarray(0, now));
        room -= now;
        return now;
      },
    };
    const out = new Outbound();
    out.byte(1);
    for (let i = 2; i < 10; i++) out.u32(i);
    expect(out.flush(socket)).toBe(false);
    out.u32(10);
    expect(out.flush(socket)).toBe(false);
    expect([calls, out.length]).toEqual([1, 32]);
    room = 100;
    out.drained();
    expect(out.flush(socket)).toBe(true);
    expect(taken).toEqual([1, ...[2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((n) => [0, 0, 0, n])]);
  });

  test("of one connection is never mixed with another's, whoever had its buffer before", () => {
    const outs = Array.from({ length: 20 }, () => new Outbound());
    const taken = outs.map((): number[] => []);
    const socketOf = (i: number) => ({ write: (bytes: Uint8Array) => taken[i]!.push(...bytes) && bytes.length });
    const expected = outs.map((): number[] => []);
    for (let turn = 0; turn < 400; turn++) {
      const i = turn * 7 % outs.length;
      for (let k = 0; k <= turn % 30; k++) {
        outs[i]!.u32(turn * 1000 + i);
        expected[i]!.push(turn * 1000 + i);
      }
      // Some keep theirs for a while: others must not get it meanwhile.
      if (turn % 3 !== 0) expect(outs[i]!.flush(socketOf(i))).toBe(true);
    }
    outs.forEach((out, i) => out.flush(socketOf(i)));
    const words = (bytes: number[]) =>
      Array.from({ length: bytes.length / 4 }, (_, k) => new DataView(Uint8Array.from(bytes).buffer).getUint32(4 * k));
    expect(taken.map(words)).toEqual(expected);
  });

  test("of a closed socket is forgotten", () => {
    const out = new Outbound();
    out.u32(1);
    expect(out.flush({ write: () => -1 })).toBe(true);
    expect(out.length).toBe(0);
  });
});

test("warnings of one kind are ten at once and one a second then, and say how many were held back", () => {
  let now = 0;
  const lines: Record<string, unknown>[] = [];
  const warnings = new CodecWarnings({ warn: (fields) => void lines.push(fields as Record<string, unknown>) }, () => asMonoMs(now));
  const connection = new ConnectionTable(1).add(SOCKET, 0, 0)!;
  for (let i = 0; i < 100; i++) warnings.about("crc_mismatch", connection, "no");
  warnings.about("bad_login", connection, "no");
  expect(lines.map((line) => line["code"])).toEqual([...Array.from({ length: 10 }, () => "crc_mismatch"), "bad_login"]);
  now = 1000;
  warnings.about("crc_mismatch", connection, "no");
  warnings.about("crc_mismatch", connection, "no");
  expect(lines).toHaveLength(12);
  expect(lines[11]).toEqual({ code: "crc_mismatch", address: "10.0.0.1", port: 1, heldBack: 90 });
});
