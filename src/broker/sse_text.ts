/**
 * The text of a server-sent event stream: blocks of `id:`, `event:` and `data:` lines, and comments. Pure.
 *
 * A heartbeat is a comment that repeats the position, then a block holding only `id:`: EventSource moves its last id and
 * dispatches nothing, so the cursor of a quiet, filtered subscriber moves too.
 */
import type { Format } from "./batch.ts";
import { formatCursor } from "./cursor.ts";

const encoder = new TextEncoder();

/** An event's block. `json` is one line. */
export const sseEvent = (id: string, event: string, json: string): Uint8Array =>
  encoder.encode(`id: ${id}\nevent: ${event}\ndata: ${json}\n\n`);

export function sseFormat(epoch: string): Format {
  return {
    transport: "sse",
    form: "sse",
    opening: (retryMs) => encoder.encode(`retry: ${retryMs}\n\n`),
    resync: (id, cause) => sseEvent(formatCursor(epoch, id), "resync", JSON.stringify({ cause })),
    gap: (id, from, to, cause) => sseEvent(formatCursor(epoch, id), "gap", JSON.stringify({ from, to, cause })),
    bye: (reason) => encoder.encode(`event: bye\ndata: ${JSON.stringify({ reason })}\n\n`),
    heartbeat: (position) => encoder.encode(`: ${formatCursor(epoch, position)}\n\nid: ${formatCursor(epoch, position)}\n\n`),
  };
}
