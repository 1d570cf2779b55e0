/** Newcomers that wait for a probe of the holder, or for the other side of a double connection to choose. */
import { describe, expect, test } from "bun:test";
import { only, RegistryWorld, type Told, types, type WorldOptions } from "../../support/registry_world.ts";

const IMEI = "356307042441013";
const PROBE_MS = 10_000;

function waiting(options: WorldOptions = {}): { world: RegistryWorld; holder: number } {
  const world = new RegistryWorld({ policy: "reject", ...options });
  const holder = world.login(IMEI, 1) as number;
  const effects = world.claim(IMEI, 2);
  expect(types(effects)).toEqual(["decided", "probe"]);
  expect(only(effects, "decided")).toMatchObject({ decision: "pending", retryAfterMs: PROBE_MS, conn: 2 });
  expect(only(effects, "probe")).toMatchObject({ owner: { fence: holder }, deadlineMs: PROBE_MS });
  return { world, holder };
}

const decisions = (effects: readonly Told[]): unknown[] =>
  effects.flatMap((effect) => (effect.type === "decided" ? [[effect.conn, effect.decision, effect.refusal]] : []));
const probed = (world: RegistryWorld, fence: number, answers: boolean): Told[] =>
  world.do({ type: "probed", device: IMEI, fence, answers });

describe("a probe", () => {
  test("that stays unanswered ends in a takeover at the deadline, not before", () => {
    const { world, holder } = waiting();
    world.now = PROBE_MS - 1;
    expect(world.tick()).toEqual([]);
    world.now = PROBE_MS;
    const effects = world.tick();
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "replaced")).toMatchObject({ cause: "probe_silent", policy: "reject" });
    expect(world.ownerOf(IMEI)).toBeGreaterThan(holder);
    expect([world.state.pending.size, world.state.waiting]).toEqual([0, 0]);
  });

  test("that is answered leaves the device with its holder, and the newcomer is told when to come again", () => {
    const { world, holder } = waiting();
    const effects = probed(world, holder, true);
    expect(only(effects, "decided")).toMatchObject({
      decision: "refuse",
      refusal: "held",
      conn: 2,
      retryAfterMs: 30_000,
      policy: "reject",
    });
    expect(world.ownerOf(IMEI)).toBe(holder);
    world.now = 5 * PROBE_MS;
    expect(types(world.tick())).toEqual(["refusedMany"]);
  });

  test("that fails ends in a takeover at once", () => {
    const { world, holder } = waiting();
    const effects = probed(world, holder, false);
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "replaced").cause).toBe("probe_silent");
  });

  test("answered after the decision, or about another holder, has no effect", () => {
    const { world, holder } = waiting();
    expect(probed(world, holder + 1024, false)).toEqual([]);
    world.now = PROBE_MS;
    world.tick();
    expect(probed(world, holder, true)).toEqual([]);
    expect(probed(world, holder, false)).toEqual([]);
  });

  test("takes two seconds, ten for a tracker", () => {
    const world = new RegistryWorld({ policy: "reject" });
    world.login("tracker", 1);
    world.login("stream", 2, { transport: 2 });
    expect(only(world.claim("tracker", 3, { transport: 2 }), "probe").deadlineMs).toBe(10_000);
    expect(only(world.claim("stream", 4), "probe").deadlineMs).toBe(2000);
  });

  test("is shared: who comes while it runs starts no other, and the newest of them is admitted", () => {
    const { world, holder } = waiting({ pendingCandidates: 10 });
    world.now = 4000;
    const effects = world.claim(IMEI, 3);
    expect(types(effects)).toEqual(["decided"]);
    expect(only(effects, "decided")).toMatchObject({ decision: "pending", retryAfterMs: 6000 });
    expect(world.state.waiting).toBe(2);
    const told = probed(world, holder, false);
    expect(types(told)).toEqual(["replaced", "evict", "decided", "decided"]);
    expect(decisions(told)).toEqual([[3, "admit", "none"], [2, "refuse", "held"]]);
  });

  test("that is answered refuses everyone who shared it, and the next newcomer starts another", () => {
    const { world, holder } = waiting();
    world.claim(IMEI, 3);
    expect(decisions(probed(world, holder, true))).toEqual([[2, "refuse", "held"], [3, "refuse", "held"]]);
    expect(types(world.claim(IMEI, 4))).toEqual(["decided", "probe"]);
  });

  test("outlives its newcomer, and the next one shares it", () => {
    const { world, holder } = waiting();
    expect(world.close(IMEI, 2, 0)).toEqual([]);
    expect(world.state.waiting).toBe(0);
    world.now = 1000;
    expect(types(world.claim(IMEI, 3))).toEqual(["decided"]);
    expect(decisions(probed(world, holder, false))).toEqual([[3, "admit", "none"]]);
  });

  test("whose newcomers all went away ends in nothing", () => {
    for (const answers of [true, false, null]) {
      const { world, holder } = waiting();
      world.close(IMEI, 2, 0);
      world.now = PROBE_MS;
      expect(answers === null ? world.tick() : probed(world, holder, answers)).toEqual([]);
      expect([world.ownerOf(IMEI), world.state.pending.size]).toEqual([holder, 0]);
    }
  });
});

