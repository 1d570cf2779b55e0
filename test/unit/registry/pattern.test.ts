/** Patterns of identities against a plain regular expression, and by hand. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fitsPattern } from "../../../src/registry/pattern.ts";

test("a pattern fits what it says", () => {
  for (
    const [pattern, text, fits] of [
      ["*", "", true],
      ["", "", true],
      ["", "a", false],
      ["35030*", "350301234567890", true],
      ["35030*", "35031", false],
      ["*-ship", "the-ship", true],
      ["*-ship", "the-ships", false],
      ["a*b*c", "a--b-bc", true],
      ["a*b*c", "a--c", false],
      ["**", "x", true],
    ] as const
  ) expect({ pattern, text, fits: fitsPattern(pattern, text) }).toEqual({ pattern, text, fits });
});

test("a pattern fits as a regular expression would", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 }), (pattern, text) => {
      expect(fitsPattern(pattern, text)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text));
    }),
    { numRuns: 2000 },
  );
});
