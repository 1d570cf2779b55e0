/**
 * The messages of a WebSocket that the broker writes: `{type, channel, id, data, timestamp}`, each a text frame of its own. Pure.
 *
 * A heartbeat is a `ping` with the position of its subscription, so the cursor of a quiet, filtered subscriber moves too.
 */
import { textFrame } from "../wire/ws_frame.ts";
import type { Form, Format } from "./batch.ts";
import { formatCursor } from "./cursor.ts";

/** As the type's consumers read it: RFC 3339. */
const time = (ms: number): string => new Date(ms).toISOString();

/** A journal event. `json` is its data, `channel` needs no escape but as a device's id does. */
export const socketEvent = (channel: string, id: string, kind: string, json: string, at: number): Uint8Array =>
  textFrame(
    `{"type":"event","channel":${JSON.stringify(channel)},"id":"${id}","data":{"event":"${kind}","data":${json}},"timestamp":"${
      time(at)
    }"}`,
  );

/** Any other message of the gateway. */
export const socketMessage = (type: string, fields: Readonly<Record<string, unknown>>, at: number): Uint8Array =>
  textFrame(JSON.stringify({ type, ...fields, timestamp: time(at) }));

/** What a subscription of `channel` is told. `wall`: the time now, ms. */
export function socketFormat(epoch: string, channel: string, form: Form, wall: () => number): Format {
  const message = (type: string, fields: Readonly<Record<string, unknown>>): Uint8Array =>
    socketMessage(type, { channel, ...fields }, wall());
  return {
    transport: "ws",
    form,
    opening: () => new Uint8Array(0),
    resync: (id, cause) => message("resync", { id: formatCursor(epoch, id), data: { cause } }),
    gap: (id, from, to, cause) => message("gap", { id: formatCursor(epoch, id), data: { from, to, cause } }),
    bye: (reason) => message("bye", { data: { reason } }),
    heartbeat: (position) => message("ping", { id: formatCursor(epoch, position) }),
  };
}
