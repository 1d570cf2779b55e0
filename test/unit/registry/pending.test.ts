/** A newcomer that waits for a probe of the holder: the place the refusing policies come to. */
import { expect, test } from "bun:test";
import type { Decide } from "../../../src/registry/policy.ts";
import { only, RegistryWorld, types } from "../../support/registry_world.ts";

const IMEI = "356307042441013";
const patient: Decide = (_policy, holder) => (holder === null ? { act: "admit" } : { act: "wait", waitMs: 2000 });

function waiting(): { world: RegistryWorld; holder: number } {
  const world = new RegistryWorld({ decide: patient });
  const holder = world.login(IMEI, 1) as number;
  const effects = world.claim(IMEI, 2);
  expect(types(effects)).toEqual(["decided", "probe"]);
  expect(only(effects, "decided")).toMatchObject({ decision: "pending", retryAfterMs: 2000, conn: 2 });
  return { world, holder };
}

test("a silent holder is taken over at the deadline, not before", () => {
  const { world, holder } = waiting();
  world.now = 1999;
  expect(world.tick()).toEqual([]);
  world.now = 2000;
  expect(types(world.tick())).toEqual(["replaced", "evict", "decided"]);
  expect(world.ownerOf(IMEI)).toBeGreaterThan(holder);
  expect(world.state.pending.size).toBe(0);
});

test("a holder that answers keeps the device, and the newcomer is refused", () => {
  const { world, holder } = waiting();
  const effects = world.do({ type: "probed", device: IMEI, fence: holder, answers: true });
  expect(only(effects, "decided")).toMatchObject({ decision: "refuse", refusal: "held", conn: 2 });
  expect(world.ownerOf(IMEI)).toBe(holder);
  world.now = 5000;
  expect(world.tick()).toEqual([]);
});

test("a holder that fails the probe is taken over at once", () => {
  const { world, holder } = waiting();
  expect(types(world.do({ type: "probed", device: IMEI, fence: holder, answers: false }))).toEqual(["replaced", "evict", "decided"]);
});

test("a probe answered after the decision, or about another holder, has no effect", () => {
  const { world, holder } = waiting();
  expect(world.do({ type: "probed", device: IMEI, fence: holder + 1024, answers: false })).toEqual([]);
  world.now = 2000;
  world.tick();
  expect(world.do({ type: "probed", device: IMEI, fence: holder, answers: true })).toEqual([]);
});

test("the candidate's own close cancels it", () => {
  const { world, holder } = waiting();
  expect(world.close(IMEI, 2, 0)).toEqual([]);
  world.now = 2000;
  expect(world.tick()).toEqual([]);
  expect(world.ownerOf(IMEI)).toBe(holder);
});

test("the holder's close admits the candidate: disconnected, then connected", () => {
  const { world, holder } = waiting();
  expect(types(world.close(IMEI, 1, holder))).toEqual(["disconnected", "connected", "decided"]);
});

test("one candidate a device and a bounded number in all; the others are refused with a time to come back", () => {
  const { world } = waiting();
  expect(only(world.claim(IMEI, 3), "decided")).toMatchObject({ decision: "refuse", refusal: "held", retryAfterMs: 2000 });
  for (let i = 0; i < 4; i++) world.login(`d${i}`, 10 + i);
  const decisions = [0, 1, 2, 3].map((i) => only(world.claim(`d${i}`, 20 + i), "decided").decision);
  expect(decisions).toEqual(["pending", "pending", "pending", "refuse"]);
});

test("shutdown refuses the candidate", () => {
  const { world } = waiting();
  const effects = world.do({ type: "releaseAll", at: 0, positions: [0] });
  expect(only(effects, "decided")).toMatchObject({ decision: "refuse", refusal: "draining", conn: 2 });
  expect(types(effects)).toEqual(["decided", "disconnected"]);
});
