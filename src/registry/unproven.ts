/**
 * Connections whose identity is not proven: datagrams name a device, and anybody can send one. They never take a device from
 * a connection that has a session, and never keep one out. Pure; part of the registry's step.
 */
import { TRANSPORTS } from "../wire/control.ts";
import { type Policy, TAKEOVER } from "../wire/policy.ts";
import type { Claim } from "./event.ts";
import type { Owner } from "./owner.ts";

const UDP = TRANSPORTS.indexOf("udp");

export const isUnproven = (claim: Pick<Claim, "transport">): boolean => claim.transport === UDP;

/**
 * Does the newcomer stand beside this holder: it may store, and owns nothing? Beside one that is not proven either only for
 * `moveMs` after that came: then the device has moved.
 */
export const standsBeside = (holder: Owner, newcomer: Claim, now: number, moveMs: number): boolean =>
  isUnproven(newcomer) && (!isUnproven(holder.claim) || now - holder.admittedAt < moveMs);

/** Is this a holder that the newcomer leaves the device to? One that is not proven keeps nobody out. */
export const sparesHolder = (holder: Owner, newcomer: Claim): boolean =>
  newcomer.spares === true && holder.claim.transport !== newcomer.transport && !isUnproven(holder.claim);

/** Against a holder that is not proven the newcomer wins: it has a session, or is the same device at another address. */
export const policyAgainst = (holder: Owner | null, policy: Policy): Policy =>
  holder !== null && isUnproven(holder.claim) ? TAKEOVER : policy;
