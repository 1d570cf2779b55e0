/** Conflicts inside the registry's step: what becomes evidence, when the alarm is told, and who is held off. */
import { describe, expect, test } from "bun:test";
import { only, RegistryWorld, type Told, types, type WorldOptions } from "../../support/registry_world.ts";

const IMEI = "356307042441013";
const [A, B] = [{ address: "10.0.0.1" }, { address: "10.0.0.2" }];

class Fight extends RegistryWorld {
  conn = 0;
  held: number;

  constructor(options: WorldOptions = {}) {
    super(options);
    this.held = this.take(A);
  }

  /** Logs in from `from`; the evicted one answers. */
  take(from: { readonly address: string }): number {
    this.now += 1000;
    this.at += 1000;
    const effects = this.claim(IMEI, ++this.conn, from);
    const fence = only(effects, "decided").fence;
    if (types(effects).includes("evict")) this.hear(only(effects, "evict").owner.fence, true);
    return this.held = fence;
  }

  hear(fence: number, answered: boolean): Told[] {
    return this.do({ type: "afterlife", device: IMEI, fence, answered, bytesAfter: false, at: this.at });
  }

  decided(from: { readonly address: string }): unknown[] {
    const { decision, refusal, retryAfterMs } = only(this.claim(IMEI, ++this.conn, from), "decided");
    return [decision, refusal, retryAfterMs];
  }
}

function fought(options: WorldOptions = {}): Fight {
  const world = new Fight(options);
  for (const from of [B, A, B, A]) world.take(from);
  return world;
}

describe("an identity conflict in the registry", () => {
  test("is told once, on a tick, by the fence of the present owner", () => {
    const world = fought();
    const [effect, ...rest] = world.tick();
    expect([effect?.type, rest.length]).toEqual(["conflict", 0]);
    const { alarm } = only([effect!], "conflict");
    expect([alarm.device as string, alarm.last.owner.fence as number, alarm.at, alarm.alternations]).toEqual([
      IMEI,
      world.held,
      world.at,
      2,
    ]);
    expect(world.tick()).toEqual([]);
  });

  test("one tick makes an admission or an alarm, not both", () => {
    const world = fought({ devicePolicies: { other: "reject" } });
    world.login("other", 100);
    world.claim("other", 101);
    world.now += 60_000;
    expect(types(world.tick())).toEqual(["replaced", "evict", "decided"]);
    expect(types(world.tick())).toEqual(["conflict"]);
  });

  test("is made of living holders only: one whose close has begun loses nothing", () => {
    const world = new Fight();
    for (const from of [B, A, B, A, B, A]) {
      world.kick(IMEI);
      world.take(from);
    }
    expect([world.state.conflicts.watched, world.tick()]).toEqual([0, []]);
  });

  test.each(["multi(1)", "recent", "initiator"])("is none under %s, which expects several connections", (policy) => {
    const world = fought({ policy, self: "z" });
    expect([world.state.conflicts.watched, world.tick()]).toEqual([0, []]);
  });

  test("evidence is told with what it means, and to the journal even about a takeover that is forgotten", () => {
    const world = new Fight();
    expect(only(world.hear(world.held, true), "evidence")).toMatchObject({ answered: true, verdict: null });
    const lost = world.held;
    world.claim(IMEI, 50, B);
    expect(only(world.hear(lost, false), "evidence")).toMatchObject({ fence: lost, answered: false, verdict: "nat_rebind" });
  });

  test("observe admits the next one all the same", () => {
    const world = fought();
    expect(world.decided(B)).toEqual(["admit", "none", 0]);
  });

  test("hold refuses the other origin without touching the holder, which may reconnect", () => {
    const world = fought({ conflictAction: "hold" });
    const owner = world.ownerOf(IMEI);
    expect(world.decided(B)).toEqual(["refuse", "conflict", 30_000]);
    expect(world.ownerOf(IMEI)).toBe(owner);
    expect(world.decided(A)).toEqual(["admit", "none", 0]);
    world.now += 10_000;
    expect(only(world.do({ type: "tick" }), "conflict").alarm.action).toBe("hold");
    expect(only(world.tick(), "refusedMany").refused).toMatchObject({ refusal: "conflict", count: 1, address: B.address });
  });

  test("hold probes the holder when its time is over: one that answers keeps the device, for twice as long", () => {
    const world = fought({ conflictAction: "hold" });
    const holder = world.ownerOf(IMEI)!;
    world.now += 30_000;
    expect(types(world.claim(IMEI, ++world.conn, B))).toEqual(["decided", "probe"]);
    const refused = world.do({ type: "probed", device: IMEI, fence: holder, answers: true });
    expect(only(refused, "decided")).toMatchObject({ decision: "refuse", refusal: "conflict" });
    expect(world.decided(B)).toEqual(["refuse", "conflict", 60_000]);
    expect(world.ownerOf(IMEI)).toBe(holder);
  });

  test("hold gives the device of a silent holder to the one that waits", () => {
    const world = fought({ conflictAction: "hold" });
    const holder = world.ownerOf(IMEI)!;
    world.now += 30_000;
    world.claim(IMEI, ++world.conn, B);
    const effects = world.do({ type: "probed", device: IMEI, fence: holder, answers: false });
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "replaced").owner.claim.address).toBe(B.address);
  });

  test("hold keeps nobody from a device whose holder is gone or kicked", () => {
    const world = fought({ conflictAction: "hold" });
    world.kick(IMEI);
    expect(world.decided(B)).toEqual(["admit", "none", 0]);
    expect(world.decided(A)[1]).toBe("conflict");
    world.close(IMEI, world.conn - 1, world.ownerOf(IMEI)!);
    expect(world.decided(A)).toEqual(["admit", "none", 0]);
  });

  test("quarantine admits the next one, and its end is told once it has been quiet", () => {
    const world = fought({ conflictAction: "quarantine" });
    expect(only(world.tick(), "conflict").alarm.action).toBe("quarantine");
    expect(world.decided(B)).toEqual(["admit", "none", 0]);
    world.now += 601_000;
    expect(types(world.tick())).toEqual([]);
    expect(only(world.tick(), "conflictOver").device as string).toBe(IMEI);
    expect(world.tick()).toEqual([]);
  });

  test("an acknowledgement is told to the journal, for every conflict of a known device and no other", () => {
    const world = fought();
    const effects = world.order("acknowledge", IMEI, "17");
    expect(only(effects, "acknowledged")).toMatchObject({ device: IMEI, conflict: 17, at: world.at, ring: 0, request: 1 });
    // It is answered when it is on the disk.
    expect(types(effects)).toEqual(["acknowledged"]);
    for (const [device, text] of [["nobody", "17"], [IMEI, "0"], [IMEI, "x"], ["not an id", "17"]] as const) {
      const refused = world.order("acknowledge", device, text);
      expect([types(refused), only(refused, "done").outcome]).toEqual([["done"], "unknown"]);
    }
  });
});
