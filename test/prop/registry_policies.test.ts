/**
 * Invariants of admission under all policies at once: claims of both directions, closes (early, late, twice), probes answered,
 * unanswered and too late, kicks, changes of policy, deadlines, shutdowns and restarts, in any order.
 */
import { expect, test } from "bun:test";
import { prng } from "../../src/base/prng.ts";
import { RegistryWatch } from "../support/registry_watch.ts";
import { policyOf, RegistryWorld, type Told } from "../support/registry_world.ts";

const DEVICES = ["a", "b", "m", "y", "z"];
const POLICIES = ["takeover", "reject", "initiator", "recent", "multi(1)", "multi(2)", "multi(3)"];
const LONGEST_WAIT_MS = 10_000;

interface Made {
  readonly device: string;
  readonly conn: number;
  readonly ring: number;
  readonly at: number;
  fence: number;
}

class Run {
  readonly random;
  readonly watch = new RegistryWatch();
  readonly policies = new Map<string, string>();
  #reserved = 1;
  #made: Made[] = [];
  #conn = 0;
  #world: RegistryWorld;

  constructor(seed: number) {
    this.random = prng(seed);
    this.#world = this.#fresh();
  }

  step(): void {
    const { random } = this;
    this.#world.now += random.below(random.chance(0.1) ? 4000 : 200);
    const roll = random.below(100);
    if (roll < 45) this.#claim();
    else if (roll < 70) this.#close();
    else if (roll < 80) this.#probed();
    else if (roll < 88) this.#see(this.#world.tick());
    else if (roll < 91) this.#kick();
    else if (roll < 96) this.#policy();
    else if (roll < 98) this.#world.state.counterEnd = this.#reserved += 30;
    else if (random.chance(0.3)) this.#restart();
    this.#check();
  }

  #fresh(): RegistryWorld {
    const counter = this.#reserved;
    const options = { counter, counterEnd: this.#reserved += 60, devices: [...DEVICES], self: "m", connections: 8 };
    const world = new RegistryWorld({ ...options, waitersPerDevice: 3, pendingCandidates: 6 });
    for (const [device, text] of this.policies) world.order("device_policy", device, text);
    return world;
  }

  #claim(): void {
    const { random } = this;
    const one: Made = { device: random.pick(DEVICES), conn: ++this.#conn, ring: random.below(3), at: this.#world.now, fence: 0 };
    this.#made.push(one);
    const spelled = random.chance(0.2) ? one.device.toUpperCase() : one.device;
    this.#see(
      this.#world.claim(spelled, one.conn, { ring: one.ring, dialled: random.chance(0.5), transport: random.chance(0.3) ? 3 : 0 }),
      one,
    );
    if (this.#made.length > 40) this.#made.shift();
  }

  #close(): void {
    if (this.#made.length === 0) return;
    const one = this.random.pick(this.#made);
    const owns = this.watch.of(one.device).has(one.fence);
    const waits = this.watch.waiting.delete(one.conn);
    const effects = this.#world.close(one.device, one.conn, this.random.chance(0.2) ? 0 : one.fence, "closed", one.ring);
    expect(effects.filter((effect) => effect.type === "disconnected" && effect.owner.fence === one.fence).length).toBe(owns ? 1 : 0);
    if (waits) expect(effects).toEqual([]);
    this.#see(effects);
  }

  #probed(): void {
    const { random } = this;
    const [fence] = this.watch.probing;
    const wrong = fence === undefined || random.chance(0.2);
    const device = wrong ? random.pick(DEVICES) : [...this.watch.open].find(([, all]) => all.has(fence))![0];
    const told = wrong ? 1024 * random.below(50) : fence;
    if (!wrong) this.watch.probing.delete(fence);
    else if (this.watch.probing.has(told)) return;
    this.#see(this.#world.do({ type: "probed", device, fence: told, answers: random.chance(0.5) }));
  }

  #kick(): void {
    const device = this.random.pick(DEVICES);
    const newest = Math.max(0, ...[...this.watch.of(device)].flatMap(([fence, { evicted }]) => (evicted ? [] : [fence])));
    this.#see(this.#world.kick(device));
    if (newest > 0) expect(this.watch.floors.get(device)!).toBeGreaterThan(newest);
  }

  #policy(): void {
    const [device, text] = [this.random.pick(DEVICES), this.random.pick(POLICIES)];
    this.policies.set(device, text);
    this.#see(this.#world.order("device_policy", device, text));
  }

  #restart(): void {
    const open = [...this.watch.open.values()].reduce((sum, all) => sum + all.size, 0);
    const effects = this.#world.do({ type: "releaseAll", at: this.#world.at, positions: [0, 0, 0] });
    this.#see(effects);
    expect(effects.filter((effect) => effect.type === "disconnected").length).toBe(open);
    expect([...this.watch.open.values()].every((all) => all.size === 0)).toBe(true);
    expect(this.watch.waiting.size).toBe(0);
    expect(this.#world.login("a", 0)).toBe("draining");
    this.watch.probing.clear();
    this.#world = this.#fresh();
  }

  #see(effects: readonly Told[], claim?: Made): void {
    const claims = new Map(claim === undefined ? [] : [[claim.conn, claim.device]]);
    for (const effect of effects) {
      const device = effect.type === "connected" || effect.type === "replaced" ? effect.owner.device : "";
      this.watch.see(effect, policyOf(this.policies.get(device) ?? "takeover").connections);
      this.watch.decided(effect, claims);
      if (effect.type !== "decided" || effect.decision !== "admit") continue;
      const one = this.#made.find(({ conn }) => conn === effect.conn);
      if (one !== undefined) one.fence = effect.fence;
    }
  }

  #check(): void {
    const { state, now } = this.#world;
    expect([state.living, state.waiting]).toEqual([this.watch.living, this.watch.waiting.size]);
    expect(state.waiting).toBeLessThanOrEqual(6);
    // What has its result, or its deadline behind it, is no probe any more.
    for (const fence of this.watch.probing) {
      if (![...state.pending.values()].some(({ holder }) => holder === fence)) this.watch.probing.delete(fence);
    }
    for (const shared of state.pending.values()) {
      expect(shared.deadline - now).toBeLessThanOrEqual(LONGEST_WAIT_MS);
      expect(shared.deadline).toBeGreaterThanOrEqual(Math.min(shared.deadline, state.nextDeadline));
      expect(state.owners.has(shared.device)).toBe(true);
    }
    for (const device of DEVICES) {
      const fences: number[] = [];
      for (let owner = state.owners.get(device as never) ?? null; owner !== null; owner = owner.older) fences.push(owner.fence);
      expect(fences).toEqual([...this.watch.of(device).keys()].toSorted((a, b) => b - a));
    }
  }
}

test("whatever the policies do: their number of owners, rising fences, no effect of who has left: 300 seeds of 300 steps", () => {
  const total = { replaced: 0, refused: 0, pending: 0, probes: 0, disconnected: 0, several: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    const run = new Run(seed);
    try {
      for (let i = 0; i < 300; i++) run.step();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += run.watch.seen[key];
  }
  for (const [what, count] of Object.entries(total)) expect({ what, often: count > 500 }).toEqual({ what, often: true });
});
