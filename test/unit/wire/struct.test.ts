/** Layouts declared once: what is written is what is read. */
import { describe, expect, test } from "bun:test";
import { struct } from "../../../src/wire/struct.ts";

const LAYOUT = struct({ a: "u8", b: "u16", c: "u32", d: "f64", e: "bool", s: "str", t: "str" });
const view = (bytes: number): DataView<ArrayBuffer> => new DataView(new ArrayBuffer(bytes));
const value = { a: 255, b: 65_535, c: 0xffff_ffff, d: -1.5, e: true, s: "abc", t: "" };

describe("struct", () => {
  test("reads what it wrote, at any offset, and says where it ended", () => {
    for (const at of [0, 1, 7]) {
      const memory = view(200);
      const end = LAYOUT.write(memory, at, value);
      expect(LAYOUT.read(memory, at)).toEqual(value);
      expect(end - at).toBe(1 + 2 + 4 + 8 + 1 + 2 + 3 + 2);
    }
  });

  test("size covers what write takes, whatever the characters", () => {
    for (
      const s of [
        "",
        "x".repeat(64),
        "x".repeat(65),
        "ü".repeat(100),
        "€".repeat(341),
        "😀".repeat(200),
        "x".repeat(5000),
        "é".repeat(5000),
      ]
    ) {
      const one = { ...value, s };
      const memory = view(LAYOUT.size(one));
      const end = LAYOUT.write(memory, 0, one);
      expect(end).toBeLessThanOrEqual(LAYOUT.size(one));
      const read = LAYOUT.read(memory, 0);
      if (s.length <= 341) expect(read.s).toBe(s);
      else expect(new TextEncoder().encode(read.s).length).toBeLessThanOrEqual(1030);
      expect(read.t).toBe("");
    }
  });

  test("text keeps its characters on both sides of the short form", () => {
    for (const s of ["ü", "a".repeat(63) + "ü", "a".repeat(64), "a".repeat(65), "a".repeat(300) + "€"]) {
      const memory = view(2000);
      LAYOUT.write(memory, 0, { ...value, s });
      expect(LAYOUT.read(memory, 0).s).toBe(s);
    }
  });

  test("a missing field is a broken invariant", () => {
    const { b: _, ...rest } = value;
    expect(() => LAYOUT.write(view(100), 0, rest as typeof value)).toThrow("struct field b is missing");
  });
});
