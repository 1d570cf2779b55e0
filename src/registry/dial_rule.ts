/**
 * The rules of dialling: how long to wait before a dial, and which incoming connection makes one needless. Pure; part of
 * the dial scheduler.
 */
import type { PeerPolicy } from "../wire/peer_line.ts";

/** What a dial is at. Aborting is possible at every stage; from `greeting` on the peer may have heard who we are. */
export const DIAL_STAGES = ["resolving", "connecting", "greeting", "claiming"] as const;
export type DialStage = (typeof DIAL_STAGES)[number];

/** From and below, in ms, by attempt; the last one is for all that follow. */
const WINDOWS = [[0, 3000], [3000, 10_000], [10_000, 20_000]] as const;

/** `roll`: uniform in [0, 1). `percent` scales the windows: tests run with 1. */
export function dialDelayMs(attempt: number, roll: number, percent: number): number {
  const [from, below] = WINDOWS[Math.min(attempt, WINDOWS.length - 1)]!;
  return ((from + roll * (below - from)) * percent) / 100;
}

/** A connection that lasted this long makes the next dial a first attempt again: a peer that drops us at once is no success. */
export const settledAfterMs = (percent: number): number => (WINDOWS[1][1] * percent) / 100;

/**
 * Does the bigger side keep a connection the peer has dialled, whatever becomes of our own dial at `stage`? Then ours is
 * needless. Else ours must go on: the peer may already have given up its connection for ours, and aborting would lose both.
 *   initiator   the bigger identity's dial wins
 *   recent      the bigger takes the newest it knows: for itself that is the one that came; the smaller cannot know how
 *               far its own dial has got on the other side once it has greeted
 */
export function keepsIncoming(policy: PeerPolicy, weAreBigger: boolean, stage: DialStage): boolean {
  if (policy === "initiator") return !weAreBigger;
  return weAreBigger || stage === "resolving" || stage === "connecting";
}