describe("a newcomer that waits", () => {
  test("is admitted when the holder closes: disconnected, then connected", () => {
    const { world, holder } = waiting();
    expect(types(world.close(IMEI, 1, holder))).toEqual(["disconnected", "connected", "decided"]);
  });

  test("is admitted when the holder is kicked", () => {
    const { world } = waiting();
    const effects = world.kick(IMEI);
    expect(types(effects)).toEqual(["raiseFloor", "evict", "replaced", "decided", "done"]);
    expect(only(effects, "replaced")).toMatchObject({ oldClosing: true, cause: "old_was_closing" });
  });

  test("shares its place with a bounded number, a device and in all; the others are refused with a time to come back", () => {
    const { world } = waiting({ waitersPerDevice: 2 });
    expect(decisions(world.claim(IMEI, 3))).toEqual([[3, "pending", "none"]]);
    world.now = 1000;
    expect(only(world.claim(IMEI, 4), "decided")).toMatchObject({ decision: "refuse", refusal: "held", retryAfterMs: PROBE_MS - 1000 });
    for (let i = 0; i < 4; i++) world.login(`d${i}`, 10 + i);
    const more = [0, 1, 2, 3].map((i) => only(world.claim(`d${i}`, 20 + i), "decided").decision);
    expect(more).toEqual(["pending", "pending", "refuse", "refuse"]);
  });

  test("is refused when nobody can be admitted at its deadline", () => {
    const { world, holder } = waiting();
    world.state.counterEnd = world.state.counter;
    expect(decisions(probed(world, holder, false))).toEqual([[2, "refuse", "store_failing"]]);
    expect(world.ownerOf(IMEI)).toBe(holder);
  });

  test("is refused when the policy has changed and another is admitted before it", () => {
    const { world } = waiting();
    world.order("class_policy", "default", "takeover");
    expect(decisions(world.claim(IMEI, 3))).toEqual([[3, "admit", "none"], [2, "refuse", "held"]]);
    expect(world.state.waiting).toBe(0);
  });

  test("is refused by a shutdown", () => {
    const { world } = waiting();
    const effects = world.do({ type: "releaseAll", at: 0, positions: [0] });
    expect(decisions(effects)).toEqual([[2, "refuse", "draining"]]);
    expect(types(effects)).toEqual(["decided", "disconnected"]);
  });

  test("costs one look at the deadlines when it is due, and none before", () => {
    const { world } = waiting({ pendingCandidates: 10 });
    expect(world.state.nextDeadline).toBe(PROBE_MS);
    world.now = PROBE_MS;
    world.tick();
    world.tick();
    expect(world.state.nextDeadline).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a parked newcomer of the smaller side", () => {
  const parked = (): { world: RegistryWorld; holder: number } => {
    const world = new RegistryWorld({ policy: "recent", self: "a" });
    const holder = world.login("b", 1, { dialled: true }) as number;
    const effects = world.claim("b", 2);
    expect(types(effects)).toEqual(["decided"]);
    expect(only(effects, "decided")).toMatchObject({ decision: "pending", retryAfterMs: 3000 });
    return { world, holder };
  };

  test("is admitted when the bigger side closes the other one", () => {
    const { world, holder } = parked();
    expect(types(world.close("b", 1, holder))).toEqual(["disconnected", "connected", "decided"]);
  });

  test("leaves nothing behind when the bigger side closes it", () => {
    const { world, holder } = parked();
    expect(world.close("b", 2, 0)).toEqual([]);
    expect([world.ownerOf("b"), world.state.pending.size]).toEqual([holder, 0]);
  });

  test("takes over by itself after three seconds", () => {
    const { world } = parked();
    world.now = 2999;
    expect(world.tick()).toEqual([]);
    world.now = 3000;
    const effects = world.tick();
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "replaced").cause).toBe("choice_late");
  });

  test("does not listen to probes", () => {
    const { world, holder } = parked();
    expect(world.do({ type: "probed", device: "b", fence: holder, answers: true })).toEqual([]);
  });
});
