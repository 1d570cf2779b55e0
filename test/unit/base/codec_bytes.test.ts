/** Integers at their edges and hex in both directions. */
import { describe, expect, test } from "bun:test";
import { fromHex, i16, i32, putU16, putU32, putU64, toHex, u16, u32, u64Clamped } from "../../../src/base/bytes.ts";

const of = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;

describe("bytes", () => {
  test("integers are big-endian, signed and unsigned", () => {
    expect(u16(of("00fffe"), 1)).toBe(0xfffe);
    expect(i16(of("fffe"), 0)).toBe(-2);
    expect(u32(of("fffffffe"), 0)).toBe(0xfffffffe);
    expect(i32(of("fffffffe"), 0)).toBe(-2);
    expect(i32(of("7fffffff"), 0)).toBe(2147483647);
  });

  test("unsigned 64 bits are exact up to 2^53 - 1 and clamped beyond", () => {
    expect(u64Clamped(of("0000016b40d8ea30"), 0)).toBe(1560161086000);
    expect(u64Clamped(of("001fffffffffffff"), 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(u64Clamped(of("0020000000000000"), 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(u64Clamped(of("ffffffffffffffff"), 0)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("what is put is read again", () => {
    const bytes = new Uint8Array(8);
    putU64(bytes, 0, Number.MAX_SAFE_INTEGER);
    expect(toHex(bytes)).toBe("001fffffffffffff");
    putU32(bytes, 4, 0xdeadbeef);
    putU16(bytes, 0, 0xcafe);
    expect(toHex(bytes)).toBe("cafeffffdeadbeef");
    putU32(bytes, 0, -1);
    expect(toHex(bytes, 0, 4)).toBe("ffffffff");
  });

  test("hex is read in either case, and a wrong character is named", () => {
    expect(toHex(of("00FFaB"))).toBe("00ffab");
    expect(fromHex("")).toEqual(new Uint8Array(0));
    expect(fromHex("00g0")).toBe(2);
    expect(fromHex("0 00")).toBe(1);
    expect(fromHex("000")).toBe(3);
    expect(fromHex("é")).toBe(0);
  });
});
