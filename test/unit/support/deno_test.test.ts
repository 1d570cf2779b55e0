/** The matchers that tests use on Deno judge as Bun's do: both are asked the same, and must agree. */
import { describe, expect, test } from "bun:test";
import { expect as onDeno } from "../../support/deno_test.ts";

/** Without `[undefined]`, which Bun takes for equal to `[]`. */
const values: readonly unknown[] = [
  undefined,
  null,
  0,
  -0,
  1,
  NaN,
  "",
  "a",
  "ab",
  [],
  [1],
  [1, 2],
  {},
  { a: 1 },
  { a: 1, b: undefined },
  { a: 1, b: 2 },
  { a: { b: [1] } },
  new Uint8Array([1, 2]),
  new Uint8Array([1, 3]),
  new Map([["a", 1]]),
  new Map([["a", 2]]),
  new Set([1]),
  new Set([2]),
  new Error("a"),
  new Error("b"),
  new Date(1),
  new Date(2),
];

/** Does a matcher pass? One that cannot take such a value does not. */
function passes(judge: () => unknown): boolean {
  try {
    judge();
    return true;
  } catch {
    return false;
  }
}

type Asked = (expecting: typeof expect, actual: unknown, other: unknown) => void;

const OF_TWO: Readonly<Record<string, Asked>> = {
  toBe: (expecting, actual, other) => expecting(actual).toBe(other),
  notToBe: (expecting, actual, other) => expecting(actual).not.toBe(other),
  toEqual: (expecting, actual, other) => expecting(actual).toEqual(other),
  notToEqual: (expecting, actual, other) => expecting(actual).not.toEqual(other),
};

const OF_ONE: Readonly<Record<string, Asked>> = {
  toBeNull: (expecting, actual) => expecting(actual).toBeNull(),
  toBeUndefined: (expecting, actual) => expecting(actual).toBeUndefined(),
  toBeNumber: (expecting, actual) => expecting(actual).toBeNumber(),
  toBeGreaterThan: (expecting, actual) => expecting(typeof actual === "number" ? actual : 0).toBeGreaterThan(0),
  toBeGreaterThanOrEqual: (expecting, actual) => expecting(typeof actual === "number" ? actual : 0).toBeGreaterThanOrEqual(1),
  toBeLessThan: (expecting, actual) => expecting(typeof actual === "number" ? actual : 0).toBeLessThan(1),
  toBeLessThanOrEqual: (expecting, actual) => expecting(typeof actual === "number" ? actual : 0).toBeLessThanOrEqual(0),
  toBeInstanceOf: (expecting, actual) => expecting(actual).toBeInstanceOf(Uint8Array),
  toContain: (expecting, actual) => expecting(Array.isArray(actual) || typeof actual === "string" ? actual : [actual]).toContain("a"),
  toHaveLength: (expecting, actual) => expecting(Array.isArray(actual) ? actual : String(actual)).toHaveLength(1),
  toMatch: (expecting, actual) => expecting(String(actual)).toMatch(/^a/),
  toStartWith: (expecting, actual) => expecting(String(actual)).toStartWith("a"),
  toEndWith: (expecting, actual) => expecting(String(actual)).toEndWith("b"),
  toMatchObject: (expecting, actual) => expecting(Object.assign({ a: 1 }, { of: actual })).toMatchObject({ a: 1, of: { b: 2 } }),
  toMatchObjectList: (expecting, actual) => expecting({ list: [actual] }).toMatchObject({ list: [{ a: 1 }] }),
  toThrow: (expecting, actual) =>
    expecting(() => {
      if (actual instanceof Error) throw actual;
    }).toThrow("a"),
};

describe("matchers on Deno", () => {
  for (const [name, ask] of Object.entries(OF_TWO)) {
    test(`${name} judges every pair of values as on Bun`, () => {
      for (const actual of values) {
        for (const other of values) {
          const told = [passes(() => ask(expect, actual, other)), passes(() => ask(onDeno as unknown as typeof expect, actual, other))];
          expect({ actual, other, told: told[1] }).toEqual({ actual, other, told: told[0] });
        }
      }
    });
  }

  for (const [name, ask] of Object.entries(OF_ONE)) {
    test(`${name} judges every value as on Bun, and not all alike`, () => {
      const told = values.map((actual) => passes(() => ask(onDeno as unknown as typeof expect, actual, null)));
      expect(told).toEqual(values.map((actual) => passes(() => ask(expect, actual, null))));
      expect(new Set(told).size).toBe(2);
    });
  }

  test("a promise is judged by its outcome", async () => {
    await onDeno(Promise.resolve(1)).resolves.toBe(1);
    await onDeno(Promise.reject(new Error("no"))).rejects.toThrow("no");
    const wrong = [() => onDeno(Promise.resolve(1)).resolves.toBe(2), () => onDeno(Promise.resolve(1)).rejects.toThrow()];
    for (const each of wrong) expect(await each().then(() => "passed", () => "failed")).toBe("failed");
  });
});
