/** Filters: what they read, refuse and let through. */
import { expect, test } from "bun:test";
import { filterOf, matches, parseFilter } from "../../../src/broker/filter.ts";

const KINDS = ["record", "connected", "message"];
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
  // All devices are not everything: messages are of channels.
  expect(keyOf({ channel: ["devices"] })).not.toBe(keyOf({}));
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
  expect(keyOf({ channel: ["device."] })).toBe("channel");
  expect(keyOf({ channel: ["news"] })).toBe("channel");
  expect(keyOf({ channel: ["app."] })).toBe("channel");
  expect(keyOf({ channel: ["app.a/b"] })).toBe("channel");
  expect(keyOf({ channel: [`app.${"n".repeat(253)}`] })).toBe("channel");
  expect(keyOf({ channel: Array.from({ length: 257 }, (_, i) => `app.${i}`) })).toBe("channel");
  expect(keyOf({ device: Array.from({ length: 257 }, (_, i) => `d${i}`) })).toBe("device");
});

test("messages come by their channel, everything else by its device", () => {
  const through = (text: Parameters<typeof parse>[0]): boolean[] => {
    const filter = parse(text);
    if (!filter.ok) throw new Error(filter.message);
    return [matches(filter.value, "a", "record"), matches(filter.value, "", "message", "app.x"), matches(filter.value, "", "refused")];
  };
  expect(through({})).toEqual([true, true, true]);
  expect(through({ channel: ["app.x"] })).toEqual([false, true, false]);
  expect(through({ channel: ["app.y"] })).toEqual([false, false, false]);
  expect(through({ channel: ["devices"] })).toEqual([true, false, true]);
  expect(through({ channel: ["devices,app.x"] })).toEqual([true, true, true]);
  expect(through({ device: ["a"] })).toEqual([true, false, false]);
  expect(through({ device: ["b"], channel: ["app.x"] })).toEqual([false, true, false]);
  expect(through({ kind: ["message"] })).toEqual([false, true, false]);
});
