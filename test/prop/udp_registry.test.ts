/** Sessions and datagrams of a few devices in any order, under any policy: a datagram never costs a session anything. */
import { expect, test } from "bun:test";
import { isAlive, type Owner } from "../../src/registry/owner.ts";
import { prng } from "../../src/base/prng.ts";
import { isUnproven } from "../../src/registry/unproven.ts";
import { TRANSPORTS } from "../../src/wire/control.ts";
import { only, RegistryWorld, types } from "../support/registry_world.ts";

const SEEDS = 300;
const STEPS = 200;
const DEVICES = ["a", "b"];
const POLICIES = ["takeover", "reject", "multi(3)", "initiator", "recent"];
const UDP = { transport: TRANSPORTS.indexOf("udp"), ring: 7 };
const MOVE_MS = 10_000;

function chainOf(world: RegistryWorld, device: string): Owner[] {
  const chain: Owner[] = [];
  for (let one = world.state.owners.get(device as never) ?? null; one !== null; one = one.older) chain.push(one);
  return chain;
}

test("whatever comes: sessions and datagrams never share a device, a session always wins, and a datagram is admitted, beside or refused", () => {
  let [besides, overtaken, moved] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = prng(seed);
    const world = new RegistryWorld({ policy: random.pick(POLICIES), self: random.pick(["", "aa"]) });
    for (let step = 1; step <= STEPS; step++) {
      const device = random.pick(DEVICES);
      const before = chainOf(world, device).filter(isAlive);
      const roll = random.below(10);
      world.at += random.below(4000);
      world.now += random.below(4000);
      if (roll < 4) {
        const effects = world.claim(device, step, { ...UDP, address: `10.0.0.${random.below(3)}` });
        const [held] = before;
        const recent = held !== undefined && isUnproven(held.claim) && world.now - held.admittedAt < MOVE_MS;
        if (held !== undefined && (recent || !isUnproven(held.claim))) {
          besides++;
          expect([types(effects), chainOf(world, device).filter(isAlive)]).toEqual([["beside"], before]);
          expect(only(effects, "beside").owner).toBe(held);
        } else {
          if (held !== undefined) moved++;
          expect(only(effects, "decided").decision).toBe("admit");
        }
      } else if (roll < 6) {
        const effects = world.claim(device, step, { address: `10.0.1.${random.below(3)}`, dialled: random.chance(0.5) });
        if (before.some(({ claim }) => isUnproven(claim))) {
          overtaken++;
          expect(only(effects, "decided").decision).toBe("admit");
          expect(effects.filter(({ type }) => type === "evict")).toHaveLength(before.length);
        }
      } else if (roll < 8 && before.length > 0) {
        const { fence, claim } = random.pick(before);
        world.close(device, claim.conn, fence, "closed", claim.ring);
      } else world.tick();
      const after = DEVICES.flatMap((one) => {
        const kinds = chainOf(world, one).filter(isAlive).map(({ claim }) => isUnproven(claim));
        expect(new Set(kinds).size).toBeLessThanOrEqual(1);
        if (kinds[0] === true) expect(kinds).toHaveLength(1);
        return kinds;
      });
      expect(world.state.living).toBe(after.length);
    }
  }
  expect(Math.min(besides, overtaken, moved)).toBeGreaterThan(500);
});
