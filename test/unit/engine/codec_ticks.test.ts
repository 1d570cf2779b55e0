/** How often a codec worker wakes up by itself. */
import { afterEach, describe, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { TICK_MS } from "../../../src/engine/codec/context.ts";
import { CodecTicks, restMs } from "../../../src/engine/codec/ticks.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("restMs", () => {
  test("restMs by default wakes a worker a few times a second", () => expect(restMs(limitsWith())).toBe(125));
  test("restMs is never shorter than a tick", () => expect(restMs(limitsWith({ evictedCloseMs: 10 }))).toBe(TICK_MS));
  test("restMs is never longer than a quarter of a second", () =>
    expect(restMs(limitsWith({ evictedCloseMs: 10_000, loginTimeoutMs: 60_000 }))).toBe(250));
  test("restMs beats often enough for the shortest patience of the supervisor", () => {
    expect(restMs(limitsWith({ heartbeatStaleMs: 400 }))).toBe(50);
  });
});

describe("codec ticks", () => {
  let ticks: CodecTicks | null = null;
  afterEach(() => ticks?.stop());

  /** Ticks that say `hurried`; resolves at each. */
  function start(hurried: boolean): { next: () => Promise<void> } {
    let told = Promise.withResolvers<void>();
    ticks = new CodecTicks(limitsWith({ evictedCloseMs: 10_000 }), () => {
      const last = told;
      told = Promise.withResolvers<void>();
      last.resolve();
      return hurried;
    });
    return { next: () => told.promise };
  }
  const first = (one: Promise<void>, ms: number): Promise<string> => Promise.race([one.then(() => "tick"), pause(ms).then(() => "later")]);

  test("codec ticks come often while there is something to hurry for", async () => {
    const { next } = start(true);
    for (let i = 0; i < 3; i++) expect(await first(next(), 150)).toBe("tick");
  });

  test("codec ticks rest with nothing to hurry for", async () => {
    const { next } = start(false);
    await next();
    expect(await first(next(), 100)).toBe("later");
  });

  test("codec ticks come soon when asked to hurry", async () => {
    const { next } = start(false);
    await next();
    ticks!.hurry();
    expect(await first(next(), 150)).toBe("tick");
  });
});
