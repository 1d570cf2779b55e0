/** The registry's thread with newcomers that wait: probes, deadlines that pass while it sleeps, orders, and full rings. */
import { afterEach, expect, test } from "bun:test";
import type { Limits } from "../../src/base/limits.ts";
import { DECISIONS, END_REASONS, type Message, OUTCOMES, REFUSALS } from "../../src/wire/control.ts";
import { RegistryThread } from "../support/registry_thread.ts";
import { until } from "../support/until.ts";

let registry: RegistryThread;
const start = async (policy: string, limits: Partial<Limits> = {}): Promise<void> => {
  registry = await RegistryThread.start(limits, undefined, policy);
};
afterEach(() => registry.stop());

const say = (act: () => void): void => {
  act();
  registry.publish();
};
const outcomeOf = (message: Message): string => {
  if (message.type !== "decided") return message.type;
  const decision = DECISIONS[message.decision]!;
  return decision === "refuse" ? REFUSALS[message.refusal]! : decision;
};
const nextOf = async (worker: number): Promise<string> => outcomeOf(await registry.next(registry.decisions[worker]!));

test("the holder's worker is asked, and its answer decides the newcomer at another worker", async () => {
  await start("reject");
  const { fence } = await registry.login(0, 1, "d");
  say(() => registry.claim(1, 2, "d"));
  expect(await nextOf(1)).toBe("pending");
  expect(await registry.next(registry.decisions[0]!)).toMatchObject({ type: "probe", conn: 1, fence, deadlineMs: 10_000 });
  say(() => registry.probed(0, "d", fence, true));
  expect(await nextOf(1)).toBe("held");
  say(() => registry.claim(1, 3, "d"));
  expect(await nextOf(1)).toBe("pending");
  expect((await registry.next(registry.decisions[0]!)).type).toBe("probe");
  say(() => registry.probed(0, "d", fence, false));
  expect([await nextOf(1), await nextOf(0)]).toEqual(["admit", "evict"]);
  expect(registry.take(registry.lifecycle).map(({ type }) => type)).toEqual(["connected", "replaced"]);
});

test("a deadline is kept though nothing else wakes the thread", async () => {
  await start("reject", { trackerProbeMs: 60, idleWaitMs: 1000 });
  const waited: number[] = [];
  for (const device of ["a", "b", "c"]) {
    await registry.login(0, waited.length, device);
    say(() => registry.claim(1, waited.length, device));
    expect(await nextOf(1)).toBe("pending");
    const began = performance.now();
    expect(await nextOf(1)).toBe("admit");
    waited.push(performance.now() - began);
  }
  // A thread that sleeps on is late each time; a busy machine is not.
  expect(Math.min(...waited)).toBeLessThan(500);
});

test("workers that take nothing stop neither the deadlines nor the closes of those who wait", async () => {
  await start("reject", { controlRingBytes: 4096, trackerProbeMs: 60 });
  const fences: number[] = [];
  for (let i = 0; i < 5; i++) fences.push((await registry.login(0, i + 1, `d${i}`)).fence);
  const events = registry.take(registry.lifecycle);
  for (let conn = 10; conn < 40; conn++) say(() => registry.claim(1, conn, `d${conn % 5}`));
  await until("every claim taken", () => registry.claims[1]!.free() === 4096);
  await until("five takeovers", () => {
    events.push(...registry.take(registry.lifecycle));
    return events.filter(({ type }) => type === "replaced").length === 5;
  });
  for (let conn = 10; conn < 40; conn++) say(() => registry.close(1, conn, `d${conn % 5}`, 0));
  await until("five disconnects", () => {
    events.push(...registry.take(registry.lifecycle));
    return events.filter(({ type }) => type === "disconnected").length === 5;
  });
  // The journal's part of a round is told first.
  const told: string[] = [];
  await until("every answer", () => {
    told.push(...registry.take(registry.decisions[1]!).map(outcomeOf));
    return told.filter((one) => one !== "pending").length >= 30;
  });
  expect([told.filter((one) => one === "admit").length, told.filter((one) => one !== "pending").length]).toEqual([5, 30]);
  const asked = registry.take(registry.decisions[0]!).map(({ type }) => type);
  expect(["probe", "evict"].map((type) => asked.filter((one) => one === type).length)).toEqual([5, 5]);
});

