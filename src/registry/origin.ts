/**
 * Where a connection comes from, as far as two of them can be told apart: by their logins, and later by what they have sent.
 * Pure.
 */
import { CONFLICT_DIFFERENCES } from "../wire/control.ts";
import { impossibleBetween, type Movement, type MovementBounds, type Sent } from "../wire/sent.ts";
import type { Claim } from "./event.ts";
import { KeptClaim } from "./kept_claim.ts";

type Origin = Pick<Claim, "address" | "clientInstance" | "tls">;

export interface Party {
  readonly claim: Origin;
  /** Null: not known. */
  readonly sent: Sent | null;
}

/**
 * One origin or two? A client that names its instance is known by it wherever it connects from; else the address speaks, and
 * behind one address what TLS was agreed on, or whose certificate. Ports say nothing: every connection has another one.
 */
export const isSameOrigin = (a: Origin, b: Origin): boolean =>
  areNamed(a, b) ? a.clientInstance === b.clientInstance : hasSameAddress(a, b) && hasSameTls(a, b);

/** Of two claims that are kept no text is made. */
const hasSameAddress = (a: Origin, b: Origin): boolean =>
  a instanceof KeptClaim && b instanceof KeptClaim ? a.hasAddressOf(b) : a.address === b.address;

/** A device may come with TLS and without. */
const hasSameTls = ({ tls: a = "" }: Origin, { tls: b = "" }: Origin): boolean => a === "" || b === "" || a === b;

const areNamed = (a: Origin, b: Origin): boolean => a.clientInstance !== "" && b.clientInstance !== "";

/** The same, with what they have sent. What is not known tells nobody apart. */
export const isSameParty = (a: Party, b: Party, bounds: MovementBounds): boolean =>
  isSameOrigin(a.claim, b.claim) &&
  (areNamed(a.claim, b.claim) || (hasSameCodec(a.sent, b.sent) && movementBetween(a, b, bounds) === null));

/** Records of one device have one codec and, when no event made them, one shape. */
const hasSameCodec = (a: Sent | null, b: Sent | null): boolean =>
  a === null || b === null || a.codec === 0 || b.codec === 0 ||
  (a.codec === b.codec && (a.shape === 0 || b.shape === 0 || a.shape === b.shape));

/** The way between them that is the least possible for one vehicle, or null: one may have sent all of it. */
export function movementBetween({ sent: a }: Party, { sent: b }: Party, bounds: MovementBounds): Movement | null {
  if (!isTracked(a) || !isTracked(b)) return null;
  let worst: Movement | null = null;
  for (const from of [a.first!, a.newest!]) {
    for (const to of [b.first!, b.newest!]) {
      const movement = impossibleBetween(from, to, bounds);
      if (movement !== null && (worst === null || movement.km * worst.seconds > worst.km * movement.seconds)) worst = movement;
    }
  }
  return worst;
}

/** Both have said where they are, and one vehicle may have been at all of it. */
export const isReachable = (a: Party, b: Party, bounds: MovementBounds): boolean =>
  isTracked(a.sent) && isTracked(b.sent) && movementBetween(a, b, bounds) === null;

const isTracked = (sent: Sent | null): sent is Sent => sent !== null && sent.isSteady && sent.first !== null && sent.newest !== null;

/** What tells the two apart: bits by the index in CONFLICT_DIFFERENCES. */
export function differencesBetween(a: Party, b: Party, bounds: MovementBounds): number {
  const differ = {
    client_instance: areNamed(a.claim, b.claim) && a.claim.clientInstance !== b.claim.clientInstance,
    address: !hasSameAddress(a.claim, b.claim),
    tls: !hasSameTls(a.claim, b.claim),
    codec: !hasSameCodec(a.sent, b.sent),
    movement: movementBetween(a, b, bounds) !== null,
  };
  return CONFLICT_DIFFERENCES.reduce((bits, name, i) => (differ[name] ? bits | (1 << i) : bits), 0);
}
