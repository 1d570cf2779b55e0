/** A dial scheduler with a clock of its own, for tests: what each event brings, and which dials are in flight. */
import { asDeviceId } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import { prng } from "../../src/base/prng.ts";
import { nextDialAt, stepDial } from "../../src/registry/dial.ts";
import type { DialStage } from "../../src/registry/dial_rule.ts";
import { createDials, type DialEffect, type DialEntry, type DialEvent, type DialState, NONE } from "../../src/registry/dial_state.ts";
import type { PeerPolicy } from "../../src/wire/peer_line.ts";

export class DialWorld {
  now = 0;
  readonly state: DialState;
  /** Dials begun and neither aborted, failed nor registered, by peer. */
  readonly inFlight = new Map<string, number[]>();

  constructor(options: { self?: string; policy?: PeerPolicy; seed?: number; percent?: number } = {}) {
    const { self = "m", policy = "initiator", seed = 1, percent = 100 } = options;
    this.state = createDials({ self: asDeviceId(self), policy, limits: limitsWith({ dialPercent: percent }), random: prng(seed) });
  }

  do(event: DialEvent): readonly DialEffect[] {
    if (event.type === "failed" || event.type === "registered") this.#over(event.peer, event.dial);
    const effects = stepDial(this.state, event, this.now);
    for (const { type, peer, dial } of effects) {
      if (type === "dial") this.inFlight.set(peer, [...this.flying(peer), dial]);
      else this.#over(peer, dial);
    }
    return effects;
  }

  flying(peer: string): readonly number[] {
    return this.inFlight.get(peer) ?? [];
  }

  want(peer: string): DialEntry {
    this.do({ type: "want", peer: asDeviceId(peer) });
    return this.entry(peer);
  }

  entry(peer: string): DialEntry {
    return this.state.entries.get(asDeviceId(peer))!;
  }

  /** Lets time pass up to the next deadline, and looks. */
  next(): readonly DialEffect[] {
    const at = nextDialAt(this.state);
    if (at !== Infinity) this.now = Math.max(this.now, at);
    return this.do({ type: "tick" });
  }

  /** Waits for the delay to end; the dial's number. */
  dial(peer: string): number {
    this.next();
    return this.entry(peer).dial;
  }

  reach(peer: string, dial: number, stage: DialStage): readonly DialEffect[] {
    return this.do({ type: "stage", peer: asDeviceId(peer), dial, stage });
  }
  fail(peer: string, dial: number): readonly DialEffect[] {
    return this.do({ type: "failed", peer: asDeviceId(peer), dial });
  }
  incoming(peer: string, conn: number): readonly DialEffect[] {
    return this.do({ type: "incoming", peer: asDeviceId(peer), conn });
  }
  register(peer: string, conn: number, dial = NONE): readonly DialEffect[] {
    return this.do({ type: "registered", peer: asDeviceId(peer), conn, dial });
  }
  gone(peer: string, conn: number): readonly DialEffect[] {
    return this.do({ type: "gone", peer: asDeviceId(peer), conn });
  }

  #over(peer: string, dial: number): void {
    this.inFlight.set(peer, this.flying(peer).filter((one) => one !== dial));
  }
}
