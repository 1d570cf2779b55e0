/**
 * What the registry wants done, in order. Pure. The list and its objects are used again for the next step: perform the
 * effects, or copy what must last, before it.
 */
import type { DeviceId, Fence } from "../base/brand.ts";
import type { ConflictVerdict, Decision, EndReason, Outcome, PolicyName, Refusal, TakeoverCause } from "../wire/control.ts";
import type { Claim } from "./event.ts";
import type { Alarm } from "./conflict.ts";
import type { Owner, Refused } from "./owner.ts";

interface Shapes {
  connected: { owner: Owner };
  /** A takeover: the only event of one. It raises the device's floor to `floor`, the lowest fence that still lives. */
  replaced: { owner: Owner; old: Owner; cause: TakeoverCause; oldClosing: boolean; policy: PolicyName; floor: Fence };
  /** `reason` is an index into END_REASONS. `left`: fence of the newest connection the device still has, or 0. */
  disconnected: { owner: Owner; position: number; reason: number; at: number; lastByteAt: number; left: number };
  refusedMany: { refused: Refused };
  raiseFloor: { device: DeviceId; fence: Fence };
  decided: {
    ring: number;
    conn: number;
    decision: Decision;
    refusal: Refusal;
    fence: number;
    retryAfterMs: number;
    policy: PolicyName;
  };
  evict: { owner: Owner; reason: EndReason };
  /** This connection may store beside `owner`, who keeps the device. */
  beside: { owner: Owner; ring: number; conn: number; at: number };
  /** Ask the worker of `owner` whether its peer answers; `probed` brings the result. */
  probe: { owner: Owner; deadlineMs: number };
  /** `device` null: no identity. */
  answer: { ring: number; request: number; device: DeviceId | null; known: boolean; owner: Owner | null };
  /** What became of the evicted connection `fence`, and what its takeover meant by that. */
  evidence: { device: DeviceId; fence: number; answered: boolean; bytesAfter: boolean; verdict: ConflictVerdict | null };
  conflict: { alarm: Alarm };
  conflictOver: { device: DeviceId };
  listed: { device: DeviceId; on: boolean };
  /** `request` of http thread `ring` is done when this is on the disk. */
  acknowledged: { device: DeviceId; conflict: number; at: number; ring: number; request: number };
  done: { ring: number; request: number; outcome: Outcome; text: string };
}

export type EffectType = keyof Shapes;
export type EffectOf<T extends EffectType> = { readonly type: T } & Shapes[T];
export type Effect = { [T in EffectType]: EffectOf<T> }[EffectType];

/** A list of effects that makes no garbage: each type's objects are kept and filled again. */
export class Effects {
  readonly #list: Effect[] = [];
  readonly #pools = new Map<EffectType, { readonly items: Effect[]; used: number }>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): Effect {
    return this.#list[index]!;
  }

  clear(): void {
    this.#length = 0;
    for (const pool of this.#pools.values()) pool.used = 0;
  }

  connected(owner: Owner): void {
    this.#next("connected").owner = owner;
  }
  replaced(owner: Owner, old: Owner, cause: TakeoverCause, policy: PolicyName, floor: Fence): void {
    const effect = this.#next("replaced");
    effect.owner = owner;
    effect.old = old;
    effect.cause = cause;
    effect.oldClosing = old.closing;
    effect.policy = policy;
    effect.floor = floor;
  }
  disconnected(owner: Owner, position: number, reason: number, at: number, lastByteAt: number, left: number): void {
    const effect = this.#next("disconnected");
    effect.owner = owner;
    effect.position = position;
    effect.reason = reason;
    effect.at = at;
    effect.lastByteAt = lastByteAt;
    effect.left = left;
  }
  refusedMany(refused: Refused): void {
    this.#next("refusedMany").refused = refused;
  }
  raiseFloor(device: DeviceId, fence: Fence): void {
    const effect = this.#next("raiseFloor");
    effect.device = device;
    effect.fence = fence;
  }
  /** What `claim` is told. */
  decided(claim: Claim, decision: Decision, refusal: Refusal, fence: number, retryAfterMs: number, policy: PolicyName): void {
    const effect = this.#next("decided");
    effect.ring = claim.ring;
    effect.conn = claim.conn;
    effect.decision = decision;
    effect.refusal = refusal;
    effect.fence = fence;
    effect.retryAfterMs = retryAfterMs;
    effect.policy = policy;
  }
  evict(owner: Owner, reason: EndReason): void {
    const effect = this.#next("evict");
    effect.owner = owner;
    effect.reason = reason;
  }
  beside(owner: Owner, claim: Claim): void {
    const effect = this.#next("beside");
    effect.owner = owner;
    effect.ring = claim.ring;
    effect.conn = claim.conn;
    effect.at = claim.at;
  }
  probe(owner: Owner, deadlineMs: number): void {
    const effect = this.#next("probe");
    effect.owner = owner;
    effect.deadlineMs = deadlineMs;
  }
  answer(ring: number, request: number, device: DeviceId | null, known: boolean, owner: Owner | null): void {
    const effect = this.#next("answer");
    effect.ring = ring;
    effect.request = request;
    effect.device = device;
    effect.known = known;
    effect.owner = owner;
  }
  evidence(device: DeviceId, fence: number, answered: boolean, bytesAfter: boolean, verdict: ConflictVerdict | null): void {
    const effect = this.#next("evidence");
    effect.device = device;
    effect.fence = fence;
    effect.answered = answered;
    effect.bytesAfter = bytesAfter;
    effect.verdict = verdict;
  }
  conflict(alarm: Alarm): void {
    this.#next("conflict").alarm = alarm;
  }
  conflictOver(device: DeviceId): void {
    this.#next("conflictOver").device = device;
  }
  listed(device: DeviceId, on: boolean): void {
    const effect = this.#next("listed");
    effect.device = device;
    effect.on = on;
  }
  acknowledged(device: DeviceId, conflict: number, at: number, ring: number, request: number): void {
    const effect = this.#next("acknowledged");
    effect.device = device;
    effect.conflict = conflict;
    effect.at = at;
    effect.ring = ring;
    effect.request = request;
  }
  done(ring: number, request: number, outcome: Outcome, text: string): void {
    const effect = this.#next("done");
    effect.ring = ring;
    effect.request = request;
    effect.outcome = outcome;
    effect.text = text;
  }

  #next<T extends EffectType>(type: T): EffectOf<T> {
    let pool = this.#pools.get(type);
    if (pool === undefined) this.#pools.set(type, pool = { items: [], used: 0 });
    if (pool.used === pool.items.length) pool.items.push({ type } as Effect);
    const effect = pool.items[pool.used++]!;
    this.#list[this.#length++] = effect;
    return effect as unknown as EffectOf<T>;
  }
}
