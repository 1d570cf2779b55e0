/**
 * The watch over identity conflicts: two live devices with one identity that take it from each other. Pure; part of the
 * registry's state, so time is an argument and everything in it is bounded.
 *
 *   takeover    a living holder lost its device
 *   sent        what a connection has sent: two devices behind one address are told apart by it
 *   afterlife   what became of the loser's connection: the evidence. With it, a fight is found
 *   takeDue     the alarm to tell: one for a conflict, until it was acknowledged or has been quiet
 *   hold        may this newcomer take the holder's place?
 */
import type { DeviceId } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { ConflictAction, ConflictVerdict } from "../wire/control.ts";
import type { Sent } from "../wire/sent.ts";
import { type Fight, fightOf, ownVerdict, type Takeover, type VerdictLimits } from "./conflict_verdict.ts";
import type { Claim } from "./event.ts";
import { isSameOrigin, isSameParty, movementBetween } from "./origin.ts";
import type { Owner } from "./owner.ts";

export type ConflictLimits =
  & VerdictLimits
  & Pick<Limits, "watchedIdentities" | "watchedTakeovers" | "holdMs" | "holdMaxMs" | "conflictQuietMs" | "realarmMs">;

export interface Alarm extends Fight {
  readonly device: DeviceId;
  /** Wall ms. */
  readonly at: number;
  readonly action: ConflictAction;
}

/** What hold says about a newcomer. `probe`: its time is over; the holder keeps the device if it answers. */
export type Held = { readonly kind: "refuse"; readonly retryAfterMs: number } | { readonly kind: "probe" };

interface Watched {
  readonly device: DeviceId;
  /** Takeovers by the origin that had it, as far as is known, and by another one; oldest first. */
  readonly own: Takeover[];
  readonly others: Takeover[];
  touched: number;
}

interface Conflict {
  readonly device: DeviceId;
  /** The origins named in the last alarm, and whether what they sent was needed to tell them apart. */
  last: Takeover;
  isBySent: boolean;
  foughtAt: number;
  /** Monotonic ms; null: an alarm was told and nobody has said that they know. */
  acknowledgedAt: number | null;
  /** The cool-down under way and how long it is. 0: none yet. */
  holdUntil: number;
  holdMs: number;
}

const PROBE: Held = { kind: "probe" };
/** Forgotten in one call at most. */
const STRIDE = 64;
/** The order of the watched is kept to this only: moving one costs more than watching it. */
const ORDER_MS = 1000;

export class ConflictWatch {
  readonly action: ConflictAction;
  readonly #limits: ConflictLimits;
  /** Least recently touched first. */
  readonly #watched = new Map<DeviceId, Watched>();
  readonly #conflicts = new Map<DeviceId, Conflict>();
  readonly #due: Alarm[] = [];
  /** Devices whose quarantine is over. */
  readonly #over: DeviceId[] = [];
  #forgotAt = 0;

  constructor(action: ConflictAction, limits: ConflictLimits) {
    this.action = action;
    this.#limits = limits;
  }

  /** Identities in memory. */
  get watched(): number {
    return this.#watched.size;
  }
  get conflicts(): number {
    return this.#conflicts.size;
  }
  /** An alarm, or the end of one, waits to be told. */
  get isDue(): boolean {
    return this.#due.length > 0 || this.#over.length > 0;
  }

