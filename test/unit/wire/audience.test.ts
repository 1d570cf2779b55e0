/** Who listens to a channel, counted over the tables of several http threads. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Audience, audienceOf, createAudience } from "../../../src/wire/audience.ts";

const names = ["devices", "device.1", "app.a", "app.b", "app.c"];

test("subscriptions are counted by channel over all threads, whatever the order", () => {
  const act = fc.record({ thread: fc.nat({ max: 2 }), channels: fc.subarray(names, { minLength: 1 }), leaves: fc.boolean() });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const memories = [0, 1, 2].map(() => createAudience(names.length));
      const threads = memories.map((memory) => new Audience(memory));
      const there: { thread: number; channels: string[] }[] = [];
      for (const { thread, channels, leaves } of acts) {
        if (leaves && there.length > 0) {
          const gone = there.shift()!;
          threads[gone.thread]!.leave(gone.channels);
        } else {
          expect(threads[thread]!.enter(channels)).toBe(true);
          there.push({ thread, channels });
        }
        for (const name of names) {
          expect(audienceOf(memories, name)).toBe(there.filter(({ channels }) => channels.includes(name)).length);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("a table that is full takes no new channel, and one more of a known one", () => {
  const memory = createAudience(2);
  const audience = new Audience(memory);
  expect(audience.enter(["app.1", "app.2"])).toBe(true);
  expect(audience.enter(["app.1", "app.3"])).toBe(false);
  expect(audienceOf([memory], "app.1")).toBe(1);
  expect(audience.enter(["app.2"])).toBe(true);
  audience.leave(["app.1"]);
  expect(audience.enter(["app.3"])).toBe(true);
  expect(["app.1", "app.2", "app.3"].map((name) => audienceOf([memory], name))).toEqual([0, 2, 1]);
});
