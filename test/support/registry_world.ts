/** A registry under test: makes claims and closes, steps, and keeps a plain copy of every effect. */
import { type ConflictAction, END_REASONS, type EndReason, ORDERS, type OrderVerb, type Refusal } from "../../src/wire/control.ts";
import { type EffectOf, Effects, type EffectType } from "../../src/registry/effect.ts";
import type { Claim, RegistryEvent } from "../../src/registry/event.ts";
import { parsePolicy, type Policy } from "../../src/wire/policy.ts";
import { limitsWith } from "../../src/base/limits.ts";
import type { PolicyClass } from "../../src/registry/policies.ts";
import type { Decide } from "../../src/registry/policy.ts";
import { step } from "../../src/registry/registry.ts";
import { createRegistry, type RegistryState } from "../../src/registry/state.ts";

export type Told = { [T in EffectType]: EffectOf<T> }[EffectType];

export interface WorldOptions {
  counter?: number;
  counterEnd?: number;
  devices?: readonly string[];
  connections?: number;
  maxDevices?: number;
  admitUnknown?: boolean;
  decide?: Decide;
  pendingCandidates?: number;
  refusedIdentities?: number;
  waitersPerDevice?: number;
  policy?: string;
  self?: string;
  classes?: readonly PolicyClass[];
  devicePolicies?: Readonly<Record<string, string>>;
  conflictAction?: ConflictAction;
}

export function policyOf(text: string): Policy {
  const policy = parsePolicy(text, 64);
  if (policy === null) throw new Error(`Unknown policy ${text}`);
  return policy;
}

export class RegistryWorld {
  readonly state: RegistryState;
  readonly #out = new Effects();
  now = 0;
  at = 1_700_000_000_000;

  constructor(options: WorldOptions = {}) {
    this.state = createRegistry({
      policy: policyOf(options.policy ?? "takeover"),
      self: options.self ?? "",
      conflictAction: options.conflictAction ?? "observe",
      admitUnknown: options.admitUnknown ?? true,
      limits: limitsWith({
        connections: options.connections ?? 1000,
        devices: options.maxDevices ?? 1000,
        pendingCandidates: options.pendingCandidates ?? 4,
        refusedIdentities: options.refusedIdentities ?? 100,
        ...(options.waitersPerDevice === undefined ? {} : { waitersPerDevice: options.waitersPerDevice }),
      }),
      devices: options.devices ?? [],
      counter: options.counter ?? 1,
      counterEnd: options.counterEnd ?? 1 << 20,
      ...(options.decide === undefined ? {} : { decide: options.decide }),
      classes: options.classes ?? [],
      devicePolicies: Object.entries(options.devicePolicies ?? {}).map(([device, text]) => [device, policyOf(text)] as const),
    });
  }

  do(event: RegistryEvent): Told[] {
    this.#out.clear();
    step(this.state, event, this.now, this.#out);
    return Array.from({ length: this.#out.length }, (_, i) => ({ ...this.#out.at(i) }));
  }

  claim(device: string, conn: number, more: Partial<Claim> = {}): Told[] {
    return this.do({ ...claimOf(device, conn, this.at), ...more });
  }

  /** A claim while nobody can be admitted. */
  blockedClaim(device: string, conn: number): Told[] {
    this.state.blocked = "store_busy";
    const effects = this.claim(device, conn);
    this.state.blocked = "none";
    return effects;
  }

  /** Claims and returns the fence, or the refusal. */
  login(device: string, conn: number, more: Partial<Claim> = {}): number | Refusal {
    const decided = only(this.claim(device, conn, more), "decided");
    return decided.decision === "admit" ? decided.fence : decided.refusal;
  }

  close(device: string, conn: number, fence: number, reason: EndReason = "closed", ring = 0): Told[] {
    return this.do({
      type: "close",
      ring,
      conn,
      device,
      fence,
      position: 4096,
      reason: END_REASONS.indexOf(reason),
      lastByteAt: this.at - 5,
      at: this.at,
    });
  }

  order(verb: OrderVerb, device: string, text = ""): Told[] {
    return this.do({ type: "order", ring: 0, request: 1, verb: ORDERS.indexOf(verb), device, text, at: this.at });
  }

  kick(device: string): Told[] {
    return this.order("kick", device);
  }

  tick(): Told[] {
    return this.do({ type: "tick" });
  }

  ownerOf(device: string): number | null {
    const answer = only(this.do({ type: "ask", ring: 0, request: 1, device }), "answer");
    return answer.owner?.fence ?? null;
  }
}

export const claimOf = (device: string, conn: number, at: number): Claim => ({
  type: "claim",
  ring: 0,
  conn,
  device,
  deviceClass: "",
  transport: 0,
  address: "10.0.0.1",
  port: 40_000 + conn,
  clientInstance: "",
  at,
  dialled: false,
});

export const types = (effects: readonly Told[]): EffectType[] => effects.map((effect) => effect.type);

/** The one effect of a type. @throws when there is none or more than one. */
export function only<T extends EffectType>(effects: readonly Told[], type: T): EffectOf<T> {
  const found = effects.filter((effect) => effect.type === type);
  if (found.length !== 1) throw new Error(`Expected one ${type}, got ${JSON.stringify(types(effects))}`);
  return found[0] as unknown as EffectOf<T>;
}
