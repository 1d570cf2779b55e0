/**
 * How one subscriber that is behind moves along a batch: from the window or from its page, as far as its bounds allow.
 * Pure; owned by an http thread.
 */
import type { MonoMs } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Batch } from "./batch.ts";
import { matches } from "./filter.ts";
import type { Subscriber } from "./subscriber.ts";

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

/** The batch of its page to go on with, or null when it has no page or has read it. */
export function pageBatch(subscriber: Subscriber): Batch | null {
  const page = subscriber.page;
  if (page === null) return null;
  while (subscriber.pageAt < page.length && page[subscriber.pageAt]!.next <= subscriber.position + 1) subscriber.pageAt++;
  if (subscriber.pageAt < page.length) return page[subscriber.pageAt]!;
  subscriber.page = null;
  return null;
}

/** Queues the batch's matching events after the position, as many as there is room for. True when it queued any. */
export function fill(subscriber: Subscriber, batch: Batch, bounds: Bounds, now: MonoMs): boolean {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let reached = batch.next - 1;
  batch.each(subscriber.position + 1, (event) => {
    if (!matches(subscriber.filter, event.device, event.kind, event.channel)) return true;
    const encoded = event.encoded(subscriber.format.form);
    if (!hasRoom(subscriber, bounds, parts.length + 1, bytes + encoded.length)) {
      reached = event.seq - 1;
      return false;
    }
    parts.push(encoded);
    bytes += encoded.length;
    subscriber.lastId = event.seq;
    return true;
  });
  subscriber.position = Math.max(subscriber.position, reached);
  if (parts.length > 0) subscriber.queue(join(parts, bytes), parts.length, now);
  return parts.length > 0;
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
