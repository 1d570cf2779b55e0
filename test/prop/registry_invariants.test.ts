/**
 * Invariants of admission over random interleavings of claims, closes (early, late, twice, after shutdown) and restarts.
 *   I1 one owner a device · I2 fences of a device rise strictly, across restarts · I3 nothing of a lower fence acts after a higher
 */
import { expect, test } from "bun:test";
import { prng } from "../../src/base/prng.ts";
import { RegistryWorld, type Told } from "../support/registry_world.ts";

interface Live {
  readonly device: string;
  readonly conn: number;
  readonly ring: number;
  fence: number;
  closed: boolean;
}

/** The plain model: who owns what by the effects alone. */
class Watch {
  readonly highest = new Map<string, number>();
  readonly owner = new Map<string, number>();

  see(effect: Told): void {
    if (effect.type === "connected" || effect.type === "replaced") {
      const { device, fence } = effect.owner;
      expect(fence).toBeGreaterThan(this.highest.get(device) ?? 0);
      expect(this.owner.get(device)).toBe(effect.type === "connected" ? undefined : (effect.old.fence as number));
      this.highest.set(device, fence);
      this.owner.set(device, fence);
    } else if (effect.type === "disconnected") {
      const { device, fence } = effect.owner;
      expect(fence).toBe(this.highest.get(device) as never);
      expect(this.owner.get(device)).toBe(fence as number);
      this.owner.delete(device);
    }
  }
}

function run(seed: number): { takeovers: number; lateCloses: number; restarts: number } {
  const random = prng(seed);
  const watch = new Watch();
  const seen = { takeovers: 0, lateCloses: 0, restarts: 0 };
  let reserved = 1;
  let world = new RegistryWorld({ counter: reserved, counterEnd: reserved + 50 });
  reserved += 50;
  let live: Live[] = [];
  for (let conn = 1; conn <= 300; conn++) {
    world.now += random.below(100);
    const roll = random.below(100);
    if (roll < 55) {
      const one: Live = { device: `d${random.below(4)}`, conn, ring: random.below(3), fence: 0, closed: false };
      const effects = world.claim(one.device, conn, { ring: one.ring });
      for (const effect of effects) {
        watch.see(effect);
        if (effect.type === "replaced") seen.takeovers++;
        if (effect.type === "decided" && effect.decision === "admit") one.fence = effect.fence;
      }
      if (one.fence > 0) live.push(one);
    } else if (roll < 92 && live.length > 0) {
      const one = random.pick(live);
      const superseded = watch.owner.get(one.device) !== one.fence;
      const effects = world.close(one.device, one.conn, random.chance(0.2) ? 0 : one.fence, "closed", one.ring);
      if (superseded) seen.lateCloses++;
      expect(effects.length).toBe(superseded ? 0 : 1);
      effects.forEach((effect) => watch.see(effect));
      // Most are forgotten; some close again later.
      if (random.chance(0.7)) live = live.filter((other) => other !== one);
    } else if (roll < 96) {
      world.state.counterEnd += 20;
      reserved += 20;
    } else {
      // A stop in order, or a kill: then the journal says disconnected(restart) for what was open.
      if (random.chance(0.5)) world.do({ type: "releaseAll", at: world.at, positions: [0, 0, 0] }).forEach((effect) => watch.see(effect));
      watch.owner.clear();
      world = new RegistryWorld({ counter: reserved, counterEnd: reserved + 50, devices: [...watch.highest.keys()] });
      reserved += 50;
      seen.restarts++;
      if (random.chance(0.5)) live = [];
    }
    expect(world.state.owners.size).toBe(watch.owner.size);
    for (const [device, fence] of watch.owner) expect(world.state.owners.get(device as never)?.fence).toBe(fence as never);
  }
  return seen;
}

test("one owner, rising fences, no effect of a lower one: 300 seeds", () => {
  const total = { takeovers: 0, lateCloses: 0, restarts: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    try {
      const seen = run(seed);
      total.takeovers += seen.takeovers;
      total.lateCloses += seen.lateCloses;
      total.restarts += seen.restarts;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  for (const count of Object.values(total)) expect(count).toBeGreaterThan(1000);
});
