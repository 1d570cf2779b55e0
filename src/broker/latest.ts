/**
 * Subscribers in mode latest: while one is catching up, records that a newer one of their device stands for are left out, and a gap
 * says so. It stands in the place of what is missing, before the next event: wherever the connection breaks, the cursor has heard of
 * every hole before it. Nothing is kept for such a subscriber but its place; what is the newest, the fold of the devices knows.
 * Pure; owned by an http thread.
 */
import type { EventRef } from "./batch.ts";
import type { Hole, Subscriber } from "./subscriber.ts";

/** Leaves the event out where a newer one stands for it. */
export function leftOut(subscriber: Subscriber, { kind, device, seq }: EventRef): boolean {
  const { isSuperseded, hole } = subscriber;
  if (isSuperseded === null || kind !== "record" || seq <= subscriber.wholeUpTo || !isSuperseded(device, seq)) return false;
  if (hole === null) subscriber.hole = { from: seq, to: seq, events: 1 };
  else {
    hole.to = seq;
    hole.events++;
  }
  return true;
}

/** The gap that says so. */
export const gapOf = ({ format, lastId }: Subscriber, { from, to }: Hole): Uint8Array =>
  format.gap(Math.max(to, lastId), from, to, "coalesced");

/** The gap is on its way. */
export function told(subscriber: Subscriber, hole: Hole): void {
  subscriber.hole = null;
  subscriber.lastId = Math.max(hole.to, subscriber.lastId);
}