test("orders come back with their outcome; the policy they set counts from the next claim on", async () => {
  await start("takeover");
  const { fence } = await registry.login(0, 1, "d");
  const outcome = async (): Promise<unknown> => {
    const done = await registry.next(registry.answers);
    return done.type === "done" ? [done.request, OUTCOMES[done.outcome], done.text] : done;
  };
  say(() => {
    registry.order(1, "class_policy", "default", "reject");
    registry.order(2, "class_policy", "ships", "reject");
    registry.order(3, "device_policy", "d", "multi(0)");
    registry.order(4, "kick", "nobody");
  });
  expect([await outcome(), await outcome()]).toEqual([[1, "done", "reject"], [2, "unknown", "reject"]]);
  expect(await outcome()).toEqual([3, "refused", expect.stringContaining("multi(1) to multi(16)")]);
  expect(await outcome()).toEqual([4, "unknown", ""]);
  say(() => registry.claim(1, 2, "d"));
  expect(await nextOf(1)).toBe("pending");
  say(() => registry.order(5, "kick", "D"));
  expect(await outcome()).toEqual([5, "done", ""]);
  expect([await nextOf(0), await nextOf(0), await nextOf(1)]).toEqual(["probe", "evict", "admit"]);
  const events = registry.take(registry.lifecycle);
  expect(events.map(({ type }) => type)).toEqual(["connected", "raiseFloor", "replaced"]);
  expect(events[1]).toMatchObject({ fence: fence + 1 });
  expect(events[2]).toMatchObject({ oldFence: fence, oldClosing: true });
});

test("a journal that takes nothing makes orders busy in the end, and no question waits", async () => {
  await start("takeover", { controlRingBytes: 4096 });
  let conn = 0;
  while (outcomeOf(await registry.login(conn % 2, conn + 1, `device-${conn}`)) === "admit") conn++;
  expect(conn).toBeGreaterThan(3);
  // Orders have a little room of their own.
  let outcome = "";
  for (let i = 0; i < 100 && outcome !== "busy"; i++) {
    say(() => registry.order(1, "allow", "device-0", i % 2 === 0 ? "add" : "remove"));
    const done = await registry.next(registry.answers);
    outcome = done.type === "done" ? OUTCOMES[done.outcome]! : done.type;
  }
  expect(outcome).toBe("busy");
  say(() => {
    registry.order(1, "kick", "device-0");
    registry.ask(2, "device-0");
  });
  expect(await registry.next(registry.answers)).toMatchObject({ type: "done", request: 1, outcome: OUTCOMES.indexOf("busy") });
  expect(await registry.next(registry.answers)).toMatchObject({ type: "answer", request: 2, connected: true });
});

test("after a change to one connection the others leave at the end of their workers' frames, before the takeover", async () => {
  await start("multi(3)");
  const fences: number[] = [];
  for (let i = 0; i < 3; i++) fences.push((await registry.login(i % 2, i + 1, "d")).fence);
  registry.take(registry.lifecycle);
  say(() => registry.order(1, "class_policy", "default", "takeover"));
  await registry.next(registry.answers);
  const { fence } = await registry.login(1, 4, "d");
  const superseded = END_REASONS.indexOf("superseded");
  const leaves = { type: "disconnected", reason: superseded, position: 0xffff_f000, left: fences[2] };
  expect(registry.take(registry.lifecycle)).toMatchObject([
    { ...leaves, fence: fences[0] },
    { ...leaves, fence: fences[1] },
    { type: "replaced", oldFence: fences[2], fence, floor: fence },
  ]);
});
