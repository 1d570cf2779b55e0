/**
 * Stands beside the registry's step: every event and its effects against the plainest model of who owns what. It sees all
 * that the registry wants told, whether or not a disk ever hears of it.
 */
import type { Effect, Effects } from "../../../src/registry/effect.ts";
import type { Close, RegistryEvent } from "../../../src/registry/event.ts";
import type { RegistryState } from "../../../src/registry/state.ts";
import type { Owner } from "../../../src/registry/owner.ts";
import { END_REASONS } from "../../../src/wire/control.ts";
import { MOST_OWNERS } from "./plan.ts";
import { type Invariant, Violation } from "./violation.ts";

interface Held {
  readonly fence: number;
  readonly ring: number;
  readonly conn: number;
}

const SUPERSEDED = END_REASONS.indexOf("superseded");

/** Effects are used again by the next step: what is looked at must be looked at now. */
const listOf = (out: Effects): Effect[] => Array.from({ length: out.length }, (_, i) => out.at(i));

export class Watch {
  readonly owners = new Map<string, Held[]>();
  /** Across restarts. */
  readonly highest = new Map<string, number>();
  /** Fences that were taken away: superseded or kicked. Only their frames may be refused. */
  readonly lost = new Set<number>();
  /** Where the connection of a fence came from. */
  readonly origins = new Map<number, string>();
  takeovers = 0;
  /** When refusals of a device were last told. */
  readonly #refusals = new Map<string, number>();
  /** Blind eyes are for proofs that the other checks see as well. */
  readonly blind: boolean;

  constructor(blind = false) {
    this.blind = blind;
  }

  held(device: string): readonly Held[] {
    return this.owners.get(device) ?? [];
  }

  /** The process is gone, and its owners with it. */
  restart(): void {
    this.owners.clear();
    this.#refusals.clear();
  }

  see(state: RegistryState, event: RegistryEvent, now: number, out: Effects): void {
    const effects = listOf(out);
    for (const effect of effects) if (effect.type === "refusedMany") this.#refusedMany(effect.refused.device, now, state);
    for (const effect of effects) this.#effect(effect, event, effects, state);
    if (event.type === "close") this.#closed(event, effects);
    let count = 0;
    for (const list of this.owners.values()) count += list.length;
    if (event.type === "releaseAll") this.#hold(count === 0, "I9 shutdown", () => `${count} owners are left`);
    for (const [device, first] of state.owners) {
      const own = this.held(device).map(({ fence }) => fence).toSorted((a, b) => b - a);
      const chain: number[] = [];
      for (let owner: Owner | null = first; owner !== null && chain.length < MOST_OWNERS + 1; owner = owner.older) chain.push(owner.fence);
      this.#hold(chain.join() === own.join(), "I1 one owner", () => `${device} is held by ${chain.join()}, told of ${own.join()}`);
    }
    this.#hold(state.owners.size === this.owners.size, "I1 one owner", () => `${state.owners.size} owners, told of ${this.owners.size}`);
  }

  #effect(effect: Effect, event: RegistryEvent, all: readonly Effect[], state: RegistryState): void {
    switch (effect.type) {
      case "connected":
        return this.#admitted(effect.owner, all, state);
      case "replaced": {
        const { owner, old } = effect;
        this.#hold(this.#drop(owner.device, old.fence), "I10 explained", () => `${owner.device} replaces ${old.fence}, no owner`);
        this.lost.add(old.fence);
        for (const { fence } of this.held(owner.device)) if (fence < effect.floor) this.lost.add(fence);
        this.takeovers++;
        return this.#admitted(owner, all, state);
      }
      case "disconnected":
        if (effect.reason === SUPERSEDED) this.lost.add(effect.owner.fence);
        return this.#hold(
          this.#drop(effect.owner.device, effect.owner.fence),
          "I3 no effect of a lower fence",
          () => `${effect.owner.device} disconnects ${effect.owner.fence}, no owner`,
        );
      case "raiseFloor":
        for (const { fence } of this.held(effect.device)) if (fence < effect.fence) this.lost.add(fence);
        return;
      case "evict": {
        const own = this.held(effect.owner.device).find(({ ring, conn }) =>
          ring === effect.owner.claim.ring && conn === effect.owner.claim.conn
        );
        const may = own === undefined || effect.reason !== "superseded";
        return this.#hold(may, "I3 no effect of a lower fence", () => `${effect.owner.device} evicts its owner ${own?.fence}`);
      }
      case "decided":
        if (effect.decision !== "admit") return;
        return this.#hold(
          all.some((one) => (one.type === "connected" || one.type === "replaced") && (one.owner.fence as number) === effect.fence),
          "I10 explained",
          () => `${effect.fence} is admitted by ${event.type} and no event says so`,
        );
      default:
    }
  }

  #admitted(owner: Owner, all: readonly Effect[], state: RegistryState): void {
    const { device, claim } = owner;
    const fence: number = owner.fence;
    const { name, connections } = state.policies.of(device, claim);
    const held = this.held(device).length;
    this.#hold(held < connections, "I1 one owner", () => `${device} is admitted under ${name} beside ${held} owners`);
    this.#hold(
      fence > (this.highest.get(device) ?? 0),
      "I2 fences rise",
      () => `${device} gets ${fence} after ${this.highest.get(device)}`,
    );
    this.highest.set(device, fence);
    this.origins.set(fence, originOf(claim));
    this.owners.set(device, [...this.held(device), { fence, ring: claim.ring, conn: claim.conn }]);
    this.#hold(
      all.some((one) => one.type === "decided" && one.fence === fence && one.conn === claim.conn && one.ring === claim.ring),
      "I10 explained",
      () => `${device} is owned by ${fence} and its connection is not told`,
    );
  }

  /** A flood of refusals is one event a window; at a shutdown what is left is told. */
  #refusedMany(device: string, now: number, state: RegistryState): void {
    const before = this.#refusals.get(device) ?? -Infinity;
    const apart = now - before >= state.limits.refusedWindowMs || now === Infinity;
    this.#hold(apart, "I10 explained", () => `refusals of ${device} are told at ${before} and at ${now}`);
    this.#refusals.set(device, now);
  }

  /** A close ends the connection that says so, and no other. */
  #closed(event: Close, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "disconnected" || effect.reason === SUPERSEDED) continue;
      const { claim, fence } = effect.owner;
      const own = event.fence === 0 ? claim.ring === event.ring && claim.conn === event.conn : (fence as number) === event.fence;
      this.#hold(own, "I3 no effect of a lower fence", () => `the close of ${event.fence} ends ${fence}`);
    }
    const zombie = this.held(event.device).find(({ ring, conn }) => ring === event.ring && conn === event.conn);
    this.#hold(zombie === undefined, "I8 views agree", () => `${event.device} is held by ${zombie?.fence}, which has closed`);
  }

  #drop(device: string, fence: number): boolean {
    const held = this.held(device);
    const rest = held.filter((one) => one.fence !== fence);
    if (rest.length === 0) this.owners.delete(device);
    else this.owners.set(device, rest);
    return rest.length === held.length - 1;
  }

  #hold(condition: boolean, invariant: Invariant, text: () => string): void {
    if (!condition && !this.blind) throw new Violation(invariant, text());
  }
}

export const originOf = ({ address, port }: { readonly address: string; readonly port: number }): string => `${address}:${port}`;
