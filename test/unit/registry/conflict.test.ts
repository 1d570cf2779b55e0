/** Identity conflicts, story by story on simulated time: who fights, what it is called, and when it is told. */
import { describe, expect, test } from "bun:test";
import { claimFrom, ConflictWorld, type From, WALL } from "../../support/conflict_world.ts";
import { every, play, type Story, times } from "../../support/conflict_story.ts";
import { isSameOrigin } from "../../../src/registry/origin.ts";

const A: From = { address: "10.0.0.1" };
const B: From = { address: "10.0.0.2" };
const C: From = { address: "10.0.0.3" };
const SECOND = 1000;

const address = (n: number): From => ({ address: `100.64.0.${n}` });
const addresses = (count: number): From[] => Array.from({ length: count }, (_, i) => address(i));

const STORIES: readonly Story[] = [
  { name: "two live devices, 1 s apart", steps: every(SECOND, true, ...times(20, A, B)), alarms: [4], last: "clone" },
  { name: "two live devices, 29 s apart", steps: every(29 * SECOND, true, ...times(5, A, B)), alarms: [4], last: "clone" },
  { name: "two live devices that meet every 50 s only", steps: every(50 * SECOND, true, ...times(5, A, B)), alarms: [], last: null },
  { name: "one of them reconnects between", steps: every(SECOND, true, ...times(4, A, A, B, B)), alarms: [8], last: "restart_loop" },
  { name: "three live devices in turn", steps: every(SECOND, true, ...times(4, A, B, C)), alarms: [6], last: "clone" },
  {
    name: "two instances behind one address",
    steps: every(SECOND, true, ...times(3, { ...A, clientInstance: "x" }, { ...A, clientInstance: "y" })),
    alarms: [4],
    last: "clone",
  },
  {
    name: "one instance that roams between two addresses",
    steps: every(SECOND, true, ...times(20, { ...A, clientInstance: "x" }, { ...B, clientInstance: "x" })),
    alarms: [],
    last: "restart_loop",
  },
  { name: "a link that flaps, one origin, silent losers", steps: every(SECOND, false, ...times(100, A)), alarms: [], last: "flaky_link" },
  { name: "a device that starts again and again", steps: every(SECOND, true, ...times(100, A)), alarms: [], last: "restart_loop" },
  { name: "a device that starts again now and then", steps: every(61 * SECOND, true, ...times(9, A)), alarms: [], last: null },
  { name: "a NAT pool: two addresses, never both live", steps: every(SECOND, false, ...times(50, A, B)), alarms: [], last: "nat_rebind" },
  { name: "a NAT pool of fifty addresses", steps: every(SECOND, false, ...addresses(50)), alarms: [], last: "nat_rebind" },
  { name: "a rolling deploy over fifty live instances", steps: every(SECOND, true, ...addresses(50)), alarms: [], last: null },
  { name: "a rolling deploy whose old instance tries again once", steps: every(SECOND, true, A, B, A, B), alarms: [], last: null },
  {
    name: "a rolling deploy over twelve instances, of which the last two take it from each other once",
    steps: every(SECOND, true, ...addresses(12), A, B, A, B),
    alarms: [],
    last: null,
  },
  { name: "one alternation each with two others, slowly", steps: every(25 * SECOND, true, A, B, A, C, A), alarms: [], last: null },
  { name: "one alternation each with two others, quickly", steps: every(SECOND, true, A, B, A, C, A), alarms: [4], last: "clone" },
  { name: "a deploy, a rollback, and the deploy again", steps: every(20 * SECOND, true, A, B, A, B), alarms: [], last: null },
  { name: "takeovers nobody heard the end of", steps: every(SECOND, null, ...times(20, A, B)), alarms: [], last: null },
  {
    name: "alternating addresses of which one stays live",
    steps: times(10, A, B).map((from, i) => [SECOND, from, i % 2 === 0] as const),
    alarms: [],
    last: "nat_rebind",
  },
];

