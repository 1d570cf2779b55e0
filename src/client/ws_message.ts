/** The messages of `GET /v1/ws` as a client reads them: `{type, id?, channel?, data?, timestamp}`. Pure. */
import type { Said } from "./transport.ts";

/** The gateway's answer to a message that had an id. */
export interface Answer {
  readonly id: string;
  /** Null: done. */
  readonly failure: Failure | null;
}

export interface Failure {
  /** It may be asked again. */
  readonly isPassing: boolean;
  readonly detail: string;
  readonly retryAfterMs: number | null;
  readonly data: unknown;
}

/** What one message asks of the transport besides what it says. */
export interface Heard {
  readonly said: readonly Said[];
  /** It wants an answer. */
  readonly isPing: boolean;
  readonly answer: Answer | null;
  /** The subscription it is about. */
  readonly channel: string | null;
}

const NOTHING: Heard = { said: [], isPing: false, answer: null, channel: null };
const PASSING: ReadonlySet<unknown> = new Set(["busy", "failed"]);

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
      return { ...NOTHING, channel, said: [{ type: "event", channel, id, event, data: data["data"] }] };
    }
    case "gap":
    case "resync":
      if (channel === null) return NOTHING;
      return { ...NOTHING, channel, said: [{ type: "event", channel, id, event: message.type, data: message.data }] };
    case "ping":
      return { ...NOTHING, channel, isPing: true, said: id === null ? [] : [{ type: "position", channel, id }] };
    case "hello": {
      const heartbeatMs = data["heartbeatMs"];
      return { ...NOTHING, said: typeof heartbeatMs === "number" ? [{ type: "pace", heartbeatMs }] : [] };
    }
    case "bye": {
      const reason = textOf(data["reason"]) ?? "";
      return { ...NOTHING, channel, said: [channel === null ? { type: "bye", reason } : { type: "bye", reason, channel }] };
    }
    case "subscribe":
    case "unsubscribe":
    case "publish":
      return id === null ? NOTHING : { ...NOTHING, answer: { id, failure: null } };
    case "error": {
      const failure = failureOf(data, message.data);
      if (id !== null) return { ...NOTHING, answer: { id, failure } };
      return channel === null ? NOTHING : { ...NOTHING, channel, said: [refusalOf(channel, failure)] };
    }
    default:
      return NOTHING;
  }
}

function failureOf(fields: Readonly<Record<string, unknown>>, data: unknown): Failure {
  const retryAfterMs = fields["retryAfterMs"];
  return {
    isPassing: PASSING.has(fields["code"]),
    detail: textOf(fields["detail"]) ?? textOf(data) ?? "the gateway did not say why",
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : null,
    data,
  };
}

/** Of a subscription: denied, or to be asked for again with the rest of the connection. */
export const refusalOf = (channel: string, { isPassing, detail, retryAfterMs, data }: Failure): Said =>
  isPassing ? { type: "failed", cause: "busy", reason: detail, retryAfterMs } : { type: "denied", channel, data };
