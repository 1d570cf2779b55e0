/**
 * All the registry knows. Pure data, changed by `step` alone; owned by the registry thread.
 *
 *   owners   device → the connection that has it        known    every device the store has or was promised
 *   pending  device → a newcomer waiting for a probe    refused  device → refusals of the running 10 s, oldest first
 */
import type { DeviceId } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { PolicyName, Refusal } from "../wire/control.ts";
import type { Owner, Pending, Refused } from "./owner.ts";
import { type Decide, decide } from "./policy.ts";

export interface RegistryState {
  readonly owners: Map<DeviceId, Owner>;
  readonly pending: Map<DeviceId, Pending>;
  readonly refused: Map<DeviceId, Refused>;
  readonly known: Set<DeviceId>;
  /** Policy of each class that has one of its own; all others have `policy`. */
  readonly classes: ReadonlyMap<string, PolicyName>;
  readonly policy: PolicyName;
  readonly decide: Decide;
  /** Unknown devices are admitted (and become known), or refused. */
  readonly admitUnknown: boolean;
  readonly limits: Pick<Limits, "connections" | "devices" | "pendingCandidates" | "refusedIdentities" | "refusedWindowMs">;
  /** The next fence's counter, and the end of the block reserved on disk. */
  counter: number;
  counterEnd: number;
  /** Why nobody can be admitted just now (no room for its event), or "none". Set by the thread before a step. */
  blocked: Refusal;
  released: boolean;
}

export interface RegistryStart {
  readonly policy: PolicyName;
  readonly admitUnknown: boolean;
  readonly limits: RegistryState["limits"];
  readonly devices: Iterable<string>;
  readonly counter: number;
  readonly counterEnd: number;
  readonly classes?: ReadonlyMap<string, PolicyName>;
  readonly decide?: Decide;
}

export function createRegistry(start: RegistryStart): RegistryState {
  return {
    owners: new Map(),
    pending: new Map(),
    refused: new Map(),
    known: new Set(start.devices as Iterable<DeviceId>),
    classes: start.classes ?? new Map(),
    policy: start.policy,
    decide: start.decide ?? decide,
    admitUnknown: start.admitUnknown,
    limits: start.limits,
    counter: start.counter,
    counterEnd: start.counterEnd,
    blocked: "none",
    released: false,
  };
}