  /** Is there an alarm to tell, or perhaps something to forget? */
  wantsTick(now: number): boolean {
    return this.isDue || (now - this.#forgotAt >= ORDER_MS && (this.#watched.size > 0 || this.#conflicts.size > 0));
  }

  /** `owner` evicted `old`, whose close had not begun. */
  takeover(old: Owner, owner: Owner, now: number): void {
    const watched = this.#touch(old.device, now);
    const takeovers = isSameParty(old, owner, this.#limits) ? watched.own : watched.others;
    if (takeovers.length >= this.#limits.watchedTakeovers) takeovers.shift();
    takeovers.push({ old, owner, at: now, heard: null });
  }

  /** What the connection `fence` has sent so far. Nothing is kept of a device that is not watched. */
  sent(device: DeviceId, fence: number, sent: Sent, at: number, now: number): void {
    const watched = this.#watched.get(device);
    if (watched === undefined) return;
    let isNews = false;
    for (const takeovers of [watched.own, watched.others]) {
      for (const { old, owner } of takeovers) {
        const one = old.fence === fence ? old : owner.fence === fence ? owner : null;
        if (one === null || one.sent === sent) continue;
        isNews ||= one.sent === null;
        one.sent = sent;
      }
    }
    if (this.#tellApart(watched) || isNews) this.#judge(watched, at, now);
  }

  /** What became of the evicted connection `fence`. Returns what its takeover meant, or null when that cannot be told. */
  afterlife(device: DeviceId, fence: number, heard: boolean, at: number, now: number): ConflictVerdict | null {
    const watched = this.#watched.get(device);
    if (watched === undefined) return null;
    const conflict = this.#conflicts.get(device);
    const own = watched.own.findLast(({ old }) => old.fence === fence);
    if (own !== undefined) {
      own.heard = heard;
      return isUnclear(conflict, own) ? null : ownVerdict(own, watched.own, this.#limits);
    }
    const other = watched.others.findLast(({ old }) => old.fence === fence);
    if (other === undefined) return null;
    other.heard = heard;
    const isFight = this.#judge(watched, at, now);
    if (isUnclear(conflict, other)) return null;
    if (!heard && movementBetween(other.old, other.owner, this.#limits) === null) return "nat_rebind";
    // Between two that are known to fight no single takeover is harmless.
    return isFight || conflict !== undefined ? "clone" : null;
  }

  /** May `newcomer` not take the place of `holder`, which lives? Null: nothing is held. */
  hold(holder: Owner, newcomer: Claim, now: number): Held | null {
    if (this.#conflicts.size === 0 || this.action !== "hold") return null;
    const conflict = this.#conflicts.get(holder.device);
    if (conflict === undefined || isSameOrigin(holder.claim, newcomer)) return null;
    this.#refresh(conflict, now);
    if (now < conflict.holdUntil) return { kind: "refuse", retryAfterMs: Math.ceil(conflict.holdUntil - now) };
    conflict.holdMs = Math.min(2 * conflict.holdMs, this.#limits.holdMaxMs);
    conflict.holdUntil = now + conflict.holdMs;
    return PROBE;
  }

  /** Is the identity kept for its holder? */
  isHeld(device: DeviceId): boolean {
    return this.action === "hold" && this.#conflicts.has(device);
  }

  /** The alarm that waits longest to be told, or null. */
  takeDue(): Alarm | null {
    return this.#due.shift() ?? null;
  }

  /** A device whose quarantine is over, or null. */
  takeOver(): DeviceId | null {
    return this.#over.shift() ?? null;
  }

  /** Someone knows of it: no alarm until the fight has gone on for `realarmMs` more, or another origin has joined it. */
  acknowledge(device: DeviceId, now: number): boolean {
    const conflict = this.#conflicts.get(device);
    if (conflict === undefined) return false;
    conflict.acknowledgedAt = now;
    return true;
  }

  /** Lets go of what has been quiet for long enough. */
  forget(now: number): void {
    const { takeoverWindowMs, alternationWindowMs, movementWindowMs, conflictQuietMs } = this.#limits;
    const windowMs = Math.max(takeoverWindowMs, alternationWindowMs, movementWindowMs);
    this.#forgotAt = now;
    let left = STRIDE;
    for (const watched of this.#watched.values()) {
      if (left-- === 0 || watched.touched >= now - windowMs) break;
      this.#watched.delete(watched.device);
    }
    left = STRIDE;
    for (const conflict of this.#conflicts.values()) {
      if (left-- === 0 || Math.max(conflict.foughtAt, conflict.holdUntil) >= now - conflictQuietMs) break;
      this.#end(conflict.device);
    }
  }

  /** Moves what is now known to be by another one than it looked. */
  #tellApart({ own, others }: Watched): boolean {
    let moved = false;
    for (let i = 0; i < own.length; i++) {
      const one = own[i]!;
      if (isSameParty(one.old, one.owner, this.#limits)) continue;
      own.splice(i--, 1);
      if (others.length >= this.#limits.watchedTakeovers) others.shift();
      others.splice(others.findLastIndex(({ at }) => at <= one.at) + 1, 0, one);
      moved = true;
    }
    return moved;
  }

  #judge({ device, others }: Watched, at: number, now: number): boolean {
    const fight = fightOf(others, this.#limits);
    if (fight !== null) this.#fought(device, fight, at, now);
    return fight !== null;
  }

  #touch(device: DeviceId, now: number): Watched {
    let watched = this.#watched.get(device);
    if (watched === undefined) {
      if (this.#watched.size >= this.#limits.watchedIdentities) dropOldest(this.#watched);
      watched = { device, own: [], others: [], touched: now };
      this.#watched.set(device, watched);
    } else if (now - watched.touched >= ORDER_MS) {
      watched.touched = now;
      this.#watched.delete(device);
      this.#watched.set(device, watched);
    }
    return watched;
  }

  #fought(device: DeviceId, fight: Fight, at: number, now: number): void {
    const conflict = this.#conflicts.get(device);
    if (conflict === undefined) {
      if (!this.#roomForOneMore()) return;
      const holdMs = this.action === "hold" ? this.#limits.holdMs : 0;
      const [last, isBySent] = [fight.last, isFoundBySent(fight)];
      this.#conflicts.set(device, { device, last, isBySent, foughtAt: now, acknowledgedAt: null, holdUntil: now + holdMs, holdMs });
      return this.#alarm(device, fight, at);
    }
    this.#refresh(conflict, now);
    const known = conflict.acknowledgedAt;
    if (known === null || (now - known < this.#limits.realarmMs && !isStranger(fight.last, conflict.last, this.#limits))) return;
    conflict.acknowledgedAt = null;
    conflict.last = fight.last;
    conflict.isBySent = isFoundBySent(fight);
    this.#alarm(device, fight, at);
  }

  /** Lets go of the conflict that was quiet for longest; false while too much of that kind is still to be told. */
  #roomForOneMore(): boolean {
    if (this.#conflicts.size < this.#limits.watchedIdentities) return true;
    if (this.#over.length >= this.#limits.watchedIdentities) return false;
    for (const oldest of this.#conflicts.keys()) {
      this.#end(oldest);
      return true;
    }
    return true;
  }

  #end(device: DeviceId): void {
    this.#conflicts.delete(device);
    if (this.action === "quarantine") this.#over.push(device);
  }

  #alarm(device: DeviceId, fight: Fight, at: number): void {
    if (this.#due.length < this.#limits.watchedIdentities) this.#due.push({ ...fight, device, at, action: this.action });
  }

  #refresh(conflict: Conflict, now: number): void {
    conflict.foughtAt = now;
    this.#conflicts.delete(conflict.device);
    this.#conflicts.set(conflict.device, conflict);
  }
}

/** Does the takeover have an origin that the alarm did not name? */
const isStranger = (takeover: Takeover, named: Takeover, limits: ConflictLimits): boolean =>
  [takeover.old, takeover.owner].some((one) => !isSameParty(one, named.old, limits) && !isSameParty(one, named.owner, limits));

const isFoundBySent = ({ rule, last: { old, owner } }: Fight): boolean => rule === "movement" || isSameOrigin(old.claim, owner.claim);

/** Between two that are told apart by what they send, a newcomer that has not sent anything may be either. */
const isUnclear = (conflict: Conflict | undefined, { owner }: Takeover): boolean => conflict?.isBySent === true && owner.sent === null;

/** In strides: a walk to the first entry passes over all that were dropped before it. */
function dropOldest<V>(map: Map<DeviceId, V>): void {
  let left = 1 + (map.size >> 4);
  for (const key of map.keys()) {
    if (left-- === 0) return;
    map.delete(key);
  }
}
