/** IPv4 addresses as numbers. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { packIpv4, unpackIpv4 } from "../../../src/base/ipv4.ts";

test("an address is what it was, after it was a number", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => {
    fc.pre(text !== "0.0.0.0");
    expect(unpackIpv4(packIpv4(text))).toBe(text);
  }));
  expect(packIpv4("10.0.0.7")).toBe(0x0a00_0007);
  expect(packIpv4("255.255.255.255")).toBe(0xffff_ffff);
});

test("what is not spelled so is no number", () => {
  const others = [
    "",
    ".",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.1000",
    "1.2.3.x",
    "::1",
  ];
  for (const text of [...others, " 1.2.3.4", "1.2.3.4 ", "::ffff:1.2.3.4", "0.0.0.0", "00.0.0.1"]) {
    expect([text, packIpv4(text)]).toEqual([text, 0]);
  }
});

test("any text is a number only when the number says the same", () => {
  const piece = fc.oneof(fc.nat(300).map(String), fc.constantFrom(".", "0", "00", "a"));
  fc.assert(fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
    const text = pieces.join("");
    const bits = packIpv4(text);
    if (bits !== 0) expect(unpackIpv4(bits)).toBe(text);
  }));
});
