/**
 * All the registry knows. Pure data, changed by `step` alone; owned by the registry thread.
 *
 *   owners   device → its newest connection, with the older ones of multi(n) behind it
 *   pending  device → newcomers waiting for a probe     refused  device → refusals of the running 10 s, oldest first
 *   known    every device the store has or was promised  conflicts  who fights for a device
 */
import type { DeviceId } from "../base/brand.ts";
import { IdSet } from "../base/id_set.ts";
import type { Limits } from "../base/limits.ts";
import type { ConflictAction, Refusal } from "../wire/control.ts";
import { type Policy, TAKEOVER } from "../wire/policy.ts";
import { type ConflictLimits, ConflictWatch } from "./conflict.ts";
import { normaliseIdentity } from "../base/identity.ts";
import type { Owner, Pending, Refused } from "./owner.ts";
import { Policies, type PolicyClass } from "./policies.ts";
import { type Decide, decide } from "./policy.ts";

type Bounds =
  & Pick<
    Limits,
    | "connections"
    | "devices"
    | "pendingCandidates"
    | "waitersPerDevice"
    | "connectionsPerDevice"
    | "refusedIdentities"
    | "refusedWindowMs"
    | "probeMs"
    | "trackerProbeMs"
    | "parkMs"
    | "heldRetryMs"
    | "udpMoveMs"
  >
  & ConflictLimits;

export interface RegistryState {
  readonly owners: Map<DeviceId, Owner>;
  readonly pending: Map<DeviceId, Pending>;
  readonly refused: Map<DeviceId, Refused>;
  readonly known: IdSet;
  /** On the allow list, and taken off it: what counts where unknown devices are refused. */
  readonly allowed: Set<DeviceId>;
  readonly disallowed: Set<DeviceId>;
  readonly policies: Policies;
  readonly conflicts: ConflictWatch;
  /** Our own identity, in the spelling of identities: what the symmetric policies compare with. */
  readonly self: string;
  readonly decide: Decide;
  /** Unknown devices are admitted (and become known), or refused. */
  readonly admitUnknown: boolean;
  readonly limits: Bounds;
  /** Connections that are alive. */
  living: number;
  /** Newcomers in `pending`. */
  waiting: number;
  /** No deadline of `pending` is earlier. */
  nextDeadline: number;
  /** The next fence's counter, and the end of the block reserved on disk. */
  counter: number;
  counterEnd: number;
  /** Why nobody can be admitted just now (no room for its event), or "none". Set by the thread before a step. */
  blocked: Refusal;
  /** An operator has shut the door: nobody is admitted. */
  draining: boolean;
  released: boolean;
}

export interface RegistryStart {
  /** Of devices that have none of their own and are in no class; takeover when left out. */
  readonly policy?: Policy;
  readonly classes?: readonly PolicyClass[];
  readonly devicePolicies?: Iterable<readonly [string, Policy]>;
  /** "" when left out: no device has that identity. */
  readonly self?: string;
  readonly admitUnknown: boolean;
  readonly limits: RegistryState["limits"];
  readonly devices: Iterable<string>;
  /** None when left out. */
  readonly allowed?: Iterable<string>;
  readonly disallowed?: Iterable<string>;
  readonly counter: number;
  readonly counterEnd: number;
  readonly decide?: Decide;
  /** observe when left out. */
  readonly conflictAction?: ConflictAction;
}

export function createRegistry(start: RegistryStart): RegistryState {
  return {
    owners: new Map(),
    pending: new Map(),
    refused: new Map(),
    known: new IdSet(start.devices),
    allowed: new Set((start.allowed ?? []) as Iterable<DeviceId>),
    disallowed: new Set((start.disallowed ?? []) as Iterable<DeviceId>),
    policies: new Policies(start.policy ?? TAKEOVER, start.classes ?? [], start.devicePolicies ?? []),
    conflicts: new ConflictWatch(start.conflictAction ?? "observe", start.limits),
    self: normaliseIdentity(start.self ?? "") ?? "",
    decide: start.decide ?? decide,
    admitUnknown: start.admitUnknown,
    limits: start.limits,
    living: 0,
    waiting: 0,
    nextDeadline: Number.POSITIVE_INFINITY,
    counter: start.counter,
    counterEnd: start.counterEnd,
    blocked: "none",
    draining: false,
    released: false,
  };
}
