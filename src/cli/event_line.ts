/** An event as one line for people. Pure: the texts come from a gateway, so nothing in them may move a terminal's cursor. */
import * as v from "valibot";

const origin = v.optional(v.object({ address: v.string(), port: v.number() }));

/** What any event may have that a line shows. Everything is optional: a newer gateway may leave things out. */
const Data = v.partial(v.object({
  device: v.string(),
  id: v.union([v.string(), v.number()]),
  at: v.number(),
  receivedAt: v.number(),
  seq: v.number(),
  fence: v.number(),
  transport: v.string(),
  origin,
  old: v.partial(v.object({ fence: v.number(), origin })),
  policy: v.string(),
  verdict: v.string(),
  origins: v.array(v.object({ address: v.string(), port: v.number() })),
  reason: v.nullable(v.string()),
  cause: v.string(),
  count: v.number(),
  records: v.number(),
  codec: v.union([v.string(), v.number()]),
  bytes: v.number(),
  hex: v.string(),
  state: v.string(),
  text: v.string(),
  response: v.nullable(v.string()),
  late: v.string(),
  payload: v.string(),
  channel: v.string(),
  data: v.unknown(),
  from: v.union([v.string(), v.number()]),
  to: v.union([v.string(), v.number()]),
  time: v.number(),
  lat: v.number(),
  lon: v.number(),
  speed: v.number(),
  satellites: v.number(),
}));
type Data = v.InferOutput<typeof Data>;

/** A time for people, or the number itself when no calendar has it. */
export const timeText = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
const place = (at: Data["origin"]): string => (at === undefined ? "" : `${at.address}:${at.port}`);
const words = (...parts: readonly (string | undefined | null | false)[]): string => parts.filter((part) => part).join("  ");
const say = (
  name: string,
  value: string | number | undefined,
): string | undefined => (value === undefined ? undefined : `${name} ${value}`);

const short = (text: string | undefined): string | undefined => text !== undefined && text.length > 64 ? `${text.slice(0, 64)}…` : text;

function describe(kind: string, data: Data): string {
  switch (kind) {
    case "record":
      return words(
        say("seq", data.seq),
        data.time !== undefined && timeText(data.time),
        data.lat !== undefined && data.lon !== undefined && `${data.lat.toFixed(5)} ${data.lon.toFixed(5)}`,
        data.speed !== undefined && `${data.speed} km/h`,
        data.satellites !== undefined && `${data.satellites} sat`,
      );
    case "connected":
      return words(say("fence", data.fence), data.transport, place(data.origin));
    case "replaced":
      return words(
        say("fence", data.fence),
        data.transport,
        place(data.origin),
        say("replaces fence", data.old?.fence),
        place(data.old?.origin),
        say("policy", data.policy),
        data.cause !== "superseded" && data.cause,
      );
    case "disconnected":
      return words(say("fence", data.fence), data.reason, say("records", data.records));
    case "refused":
      return words(data.reason, data.count !== undefined && `${data.count} times`, place(data.origin));
    case "conflict":
      return words(data.verdict, data.origins?.map((each) => place(each)).join(" and "));
    case "quarantined":
      // Its number, for `berth quarantine release`.
      return words(data.reason, say("codec", data.codec), data.bytes !== undefined && `${data.bytes} bytes`, say("frame", data.id));
    case "command":
      return words(
        data.state,
        data.text !== undefined && JSON.stringify(data.text),
        data.reason,
        data.response !== undefined && data.response !== null && JSON.stringify(data.response),
        data.late !== undefined && "late answer",
        say("codec", data.codec),
        short(data.hex ?? data.payload),
      );
    case "message":
      return words(data.channel, short(JSON.stringify(data.data)));
    case "gap":
      return words("events are missing", data.from !== undefined && data.to !== undefined && `${data.from} to ${data.to}`, data.cause);
    case "resync":
      return data.cause === "none" ? "from here on" : words("read the devices again", data.cause);
    default:
      return words(data.reason ?? data.cause);
  }
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
/** Without what moves a terminal's cursor. */
export const plainText = (text: string): string => text.replaceAll(CONTROL, "?");
const DEVICE_COLUMNS = 15;
const KIND_COLUMNS = 12;
const NO_TIME = "-".repeat(24);

/** `2026-01-02T03:04:05.678Z  356307042441013  connected     fence 1024  tcp  127.0.0.1:4711` */
export function eventLine({ event, data }: { readonly event: string; readonly data: unknown }): string {
  const parsed = v.safeParse(Data, data);
  const fields = parsed.success ? parsed.output : {};
  const at = fields.receivedAt ?? fields.at;
  const line = [
    at === undefined ? NO_TIME : timeText(at),
    (fields.device ?? "-").padEnd(DEVICE_COLUMNS),
    event.padEnd(KIND_COLUMNS),
    parsed.success ? describe(event, fields) : JSON.stringify(data).slice(0, 200),
  ].join("  ");
  return plainText(line.trimEnd());
}
