/** How long a shutdown waits for threads that have left their loops. */
import { expect, test } from "bun:test";
import { lingering } from "../../../src/engine/join.ts";

const END_MS = 20;
const never = new Promise<void>(() => {});

test("threads that end are waited for no longer than that takes", async () => {
  const slow = Promise.withResolvers<void>();
  const waited = lingering([{ name: "a", ended: Promise.resolve() }, { name: "b", ended: slow.promise }], 60_000);
  setTimeout(slow.resolve, END_MS);
  expect(await waited).toEqual([]);
});

test("threads that do not end are named after the time they have", async () => {
  const began = performance.now();
  expect(await lingering([{ name: "a", ended: Promise.resolve() }, { name: "b", ended: never }, { name: "c", ended: never }], END_MS))
    .toEqual([
      "b",
      "c",
    ]);
  expect(performance.now() - began).toBeGreaterThanOrEqual(END_MS - 1);
});
