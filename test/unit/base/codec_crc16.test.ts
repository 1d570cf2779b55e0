/** CRC-16/ARC against its published check value and against the definition, bit by bit. */
import { describe, expect, test } from "bun:test";
import { crc16 } from "../../../src/base/crc16.ts";
import { prng } from "../../../src/base/prng.ts";

function bitByBit(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let at = start; at < end; at++) {
    crc ^= bytes[at]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xa001;
  }
  return crc;
}

describe("crc16", () => {
  const random = prng(16);
  const bytes = Uint8Array.from({ length: 400 }, () => random.below(256));

  test("of 123456789 is BB3D", () => {
    expect(crc16(new TextEncoder().encode("123456789"), 0, 9)).toBe(0xbb3d);
  });

  test("of nothing is 0", () => {
    expect(crc16(bytes, 7, 7)).toBe(0);
  });

  test("is the definition's at every length and start", () => {
    for (let start = 0; start < 20; start++) {
      for (let end = start; end <= 120; end++) expect(crc16(bytes, start, end)).toBe(bitByBit(bytes, start, end));
    }
    expect(crc16(bytes, 0, 400)).toBe(bitByBit(bytes, 0, 400));
  });

  test("goes on from what the bytes before gave", () => {
    for (let cut = 0; cut <= 100; cut++) expect(crc16(bytes, cut, 100, crc16(bytes, 0, cut))).toBe(crc16(bytes, 0, 100));
  });

  test("reads shared memory", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(400));
    shared.set(bytes);
    expect(crc16(shared, 3, 399)).toBe(bitByBit(bytes, 3, 399));
  });
});
