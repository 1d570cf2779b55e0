/** Short texts out of bytes. */
import { expect, test } from "bun:test";
import { asciiCodes, asciiText, SHORT_TEXT } from "../../../src/base/ascii.ts";

const textOf = (from: string): string => {
  const codes = asciiCodes(from.length);
  for (let i = 0; i < from.length; i++) codes[i] = from.charCodeAt(i);
  return asciiText(codes);
};

test("asciiText is the text of its codes, for every length", () => {
  for (let length = 0; length <= SHORT_TEXT; length++) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(0x20 + (i * 7 + length) % 0x5f)).join("");
    expect(textOf(text)).toBe(text);
  }
});

test("asciiText is not changed by the next text in the same codes", () => {
  const first = textOf("353846001234567");
  expect(textOf("353846009999999")).toBe("353846009999999");
  expect(first).toBe("353846001234567");
});
