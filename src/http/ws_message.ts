/**
 * What a client may say over a WebSocket: `{type, id?, channel?, data?, cursor?, mode?, processId?, timestamp?}` (the messages of go-ws, and
 * more of them). What a client adds besides is not looked at. An http thread reads them.
 */
import * as v from "valibot";
import { spelled } from "../base/identity.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type Channel, CHANNEL_MAX, CHANNELS_ALLOWED, deviceChannel, NAME, parseChannel } from "../broker/channel.ts";
import { type Mode, MODES, type Start } from "../broker/port.ts";

const TEXT_MAX = 256;
const DEPTH_MAX = 100;
const short = v.pipe(v.string(), v.maxLength(TEXT_MAX));

const Said = v.object({
  type: short,
  /** The answer to this message has it too. */
  id: v.optional(v.union([short, v.number()])),
  channel: v.optional(v.string()),
  cursor: v.optional(v.nullable(v.string())),
  mode: v.optional(v.unknown()),
  data: v.optional(v.unknown()),
});

/** Which message is answered; undefined where the client gave none. */
export type MessageId = string | number | undefined;

export type Said =
  | { readonly type: "subscribe"; readonly id: MessageId; readonly name: string; readonly channel: Channel; readonly start: Start }
  | { readonly type: "unsubscribe"; readonly id: MessageId; readonly name: string }
  | { readonly type: "publish"; readonly id: MessageId; readonly name: string; readonly data: string }
  | { readonly type: "ping"; readonly id: MessageId }
  /** Understood, and nothing to do. */
  | { readonly type: "nothing"; readonly id?: undefined };

/** Codes of error messages: what of a client's message cannot be used, or why it was not done. */
export type SaidFault = "bad_message" | "unknown_type" | "bad_channel";

/** What is wrong, and which message it was as far as it can be told. */
export type Heard = Result<Said, SaidFault> & { readonly id?: MessageId; readonly name?: string };

export function parseSaid(text: string): Heard {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("bad_message", "Cannot read the message: not JSON");
  }
  const parsed = v.safeParse(Said, value);
  if (!parsed.success) return err("bad_message", `Cannot use the message: ${v.getDotPath(parsed.issues[0]) ?? "it"} is not as expected`);
  const { type, id, channel, cursor = null, mode = "complete", data } = parsed.output;
  switch (type) {
    case "subscribe":
    case "unsubscribe": {
      const name = channel ?? data;
      const found = channelOf(name);
      if (found === null) return { ...badChannel(name), id };
      if (type === "unsubscribe") return ok({ type, id, name: name as string });
      if (!isMode(mode)) return { ...err("bad_message", `Cannot use mode: expected ${MODES.join(" or ")}`), id, name: name as string };
      return ok({ type, id, name: name as string, channel: found, start: { cursor, mode } });
    }
    case "publish":
    case "event": {
      if (channelOf(channel)?.kind !== "app") return { ...badChannel(channel), id };
      const json = jsonOf(data);
      return json === null
        ? { ...err("bad_message", "Cannot use data: it is nested too deep"), id, name: channel! }
        : ok({ type: "publish", id, name: channel!, data: json });
    }
    case "ping":
      return ok({ type, id });
    case "pong":
    case "error":
    case "process_output":
    case "process_status":
      return ok({ type: "nothing" });
    default:
      return { ...err("unknown_type", `Cannot use a message of type ${JSON.stringify(type)}`), id };
  }
}

const isMode = (mode: unknown): mode is Mode => MODES.some((each) => each === mode);

function channelOf(name: unknown): Channel | null {
  const channel = typeof name === "string" && NAME.test(name) ? parseChannel(name) : null;
  return channel?.kind === "device" && channel.device !== spelled(channel.device) ? null : channel;
}

function badChannel(name: unknown): Result<never, SaidFault> {
  if (typeof name !== "string") return err("bad_channel", `Cannot use a message without a channel: expected ${CHANNELS_ALLOWED}`);
  const channel = NAME.test(name) ? parseChannel(name) : null;
  // Events name their channel by the one spelling of its device: who listens by another one would not know them.
  const expected = channel?.kind === "device" ? deviceChannel(spelled(channel.device)) : CHANNELS_ALLOWED;
  return err("bad_channel", `Cannot use channel ${JSON.stringify(name.slice(0, CHANNEL_MAX))}: expected ${expected}`);
}

/** Null: it is nested too deep. Writing JSON takes time with the square of its depth. */
export const jsonOf = (data: unknown): string | null => (isFlat(data, DEPTH_MAX) ? JSON.stringify(data ?? null) : null);

function isFlat(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isFlat(each, depth - 1));
}
