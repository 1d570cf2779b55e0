/**
 * How one subscriber that is behind moves along a batch: from the window or from its page, as far as its bounds allow.
 * Pure; owned by an http thread.
 */
import { asSeq, type MonoMs, type Seq } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Batch } from "./batch.ts";
import { matches } from "./filter.ts";
import { gapOf, leftOut, told } from "./latest.ts";
import type { Tally } from "./port.ts";
import type { Hole, Subscriber } from "./subscriber.ts";

type Bounds = Pick<Limits, "subscriberEvents" | "subscriberBytes">;

/** Kept free for what is no event and may be said at any time: a gap, bye. */
const MARKER_BYTES = 512;

/** May this much more be queued? One event always may when the client has nothing left to take, whatever its size. */
export function hasRoom(subscriber: Subscriber, bounds: Bounds, events: number, bytes: number): boolean {
  const { account } = subscriber;
  const held = account.bytes + account.inHand;
  if (held === 0 && events <= 1) return true;
  return account.events + events <= bounds.subscriberEvents && held + bytes + MARKER_BYTES <= bounds.subscriberBytes;
}

/** A page that came; the last batch stands for the seqs up to `next` that hold nothing for this subscriber. */
export function takePage(subscriber: Subscriber, batches: readonly Batch[], next: Seq): void {
  if (next - 1 <= subscriber.position) return;
  subscriber.page = [...batches, { first: asSeq(next - 1), next, bytes: 0, each: () => {} }];
  subscriber.pageAt = 0;
}

/** The batch of its page to go on with, or null when it has no page or has read it. */
export function pageBatch(subscriber: Subscriber): Batch | null {
  const page = subscriber.page;
  if (page === null) return null;
  while (subscriber.pageAt < page.length && page[subscriber.pageAt]!.next <= subscriber.position + 1) subscriber.pageAt++;
  if (subscriber.pageAt < page.length) return page[subscriber.pageAt]!;
  subscriber.page = null;
  return null;
}

/**
 * Queues the batch's matching events after the position, as many as there is room for, and before each what was left out. True when it
 * queued any.
 */
export function fill(subscriber: Subscriber, batch: Batch, bounds: Bounds, tally: Tally, now: MonoMs): boolean {
  const parts: Uint8Array[] = [];
  let events = 0;
  let bytes = 0;
  let reached = batch.next - 1;
  batch.each(subscriber.position + 1, (event) => {
    if (!matches(subscriber.filter, event.device, event.kind, event.channel) || leftOut(subscriber, event)) return true;
    const { hole } = subscriber;
    const gap = hole === null ? null : gapOf(subscriber, hole);
    const encoded = event.encoded(subscriber.format.form);
    const more = encoded.length + (gap?.length ?? 0);
    if (!hasRoom(subscriber, bounds, events + 1, bytes + more)) {
      reached = event.seq - 1;
      return false;
    }
    if (hole !== null && gap !== null) {
      parts.push(gap);
      told(subscriber, hole);
      tally.gap("coalesced");
      tally.coalesced(hole.events);
    }
    parts.push(encoded);
    events++;
    bytes += more;
    subscriber.lastId = event.seq;
    return true;
  });
  subscriber.position = Math.max(subscriber.position, reached);
  if (events > 0) subscriber.queue(join(parts, bytes), events, now);
  return events > 0;
}

/** Says what was left out before the position, ahead of what comes after it. False: there is no room now. */
export function tellHole(subscriber: Subscriber, hole: Hole, bounds: Bounds, tally: Tally, now: MonoMs): boolean {
  const gap = gapOf(subscriber, hole);
  if (!hasRoom(subscriber, bounds, 0, gap.length)) {
    subscriber.account.starved = true;
    return false;
  }
  subscriber.queue(gap, 0, now);
  told(subscriber, hole);
  tally.gap("coalesced");
  tally.coalesced(hole.events);
  return true;
}

export function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
