/** The messages of `GET /v1/ws` as a client reads them: `{type, id?, channel?, data?, timestamp}`. Pure. */
import type { Said } from "./transport.ts";

/** What one message asks of the transport besides what it says. */
export interface Heard {
  readonly said: readonly Said[];
  /** It wants an answer. */
  readonly isPing: boolean;
  /** Of something that was published: `id` is what it was published with; `error` null: it is on the disk. */
  readonly published: { readonly id: string; readonly error: string | null } | null;
}

const NOTHING: Heard = { said: [], isPing: false, published: null };

interface Fields {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly channel?: unknown;
  readonly data?: unknown;
}

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : {};

/** @throws SyntaxError when it is no JSON. A type nobody knows is from a newer gateway, or somebody else's: it says nothing. */
export function readMessage(text: string): Heard {
  const message = fieldsOf(JSON.parse(text)) as Fields;
  const id = textOf(message.id);
  const channel = textOf(message.channel);
  const data = fieldsOf(message.data);
  switch (message.type) {
    case "event": {
      const event = textOf(data["event"]);
      if (channel === null || event === null) return NOTHING;
      return { ...NOTHING, said: [{ type: "event", channel, id, event, data: data["data"] }] };
    }
    case "gap":
    case "resync":
      return channel === null ? NOTHING : { ...NOTHING, said: [{ type: "event", channel, id, event: message.type, data: message.data }] };
    case "ping":
      return { ...NOTHING, isPing: true, said: id === null ? [] : [{ type: "position", channel, id }] };
    case "hello": {
      const heartbeatMs = data["heartbeatMs"];
      return { ...NOTHING, said: typeof heartbeatMs === "number" ? [{ type: "pace", heartbeatMs }] : [] };
    }
    case "bye": {
      const reason = textOf(data["reason"]) ?? "";
      return { ...NOTHING, said: [channel === null ? { type: "bye", reason } : { type: "bye", reason, channel }] };
    }
    case "publish":
      return id === null ? NOTHING : { ...NOTHING, published: { id, error: null } };
    case "error": {
      const error = textOf(data["detail"]) ?? textOf(message.data) ?? "the gateway did not say why";
      if (id !== null) return { ...NOTHING, published: { id, error } };
      return channel === null ? NOTHING : { ...NOTHING, said: [{ type: "denied", channel, data: message.data }] };
    }
    default:
      return NOTHING;
  }
}
