/** Several connections of one device: multi(n), and what becomes of them when the policy changes. */
import { describe, expect, test } from "bun:test";
import { only, RegistryWorld, type Told, types } from "../../support/registry_world.ts";

const ID = "browser";
const three = (): { world: RegistryWorld; fences: number[] } => {
  const world = new RegistryWorld({ policy: "multi(3)" });
  return { world, fences: [1, 2, 3].map((conn) => world.login(ID, conn) as number) };
};
const leaving = (effects: readonly Told[]): unknown[] =>
  effects.flatMap((effect) => (effect.type === "disconnected" ? [[effect.owner.fence, effect.left]] : []));

describe("multi(n)", () => {
  test("admits up to n, each a connected of its own", () => {
    const world = new RegistryWorld({ policy: "multi(3)" });
    expect([1, 2, 3].map((conn) => types(world.claim(ID, conn)))).toEqual(Array.from({ length: 3 }, () => ["connected", "decided"]));
    expect([world.state.living, world.state.owners.size]).toEqual([3, 1]);
  });

  test("beyond n the oldest goes, and the floor is the lowest fence that lives", () => {
    const { world, fences } = three();
    const effects = world.claim(ID, 4);
    expect(types(effects)).toEqual(["replaced", "evict", "decided"]);
    expect(only(effects, "replaced")).toMatchObject({ old: { fence: fences[0] }, floor: fences[1], oldClosing: false });
    expect(world.state.living).toBe(3);
    expect(world.close(ID, 1, fences[0]!)).toEqual([]);
  });

  test("each connection leaves by its own fence and says who stays", () => {
    const { world, fences } = three();
    expect(leaving(world.close(ID, 2, fences[1]!))).toEqual([[fences[1], fences[2]]]);
    expect(leaving(world.close(ID, 3, fences[2]!))).toEqual([[fences[2], fences[0]]]);
    expect(world.ownerOf(ID)).toBe(fences[0]!);
    expect(leaving(world.close(ID, 1, fences[0]!))).toEqual([[fences[0], 0]]);
    expect([world.ownerOf(ID), world.state.living, world.state.owners.size]).toEqual([null, 0, 0]);
    for (const [i, fence] of fences.entries()) expect(world.close(ID, i + 1, fence)).toEqual([]);
  });

  test("a connection that ends before it hears its decision leaves, and no other", () => {
    const { world, fences } = three();
    expect(leaving(world.close(ID, 2, 0))).toEqual([[fences[1], fences[2]]]);
    expect(world.state.living).toBe(2);
  });

  test("a kick ends all of them, with the floor above the newest", () => {
    const { world, fences } = three();
    const effects = world.kick(ID);
    expect(types(effects)).toEqual(["raiseFloor", "evict", "evict", "evict", "done"]);
    expect(only(effects, "raiseFloor").fence).toBe((fences[2]! + 1) as never);
    expect(world.state.living).toBe(0);
  });

  test("one whose close has begun goes before one that lives", () => {
    const { world, fences } = three();
    world.kick(ID);
    const again = [4, 5, 6].map((conn) => world.claim(ID, conn));
    expect(again.map(types)).toEqual(Array.from({ length: 3 }, () => ["replaced", "decided"]));
    expect(again.map((effects) => only(effects, "replaced").old.fence as number)).toEqual(fences);
    expect(world.state.living).toBe(3);
    expect(types(world.claim(ID, 7))).toEqual(["replaced", "evict", "decided"]);
  });

  test("connections beyond the limit are refused, a replacement is not", () => {
    const world = new RegistryWorld({ policy: "multi(2)", connections: 2 });
    world.login(ID, 1);
    world.login("other", 2);
    expect(world.login(ID, 3)).toBe("connections");
    world.order("class_policy", "default", "takeover");
    expect(world.login(ID, 4)).toBeNumber();
  });

  test("after a change to one connection the next admission ends all others, oldest first, one of them as the replaced", () => {
    const { world, fences } = three();
    world.order("class_policy", "default", "takeover");
    const effects = world.claim(ID, 4);
    expect(types(effects)).toEqual(["disconnected", "evict", "disconnected", "evict", "replaced", "evict", "decided"]);
    expect(leaving(effects)).toEqual([[fences[0], fences[2]], [fences[1], fences[2]]]);
    expect(only(effects, "replaced")).toMatchObject({ old: { fence: fences[2] }, floor: only(effects, "decided").fence });
    for (const [i, fence] of fences.entries()) expect(world.close(ID, i + 1, fence)).toEqual([]);
    expect(world.state.living).toBe(1);
  });

  test("a shutdown ends all of them, in the order of their fences", () => {
    const { world, fences } = three();
    const effects = world.do({ type: "releaseAll", at: world.at, positions: [8] });
    expect(leaving(effects).map((one) => (one as number[])[0]!)).toEqual(fences);
    expect(world.state.living).toBe(0);
  });

  test("under reject the newest that lives is probed, and the next one when that leaves", () => {
    const { world, fences } = three();
    world.order("class_policy", "default", "reject");
    expect(only(world.claim(ID, 4), "probe").owner.fence).toBe(fences[2]! as never);
    expect(types(world.close(ID, 1, fences[0]!))).toEqual(["disconnected"]);
    const effects = world.close(ID, 3, fences[2]!);
    expect(types(effects)).toEqual(["disconnected", "probe"]);
    expect(only(effects, "probe").owner.fence).toBe(fences[1]! as never);
    expect(world.do({ type: "probed", device: ID, fence: fences[2]!, answers: false })).toEqual([]);
    expect(types(world.do({ type: "probed", device: ID, fence: fences[1]!, answers: false }))).toEqual(["replaced", "evict", "decided"]);
  });
});
