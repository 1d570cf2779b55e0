/** How an http thread follows the journal: reads that arrive before it is ready are answered when it is. */
import { describe, expect, test } from "bun:test";
import { asMonoMs, asSeq } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { BatchMaker } from "../../../src/engine/http/batch.ts";
import { Follower } from "../../../src/engine/http/follow.ts";
import type { RingEntries } from "../../../src/engine/http/entries.ts";
import type { Answer } from "../../../src/wire/query_answer.ts";

/** A follower whose reader answers when told to; its ring is empty. */
function followerOver(): { follower: Follower; answer: (answer: Answer) => void; woken: () => number } {
  let wakes = 0;
  const asked = Promise.withResolvers<Answer>();
  const ring = {
    hasNext: () => false,
    entries: (from: number) => ({ kind: "rows", rows: [], next: asSeq(from) }),
  } as unknown as RingEntries;
  const ports = {
    ring,
    pages: { entries: () => Promise.resolve({ kind: "rows" as const, rows: [], next: asSeq(1) }) },
    devices: () => asked.promise,
    committed: () => asSeq(0),
    mono: () => asMonoMs(0),
    pause: () => Promise.resolve(),
    wake: () => void wakes++,
  };
  const nobody = { published() {}, restarted() {}, overrun() {} };
  return {
    follower: new Follower(ports, new BatchMaker("epoch", () => "", limitsWith()), nobody),
    answer: asked.resolve,
    woken: () => wakes,
  };
}

describe("a follower", () => {
  test("answers a read that came before the devices were read as soon as they are", async () => {
    const { follower, answer } = followerOver();
    const hydrated = follower.hydrate();
    const reached = follower.reach(asSeq(0), 60_000);
    const began = performance.now();
    answer({ kind: "devices", devices: [], seq: asSeq(0), next: null });
    await hydrated;
    expect(await reached).toBe(true);
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  test("has itself woken for a read of what is not folded yet, and for no other", async () => {
    const { follower, answer, woken } = followerOver();
    answer({ kind: "devices", devices: [], seq: asSeq(0), next: null });
    await follower.hydrate();
    expect([await follower.reach(asSeq(0), 3000), follower.awaited, woken()]).toEqual([true, false, 0]);
    const reached = follower.reach(asSeq(1), 3000);
    expect([follower.awaited, woken()]).toEqual([true, 1]);
    follower.stop();
    expect([await reached, follower.awaited]).toEqual([false, false]);
  });

  test("tells a read in vain after its time", async () => {
    const { follower } = followerOver();
    expect(await follower.reach(asSeq(0), 5)).toBe(false);
  });
});
