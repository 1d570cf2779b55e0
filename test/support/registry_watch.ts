/**
 * Who owns what, told from the registry's effects alone, and what must hold of them after each step, whatever the policies:
 *   I1 at most the policy's number of connections after an admission · I2 fences rise · I3 nothing acts for who has left
 * Also: one final decision for each newcomer, one eviction for each loser, one probe at a time for each holder.
 */
import { expect } from "bun:test";
import type { Told } from "./registry_world.ts";

interface Open {
  readonly conn: number;
  evicted: boolean;
}

export class RegistryWatch {
  readonly highest = new Map<string, number>();
  /** Per device, by fence: connected and not yet disconnected or replaced. */
  readonly open = new Map<string, Map<number, Open>>();
  /** Newcomers told to wait, by connection: their device. */
  readonly waiting = new Map<number, string>();
  readonly floors = new Map<string, number>();
  readonly seen = { replaced: 0, refused: 0, pending: 0, probes: 0, disconnected: 0, several: 0 };
  /** Holders whose probe has no result yet. */
  readonly probing = new Set<number>();

  of(device: string): Map<number, Open> {
    let all = this.open.get(device);
    if (all === undefined) this.open.set(device, all = new Map<number, Open>());
    return all;
  }

  get living(): number {
    return [...this.open.values()].reduce((sum, all) => sum + [...all.values()].filter((one) => !one.evicted).length, 0);
  }

  /** One effect. `most`: connections the policy in force allows a device. */
  see(effect: Told, most: number): void {
    switch (effect.type) {
      case "connected":
      case "replaced":
        return this.#admitted(effect, most);
      case "disconnected": {
        const { device, fence } = effect.owner;
        const all = this.of(device);
        expect(all.delete(fence)).toBe(true);
        this.probing.delete(fence);
        this.seen.disconnected++;
        return;
      }
      case "evict": {
        const { device, fence } = effect.owner;
        const one = this.of(device).get(fence);
        if (one === undefined) return;
        expect(one.evicted).toBe(false);
        one.evicted = true;
        return;
      }
      case "raiseFloor":
        this.floors.set(effect.device, Math.max(this.floors.get(effect.device) ?? 0, effect.fence));
        return;
      case "probe":
        expect(this.probing.has(effect.owner.fence)).toBe(false);
        expect(this.of(effect.owner.device).get(effect.owner.fence)?.evicted).toBe(false);
        this.probing.add(effect.owner.fence);
        this.seen.probes++;
        return;
      default:
    }
  }

  /** What one claim, or the end of a wait, came to. `device` of a claim just made, by connection. */
  decided(effect: Told, claims: ReadonlyMap<number, string>): void {
    if (effect.type !== "decided") return;
    const { conn, decision } = effect;
    expect(claims.has(conn) || this.waiting.has(conn)).toBe(true);
    if (decision === "pending") {
      expect(this.waiting.has(conn)).toBe(false);
      this.waiting.set(conn, claims.get(conn)!);
      this.seen.pending++;
      return;
    }
    this.waiting.delete(conn);
    if (decision === "refuse") this.seen.refused++;
  }

  #admitted(effect: Extract<Told, { type: "connected" | "replaced" }>, most: number): void {
    const { device, fence, claim } = effect.owner;
    const all = this.of(device);
    expect(fence).toBeGreaterThan(this.highest.get(device) ?? 0);
    this.highest.set(device, fence);
    if (effect.type === "replaced") {
      const old = all.get(effect.old.fence);
      expect(old).toBeDefined();
      expect(effect.oldClosing).toBe(old!.evicted);
      all.delete(effect.old.fence);
      this.probing.delete(effect.old.fence);
      this.seen.replaced++;
    } else if (all.size > 0) this.seen.several++;
    all.set(fence, { conn: claim.conn, evicted: false });
    expect(all.size).toBeLessThanOrEqual(most);
    if (effect.type !== "replaced") return;
    const lowest = Math.min(...[...all].flatMap(([each, { evicted }]) => (evicted ? [] : [each])));
    expect(effect.floor).toBe(lowest as never);
    this.floors.set(device, Math.max(this.floors.get(device) ?? 0, effect.floor));
  }
}
