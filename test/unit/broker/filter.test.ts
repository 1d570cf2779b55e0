/** Filters: what they read, refuse and let through. */
import { expect, test } from "bun:test";
import { filterOf, matches, parseFilter } from "../../../src/broker/filter.ts";

const KINDS = ["record", "connected"];
const parse = (text: Partial<Parameters<typeof parseFilter>[0]>) => parseFilter({ device: [], kind: [], channel: [], ...text }, KINDS);
const keyOf = (text: Parameters<typeof parse>[0]): string => {
  const filter = parse(text);
  return filter.ok ? filter.value.key : filter.fault;
};

test("a filter lets through what all of its parts do", () => {
  const filter = filterOf(["a", "b"], ["record"]);
  expect([matches(filter, "a", "record"), matches(filter, "c", "record"), matches(filter, "a", "connected")]).toEqual([true, false, false]);
  expect(matches(filterOf(null, null), "x", "y")).toBe(true);
});

test("two spellings of one filter have one key", () => {
  expect(keyOf({ device: ["a,b"], kind: ["record", "connected"] })).toBe(keyOf({ device: ["b", "a"], kind: ["connected,record"] }));
  expect(keyOf({ channel: ["device.a"] })).toBe(keyOf({ device: ["a"] }));
  expect(keyOf({ channel: ["devices"] })).toBe(keyOf({}));
  expect(keyOf({ device: ["a"] })).not.toBe(keyOf({ device: ["b"] }));
  // All devices and one device named: the device narrows.
  expect(keyOf({ channel: ["devices"], device: ["a"] })).toBe(keyOf({ device: ["a"] }));
});

test("a device whose id is a star or a bar is not every device, nor a kind", () => {
  expect(keyOf({ device: ["*"], kind: ["record"] })).not.toBe(keyOf({ kind: ["record"] }));
  expect(keyOf({ device: ["*"] })).not.toBe(keyOf({ channel: ["devices"] }));
  expect(keyOf({ device: ["a|record"] })).not.toBe(keyOf({ device: ["a"], kind: ["record"] }));
});

test("markers may be named: they pass anyway", () => expect(parse({ kind: ["gap", "resync", "bye", "record"] }).ok).toBe(true));

test("what cannot be understood is refused by its parameter", () => {
  expect(keyOf({ kind: ["nonsense"] })).toBe("kind");
  expect(keyOf({ device: ["a b"] })).toBe("device");
  expect(keyOf({ device: ["x".repeat(65)] })).toBe("device");
  expect(keyOf({ channel: ["device."] })).toBe("device");
  expect(keyOf({ channel: ["news"] })).toBe("channel");
  expect(keyOf({ channel: ["app.news"] })).toBe("channel_not_built");
  expect(keyOf({ device: Array.from({ length: 257 }, (_, i) => `d${i}`) })).toBe("device");
});
