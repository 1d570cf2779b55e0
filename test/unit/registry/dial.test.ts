/** The dial scheduler case by case. "m" is us; "a" is smaller, "z" is bigger. */
import { describe, expect, test } from "bun:test";
import { nextDialAt } from "../../../src/registry/dial.ts";
import { DIAL_STAGES, dialDelayMs, keepsIncoming } from "../../../src/registry/dial_rule.ts";
import { NONE } from "../../../src/registry/dial_state.ts";
import { DialWorld } from "../../support/dial_world.ts";

const CONN = 7;

describe("the delay of a dial", () => {
  test("is uniform in the window of its attempt", () => {
    expect([0, 1, 2, 3, 9].map((attempt) => dialDelayMs(attempt, 0, 100))).toEqual([0, 3000, 10_000, 10_000, 10_000]);
    expect([0, 1, 2, 3, 9].map((attempt) => dialDelayMs(attempt, 0.5, 100))).toEqual([1500, 6500, 15_000, 15_000, 15_000]);
    expect(dialDelayMs(2, 0.9999999, 100)).toBeLessThan(20_000);
  });

  test("is scaled by configuration", () => {
    expect(dialDelayMs(1, 0.5, 1)).toBe(65);
  });

  test("grows with every failure", () => {
    const world = new DialWorld();
    world.want("z");
    for (const [from, below] of [[0, 3000], [3000, 10_000], [10_000, 20_000], [10_000, 20_000]] as const) {
      const waited = world.entry("z").deadline - world.now;
      expect(waited).toBeGreaterThanOrEqual(from);
      expect(waited).toBeLessThan(below);
      world.fail("z", world.dial("z"));
    }
  });

  test("is that of a first attempt again after a connection that lasted", () => {
    const world = new DialWorld();
    world.want("z");
    for (let i = 0; i < 3; i++) world.fail("z", world.dial("z"));
    world.register("z", CONN, world.dial("z"));
    world.now += 10_000;
    world.gone("z", CONN);
    expect(world.entry("z").deadline - world.now).toBeLessThan(3000);
  });

  test("goes on growing when the peer drops each connection at once", () => {
    const world = new DialWorld();
    world.want("z");
    for (let conn = 1; conn <= 3; conn++) {
      world.register("z", conn, world.dial("z"));
      world.gone("z", conn);
    }
    expect(world.entry("z").deadline - world.now).toBeGreaterThanOrEqual(10_000);
  });
});

describe("a dial", () => {
  test("begins once when the delay ends, and its timer leaves no entry", () => {
    const world = new DialWorld();
    world.want("z");
    expect(world.next()).toEqual([{ type: "dial", peer: "z" as never, dial: 1, attempt: 0 }]);
    expect(world.entry("z")).toMatchObject({ waits: "dial", dial: 1 });
    expect(world.do({ type: "tick" })).toEqual([]);
  });

  test("that reports a stage late is aborted", () => {
    const world = new DialWorld();
    world.want("z");
    const dial = world.dial("z");
    world.fail("z", dial);
    expect(world.reach("z", dial, "greeting")).toEqual([{ type: "abort", peer: "z" as never, dial, reason: "late" }]);
    expect(world.entry("z").waits).toBe("delay");
  });

  test.each(DIAL_STAGES.map((stage) => [stage]))("that stays %s too long is aborted and tried again", (stage) => {
    const world = new DialWorld();
    world.want("z");
    const dial = world.dial("z");
    world.reach("z", dial, stage);
    world.now += 10_000;
    expect(world.do({ type: "tick" })).toMatchObject([{ type: "abort", dial, reason: "timeout" }]);
    expect(world.entry("z")).toMatchObject({ waits: "delay", attempt: 1, dial: NONE });
  });

  test("to ourselves is never made", () => {
    const world = new DialWorld();
    world.want("m");
    expect(nextDialAt(world.state)).toBe(Infinity);
  });

  test("wanted twice is one dial", () => {
    const world = new DialWorld();
    const { deadline } = world.want("z");
    expect(world.want("z").deadline).toBe(deadline);
  });
});

