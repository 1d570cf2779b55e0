/** What a runtime does when it is asked about memory: as much as it can, and no harm. */
import { describe, expect, test } from "bun:test";
import { here } from "../support/here.ts";

describe("memory", () => {
  test("what is given to the system is zero or as it was, and its neighbours are untouched", () => {
    const memory = new SharedArrayBuffer(1 << 20);
    const bytes = new Uint8Array(memory).fill(7);
    here.discard(memory, 100_000, 900_000);
    expect(bytes.subarray(0, 100_000).every((byte) => byte === 7)).toBe(true);
    expect(bytes.subarray(900_000).every((byte) => byte === 7)).toBe(true);
    expect(new Set(bytes.subarray(110_000, 890_000)).size).toBe(1);
    bytes.fill(9);
    expect(bytes.every((byte) => byte === 9)).toBe(true);
    here.discard(memory, 5, 6);
    expect(bytes.every((byte) => byte === 9)).toBe(true);
  });

  test("collections do nothing but collect", () => {
    const kept = { text: "kept" };
    here.collectYoung();
    here.collect();
    expect(kept.text).toBe("kept");
  });
});
