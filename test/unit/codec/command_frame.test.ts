/** Commands as they leave, byte for byte as the vendor prints them; and a response as people read it. */
import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { encodeCommand } from "../../../src/codec/encode.ts";
import { responseText } from "../../../src/codec/teltonika/command.ts";

const of = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;

describe("a command", () => {
  for (
    const [codec, text, hex] of [
      [12, "getinfo", "000000000000000f0c010500000007676574696e666f0100004312"],
      [12, "getio", "000000000000000d0c010500000005676574696f01000000cb"],
      [14, "getver", "00000000000000160e01050000000e0352093081452251676574766572010000d2c1"],
    ] as const
  ) {
    test(`of codec ${codec}, ${text}, is the vendor's`, () => expect(toHex(encodeCommand(codec, text, "352093081452251"))).toBe(hex));
  }
});

describe("a response", () => {
  test("is its text, or its bytes in hex", () => {
    expect(responseText(of("6f6b0d0a"))).toBe("ok\r\n");
    expect(responseText(of("c3a9"))).toBe("é");
    expect(responseText(of("6fff"))).toBe("hex:6fff");
    expect(responseText(of(""))).toBe("");
  });
});
