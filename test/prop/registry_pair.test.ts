/**
 * Two gateways that dial each other, each with its own registry, over links with any delays: under `initiator` and `recent`
 * both end up with the same one connection, whatever crosses on the way.
 */
import { expect, test } from "bun:test";
import { prng } from "../../src/base/prng.ts";
import { RegistryWorld, type Told } from "../support/registry_world.ts";

const NAMES = ["a", "b"] as const;
type Side = 0 | 1;
const other = (side: Side): Side => (side === 0 ? 1 : 0);

interface Link {
  readonly conn: number;
  readonly dialledBy: Side;
  /** By side: claimed, and closed as far as this side knows. */
  readonly claimed: boolean[];
  readonly closed: boolean[];
  readonly fence: number[];
  /** Nothing comes through any more. */
  dead: boolean;
}

class Pair {
  readonly links: Link[] = [];
  readonly worlds: readonly RegistryWorld[];
  readonly #random;
  readonly #longestMs: number;
  #queue: { at: number; act: () => void }[] = [];
  #now = 0;

  constructor(policy: string, seed: number, longestMs: number) {
    this.#random = prng(seed);
    this.#longestMs = longestMs;
    this.worlds = NAMES.map((self) => new RegistryWorld({ policy, self, counterEnd: 1 << 20 }));
  }

  /** One side dials; each side's greeting is over, and its registry asked, at some time of its own. */
  dial(side: Side): void {
    const link: Link = {
      conn: this.links.length + 1,
      dialledBy: side,
      claimed: [false, false],
      closed: [false, false],
      fence: [0, 0],
      dead: false,
    };
    this.links.push(link);
    for (const at of [0, 1] as const) this.#later(() => this.#claim(link, at));
  }

  /** Until nothing more happens. */
  run(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      this.#now = next.at;
      for (const world of this.worlds) world.now = this.#now;
      next.act();
    }
  }

  /** The path under the one connection is gone, and one side alone knows it. */
  lose(side: Side): void {
    for (const link of this.links) {
      link.dead = true;
      this.#close(link, side);
    }
  }

  /** The link each side's registry has. */
  owners(): (number | null)[] {
    return this.worlds.map((world, side) => {
      const fence = world.ownerOf(NAMES[other(side as Side)]!);
      return fence === null ? null : this.links.find((link) => link.fence[side] === fence)!.conn;
    });
  }

  #claim(link: Link, side: Side): void {
    if (link.closed[side]) return;
    link.claimed[side] = true;
    this.#see(side, this.worlds[side]!.claim(NAMES[other(side)]!, link.conn, { dialled: link.dialledBy === side, transport: 4 }));
  }

  #see(side: Side, effects: readonly Told[]): void {
    for (const effect of effects) {
      const link = "conn" in effect
        ? this.links[effect.conn - 1]
        : "owner" in effect
        ? this.links[effect.owner!.claim.conn - 1]
        : undefined;
      if (link === undefined) continue;
      if (effect.type === "decided" && effect.decision === "admit") link.fence[side] = effect.fence;
      if (effect.type === "evict" || (effect.type === "decided" && effect.decision === "refuse")) this.#close(link, side);
      if (effect.type === "probe") this.#probe(link, side, effect.owner.fence);
    }
  }

  /** The peer answers as long as it has not closed its end. */
  #probe(link: Link, side: Side, fence: number): void {
    const device = NAMES[other(side)]!;
    this.#later(() => {
      if (link.dead || link.closed[other(side)]) return;
      this.#later(() => this.#see(side, this.worlds[side]!.do({ type: "probed", device, fence, answers: true })));
    });
  }

  /** This side's end is closed: its registry hears of it, and the other side after a while. */
  #close(link: Link, side: Side): void {
    if (link.closed[side]) return;
    link.closed[side] = true;
    if (link.claimed[side]) this.#see(side, this.worlds[side]!.close(NAMES[other(side)]!, link.conn, link.fence[side]!));
    if (!link.dead) this.#later(() => this.#close(link, other(side)));
  }

  #later(act: () => void): void {
    this.#queue.push({ at: this.#now + this.#random.below(this.#longestMs), act });
  }

  #next(): { at: number; act: () => void } | null {
    for (const [side, world] of this.worlds.entries()) {
      const { nextDeadline } = world.state;
      if (nextDeadline === Number.POSITIVE_INFINITY || this.#queue.some(({ at }) => at < nextDeadline)) continue;
      return { at: Math.max(this.#now, nextDeadline), act: () => this.#see(side as Side, world.tick()) };
    }
    if (this.#queue.length === 0) return null;
    const first = this.#queue.reduce((a, b) => (b.at < a.at ? b : a));
    this.#queue = this.#queue.filter((one) => one !== first);
    return first;
  }
}

for (const policy of ["initiator", "recent"]) {
  test(`${policy}: both dial at once, one connection is left, the same on both sides: 2,000 of 2,000`, () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const pair = new Pair(policy, seed, seed % 2 === 0 ? 100 : 1000);
      pair.dial(0);
      pair.dial(1);
      pair.run();
      const [mine, yours] = pair.owners();
      const open = pair.links.filter(({ closed }) => !closed[0] && !closed[1]).map(({ conn }) => conn);
      expect({ seed, mine, yours, open }).toEqual({ seed, mine: open[0]!, yours: open[0]!, open: [open[0]!] });
      if (policy === "initiator") expect(pair.links[open[0]! - 1]!.dialledBy).toBe(1);
    }
  });

  test(`${policy}: however many dials cross, both agree on one at most, and on one after another dial: 2,000 of 2,000`, () => {
    let none = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const random = prng(seed);
      const pair = new Pair(policy, seed, 200);
      for (let i = 2 + random.below(4); i > 0; i--) pair.dial(random.below(2) as Side);
      pair.run();
      const check = (): boolean => {
        const [mine, yours] = pair.owners();
        const open = pair.links.filter(({ closed }) => !closed[0] && !closed[1]).map(({ conn }) => conn);
        expect({ seed, mine, yours, open }).toEqual({ seed, mine: open[0] ?? null, yours: open[0] ?? null, open: open.slice(0, 1) });
        return open.length === 1;
      };
      if (check()) continue;
      // Several dials of one side can end each other; then the dial scheduler, which makes one at a time, tries again.
      none++;
      pair.dial(random.below(2) as Side);
      pair.run();
      expect(check()).toBe(true);
    }
    expect(none).toBeLessThan(1000);
  });

  test(`${policy}: a path lost on one side only is replaced by the next dial of that side, 1,000 of 1,000`, () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const pair = new Pair(policy, seed, 100);
      pair.dial((seed & 1) as Side);
      pair.run();
      pair.lose(((seed >> 1) & 1) as Side);
      pair.run();
      pair.dial(((seed >> 1) & 1) as Side);
      pair.run();
      expect([seed, ...pair.owners()]).toEqual([seed, 2, 2]);
    }
  });
}
