/** How a client notices that the machine slept, that the network came back, or that somebody looks again. */
import { afterEach, describe, expect, test } from "bun:test";
import { SleepWatch, watchWake } from "../../../src/client/wake.ts";

const world = globalThis as { document?: unknown };
afterEach(() => void delete world.document);

describe("wake", () => {
  test("a wall clock that runs ahead of the other one slept or was moved, once", () => {
    const sleep = new SleepWatch(1_000_000, 50);
    expect(sleep.slept(1_005_000, 5050)).toBe(false);
    // Late timers are no sleep.
    expect(sleep.slept(1_065_100, 65_050)).toBe(false);
    expect(sleep.slept(4_665_100, 66_050)).toBe(true);
    expect(sleep.slept(4_666_100, 67_050)).toBe(false);
    // Put back: nothing slept.
    expect(sleep.slept(1_000_000, 68_050)).toBe(false);
    expect(sleep.slept(1_001_000, 69_050)).toBe(false);
  });

  test("the network that comes back is a sure sign, being looked at is not, and being left is none", () => {
    const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    world.document = page;
    const woke: boolean[] = [];
    const stop = watchWake((isSure) => woke.push(isSure));
    globalThis.dispatchEvent(new Event("online"));
    page.dispatchEvent(new Event("visibilitychange"));
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    expect(woke).toEqual([true, false]);
    stop();
    globalThis.dispatchEvent(new Event("online"));
    page.dispatchEvent(new Event("visibilitychange"));
    expect(woke).toEqual([true, false]);
  });
});
