/** A device's own stream in the registry: it leaves the device to a connection of another kind, unless it says that it takes it. */
import { describe, expect, test } from "bun:test";
import { TRANSPORTS } from "../../../src/wire/control.ts";
import { only, RegistryWorld, types } from "../../support/registry_world.ts";

const SSE = { transport: TRANSPORTS.indexOf("sse"), ring: 4 };
const UDP = { transport: TRANSPORTS.indexOf("udp"), ring: 3 };
const ID = "352093086403655";

describe("a claim that spares the holder", () => {
  test.each(["takeover", "reject", "multi(3)"])("is refused for a live connection of another kind, and told of, under %s", (policy) => {
    const world = new RegistryWorld({ policy });
    const owner = only(world.claim(ID, 1), "connected").owner;
    const effects = world.claim(ID, 2, { ...SSE, spares: true });
    expect(types(effects)).toEqual(["decided"]);
    expect(only(effects, "decided")).toMatchObject({ decision: "refuse", refusal: "held", fence: 0 });
    expect(world.state.owners.get(owner.device)).toBe(owner);
    expect(world.state.refused.get(owner.device)).toMatchObject({ count: 1, refusal: "held", fence: owner.fence });
  });

  test("takes the device over when it does not spare, and from its own kind always", () => {
    const world = new RegistryWorld();
    world.claim(ID, 1);
    expect(types(world.claim(ID, 2, SSE))).toEqual(["replaced", "evict", "decided"]);
    expect(types(world.claim(ID, 3, { ...SSE, spares: true }))).toEqual(["replaced", "evict", "decided"]);
  });

  test("is not kept out by a sender of datagrams, nor by a connection whose close has begun", () => {
    const world = new RegistryWorld();
    world.claim(ID, 1, UDP);
    expect(only(world.claim(ID, 2, { ...SSE, spares: true }), "decided").decision).toBe("admit");
    const other = new RegistryWorld();
    const { fence } = only(other.claim(ID, 1), "connected").owner;
    other.close(ID, 1, fence);
    expect(only(other.claim(ID, 2, { ...SSE, spares: true }), "decided").decision).toBe("admit");
  });
});