describe("an incoming connection", () => {
  test("that the bigger side keeps supersedes the dial at every stage but claiming", () => {
    for (const stage of DIAL_STAGES) {
      const world = new DialWorld({ policy: "initiator" });
      world.want("z");
      const dial = world.dial("z");
      world.reach("z", dial, stage);
      const effects = world.incoming("z", CONN);
      if (stage === "claiming") expect(effects).toEqual([]);
      else expect(effects).toEqual([{ type: "abort", peer: "z" as never, dial, reason: "superseded" }]);
    }
  });

  test("that the bigger side gives up lets the dial go on", () => {
    const world = new DialWorld({ policy: "initiator" });
    world.want("a");
    world.reach("a", world.dial("a"), "greeting");
    expect(world.incoming("a", CONN)).toEqual([]);
    expect(world.entry("a").waits).toBe("dial");
  });

  test("under recent supersedes the bigger side's dial, and the smaller's before it has greeted", () => {
    expect(DIAL_STAGES.map((stage) => keepsIncoming("recent", true, stage))).toEqual([true, true, true, true]);
    expect(DIAL_STAGES.map((stage) => keepsIncoming("recent", false, stage))).toEqual([true, true, false, false]);
  });

  test("that superseded a dial has 2 s to register; then the retry path goes on", () => {
    const world = new DialWorld();
    world.want("z");
    world.dial("z");
    world.incoming("z", CONN);
    expect(world.entry("z")).toMatchObject({ waits: "incoming", deadline: world.now + 2000 });
    world.now += 1999;
    world.do({ type: "tick" });
    expect(world.entry("z").waits).toBe("incoming");
    world.now += 1;
    world.do({ type: "tick" });
    expect(world.entry("z")).toMatchObject({ waits: "delay", attempt: 1 });
  });

  test("that superseded a dial and ended is not waited for", () => {
    const world = new DialWorld();
    world.want("z");
    world.dial("z");
    world.incoming("z", CONN);
    world.gone("z", CONN + 1);
    expect(world.entry("z").waits).toBe("incoming");
    world.gone("z", CONN);
    expect(world.entry("z")).toMatchObject({ waits: "delay", attempt: 1 });
  });

  test("beside a registered one leaves nothing to wait for", () => {
    const world = new DialWorld({ policy: "recent" });
    world.want("z");
    const dial = world.dial("z");
    world.reach("z", dial, "greeting");
    world.register("z", CONN);
    world.reach("z", dial, "connecting");
    expect(world.incoming("z", CONN + 1)).toMatchObject([{ type: "abort", dial, reason: "superseded" }]);
    expect(world.entry("z")).toMatchObject({ owner: CONN, waits: "nothing", deadline: Infinity });
  });

  test("of a stranger changes nothing", () => {
    const world = new DialWorld();
    expect(world.incoming("stranger", CONN)).toEqual([]);
    expect(world.register("stranger", CONN)).toEqual([]);
    expect(world.gone("stranger", CONN)).toEqual([]);
    expect(world.state.entries.size).toBe(0);
  });
});

describe("a registration", () => {
  test("cancels the delay, and the identity is not muted: its end begins another", () => {
    const world = new DialWorld();
    world.want("z");
    world.register("z", CONN);
    expect(world.entry("z")).toMatchObject({ waits: "nothing", deadline: Infinity });
    world.gone("z", CONN);
    expect(world.entry("z").waits).toBe("delay");
  });

  test("cancels a dial that has not greeted", () => {
    for (const stage of ["resolving", "connecting"] as const) {
      const world = new DialWorld();
      world.want("a");
      const dial = world.dial("a");
      world.reach("a", dial, stage);
      expect(world.register("a", CONN)).toEqual([{ type: "abort", peer: "a" as never, dial, reason: "registered" }]);
      expect(world.entry("a").waits).toBe("nothing");
    }
  });

  test("leaves a greeting dial that will win alone; its failure then mutes nobody", () => {
    const world = new DialWorld();
    world.want("a");
    const dial = world.dial("a");
    world.reach("a", dial, "greeting");
    expect(world.register("a", CONN)).toEqual([]);
    world.gone("a", CONN);
    expect(world.entry("a")).toMatchObject({ waits: "dial", dial });
    world.fail("a", dial);
    expect(world.entry("a").waits).toBe("delay");
  });

  test("by the dial itself ends it, and the end of the one before has no effect", () => {
    const world = new DialWorld();
    world.want("a");
    const dial = world.dial("a");
    world.reach("a", dial, "claiming");
    world.register("a", CONN);
    world.register("a", CONN + 1, dial);
    expect(world.entry("a")).toMatchObject({ owner: CONN + 1, waits: "nothing" });
    world.gone("a", CONN);
    expect(world.entry("a")).toMatchObject({ owner: CONN + 1, waits: "nothing" });
  });
});

test("a drain aborts what is in flight, and nothing begins after it", () => {
  const world = new DialWorld();
  world.want("a");
  world.want("z");
  world.register("z", CONN);
  const dial = world.dial("a");
  expect(world.do({ type: "drain" })).toEqual([{ type: "abort", peer: "a" as never, dial, reason: "drain" }]);
  world.gone("z", CONN);
  world.fail("a", dial);
  world.want("b");
  expect(nextDialAt(world.state)).toBe(Infinity);
  expect(world.reach("a", dial, "greeting")).toMatchObject([{ type: "abort", reason: "late" }]);
});
