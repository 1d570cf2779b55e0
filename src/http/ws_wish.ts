/** What of a channel a WebSocket may hear, and how it is written. Pure; an http thread asks. */
import { assertNever } from "../base/assert.ts";
import type { Form } from "../broker/batch.ts";
import { type Filter, filterOf } from "../broker/filter.ts";
import type { Said } from "./ws_message.ts";

/** `visible`: the devices its token is for; null: it is for all. Null: it may hear nothing of that channel. */
export function wishOf(
  { name, channel }: Extract<Said, { type: "subscribe" }>,
  visible: ReadonlySet<string> | null,
): { readonly filter: Filter; readonly form: Form } | null {
  switch (channel.kind) {
    case "devices":
      if (visible !== null && visible.size === 0) return null;
      return { filter: filterOf(visible === null ? null : [...visible], null, []), form: "ws_devices" };
    case "device":
      if (visible !== null && !visible.has(channel.device)) return null;
      return { filter: filterOf([channel.device], null, []), form: "ws_own" };
    case "app":
      return visible === null ? { filter: filterOf([], null, [name]), form: "ws_own" } : null;
    default:
      return assertNever(channel, "channel");
  }
}