describe("conflict watch", () => {
  test.each(STORIES.map((story) => [story.name, story] as const))("%s", (_name, story) => play(story));

  test("an alarm names both origins, the present owner last, and the evidence", () => {
    const world = new ConflictWorld();
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    expect(world.alarms).toHaveLength(1);
    const { alarm, now } = world.alarms[0]!;
    expect([alarm.device, alarm.action, alarm.alternations, alarm.takeovers, alarm.windowMs]).toEqual([
      world.holder()!.device,
      "observe",
      2,
      4,
      120 * SECOND,
    ]);
    const { old, owner } = alarm.last;
    expect([old.claim.address, owner.claim.address, owner.fence > old.fence]).toEqual([B.address, A.address, true]);
    expect(alarm.at).toBe(WALL + now);
  });

  test("evidence that comes 5 s late still makes the alarm, within 15 s of the second alternation", () => {
    const world = new ConflictWorld();
    const lost: { fence: number; due: number }[] = [];
    let second = 0;
    for (const from of times(5, A, B)) {
      world.pass(SECOND);
      const fence = world.take(from);
      if (fence !== null) lost.push({ fence, due: world.now + 5 * SECOND });
      if (lost.length === 4) second ||= world.now;
      for (const { fence: due } of lost.filter((each) => each.due === world.now)) world.hear(due, true);
    }
    expect(world.alarms).toHaveLength(1);
    expect(world.alarms[0]!.now - second).toBeLessThanOrEqual(5 * SECOND);
  });

  test("evidence about an unknown fence or device says nothing", () => {
    const world = new ConflictWorld();
    world.take(A);
    world.take(B);
    expect(world.hear(7, true)).toBeNull();
    expect(world.hear(1024, true, "another")).toBeNull();
  });

  test("is told again only after it was acknowledged and fought on for an hour", () => {
    const world = new ConflictWorld();
    const fight = (ms: number): number => {
      for (const end = world.now + ms; world.now < end;) {
        world.pass(SECOND).takes(world.holder()?.claim.address === A.address ? B : A, true);
      }
      return world.alarms.length;
    };
    expect(fight(2 * 3600 * SECOND)).toBe(1);
    expect(world.watch.acknowledge(world.holder()!.device, world.now)).toBe(true);
    expect(fight(3500 * SECOND)).toBe(1);
    expect(fight(200 * SECOND)).toBe(2);
    expect(fight(2 * 3600 * SECOND)).toBe(2);
  });

  test("is told again when it was acknowledged and an origin joins that the alarm did not name", () => {
    const world = new ConflictWorld();
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    world.watch.acknowledge(world.holder()!.device, world.now);
    for (const from of times(3, A, C)) world.pass(SECOND).takes(from, true);
    expect(world.alarms).toHaveLength(2);
    const { old, owner } = world.alarms[1]!.alarm.last;
    expect([old.claim.address, owner.claim.address]).toContain(C.address);
  });

  test("is a new conflict after it has been quiet", () => {
    const world = new ConflictWorld();
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    world.pass(590 * SECOND);
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    expect(world.alarms).toHaveLength(1);
    world.pass(601 * SECOND);
    expect([world.watch.watched, world.watch.conflicts, world.watch.wantsTick(world.now + 5000)]).toEqual([0, 0, false]);
    expect(world.watch.acknowledge(world.holder()!.device, world.now)).toBe(false);
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    expect(world.alarms).toHaveLength(2);
  });

  test("hold keeps the present one, for 30 s, then doubling to 10 min, with a probe between", () => {
    const world = new ConflictWorld("hold");
    expect(world.hold(B)).toBeNull();
    for (const from of times(3, A, B).slice(0, 5)) world.pass(SECOND).takes(from, true);
    expect(world.alarms[0]!.alarm.action).toBe("hold");
    expect(world.holder()!.claim.address).toBe(A.address);
    expect(world.hold(B)).toEqual({ kind: "refuse", retryAfterMs: 30 * SECOND });
    expect(world.pass(29 * SECOND).hold(C)).toEqual({ kind: "refuse", retryAfterMs: SECOND });
    expect(world.hold(A)).toBeNull();
    for (const seconds of [60, 120, 240, 480, 600, 600]) {
      const [probe, refused] = [world.pass(seconds === 60 ? SECOND : 0).hold(B), world.hold(B)];
      expect([probe, refused]).toEqual([{ kind: "probe" }, { kind: "refuse", retryAfterMs: seconds * SECOND }]);
      world.pass(seconds * SECOND);
    }
  });

  test("hold ends when the other has been quiet, and is nothing to other devices", () => {
    const world = new ConflictWorld("hold");
    for (const from of times(3, A, B).slice(0, 5)) world.pass(SECOND).takes(from, true);
    world.take(A, "another");
    expect(world.hold(B, "another")).toBeNull();
    world.pass(640 * SECOND);
    expect(world.hold(B)).toBeNull();
  });

  test("quarantine says when it is over, also when there is no room for it; the others say nothing", () => {
    const fight = (world: ConflictWorld, device: string): void => {
      for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true, device);
    };
    const over = (world: ConflictWorld): string[] => {
      const told: string[] = [];
      for (let one = world.watch.takeOver(); one !== null; one = world.watch.takeOver()) told.push(one);
      return told;
    };
    const world = new ConflictWorld("quarantine", { watchedIdentities: 2 });
    for (const device of ["one", "two", "three"]) fight(world, device);
    expect([world.alarms.length, world.watch.isDue, over(world)]).toEqual([3, true, ["one"]]);
    world.pass(590 * SECOND);
    expect([over(world), world.watch.isDue, world.hold(A, "two")]).toEqual([[], false, null]);
    world.pass(20 * SECOND);
    expect([over(world), world.watch.conflicts]).toEqual([["two", "three"], 0]);
    for (const action of ["observe", "hold"] as const) {
      const other = new ConflictWorld(action);
      fight(other, "one");
      expect(over(other.pass(4000 * SECOND))).toEqual([]);
    }
  });

  test("what is still to be told is bounded: a conflict beyond it is not opened", () => {
    const world = new ConflictWorld("quarantine", { watchedIdentities: 2 });
    for (let i = 0; i < 9; i++) for (const from of times(3, A, B)) world.pass(10).takes(from, true, `device-${i}`);
    expect([world.alarms.length, world.watch.conflicts]).toEqual([4, 2]);
    expect([world.watch.takeOver() as string, world.watch.takeOver() as string, world.watch.takeOver()]).toEqual([
      "device-0",
      "device-1",
      null,
    ]);
  });

  test("observe holds nothing", () => {
    const world = new ConflictWorld("observe");
    for (const from of times(3, A, B)) world.pass(SECOND).takes(from, true);
    expect([world.alarms.length, world.hold(B), world.hold(A)]).toEqual([1, null, null]);
  });

  test("memory is bounded: the identity that was quiet for longest is forgotten", () => {
    const world = new ConflictWorld("observe", { watchedIdentities: 10 });
    for (let i = 0; i < 100; i++) {
      for (const from of times(2, A, B)) world.pass(2 * SECOND).takes(from, true, `device-${i}`);
      expect(world.watch.watched).toBeLessThanOrEqual(10);
    }
    // The newest is still there: one more takeover completes its fight.
    world.pass(SECOND).takes(A, true, "device-99");
    expect(world.alarms.map(({ alarm }) => String(alarm.device))).toEqual(["device-99"]);
  });

  test("conflicts in memory are bounded as well", () => {
    const world = new ConflictWorld("hold", { watchedIdentities: 10 });
    for (let i = 0; i < 30; i++) for (const from of times(3, A, B)) world.pass(10).takes(from, true, `device-${i}`);
    expect([world.alarms.length, world.watch.conflicts]).toEqual([30, 10]);
    expect([world.hold(A, "device-0"), world.hold(A, "device-29")?.kind]).toEqual([null, "refuse"]);
  });

  test("an origin is the client's instance, or else its address; ports say nothing", () => {
    const same = (a: From, b: From): boolean => isSameOrigin(claimFrom(a, 1), claimFrom(b, 2));
    expect(same(A, A)).toBe(true);
    expect(same(A, B)).toBe(false);
    expect(same({ ...A, clientInstance: "x" }, { ...B, clientInstance: "x" })).toBe(true);
    expect(same({ ...A, clientInstance: "x" }, { ...A, clientInstance: "y" })).toBe(false);
    expect(same({ ...A, clientInstance: "x" }, A)).toBe(true);
  });
});
