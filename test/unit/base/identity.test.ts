/** Spellings of an identity. */
import { expect, test } from "bun:test";
import { normaliseIdentity } from "../../../src/base/identity.ts";

test("an IMEI stays as it is, also one that begins with a zero", () => {
  expect(normaliseIdentity("356307042441013")).toBe("356307042441013" as never);
  expect(normaliseIdentity("000000000000001")).toBe("000000000000001" as never);
});

test("a packed IMEI loses its leading zero, but never a digit that counts", () => {
  expect(normaliseIdentity("0356307042441013")).toBe("356307042441013" as never);
  expect(normaliseIdentity("1356307042441013")).toBe("1356307042441013" as never);
  expect(normaliseIdentity("042")).toBe("042" as never);
});

test("letters become lower case", () => {
  expect(normaliseIdentity("DE:AD:be:EF-1_x.Y")).toBe("de:ad:be:ef-1_x.y" as never);
});

test("what is not an identity is refused", () => {
  for (const text of ["", "a b", "a/b", "é", "\0", "a".repeat(65)]) expect(normaliseIdentity(text)).toBeNull();
  expect(normaliseIdentity("a".repeat(64))).not.toBeNull();
});
