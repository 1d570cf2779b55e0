/** Frames kept raw, as `GET /v1/quarantine` gives them: read page by page, and shown to people. */
import * as v from "valibot";
import { err, ok, type Result } from "../base/result.ts";
import { getJson } from "../client/rest.ts";
import { plainText, timeText } from "./event_line.ts";

export const Quarantined = v.looseObject({
  id: v.number(),
  device: v.string(),
  origin: v.nullable(v.object({ address: v.string(), port: v.number() })),
  codec: v.string(),
  fault: v.string(),
  offset: v.nullable(v.number()),
  decodes: v.nullable(v.number()),
  bytes: v.number(),
  count: v.number(),
  firstAt: v.number(),
  lastAt: v.number(),
  releasedAt: v.nullable(v.number()),
  replay: v.nullable(v.object({ at: v.number(), records: v.number(), stored: v.number() })),
  hex: v.optional(v.string()),
});
export type Quarantined = v.InferOutput<typeof Quarantined>;
const Page = v.object({ frames: v.array(Quarantined), next: v.nullable(v.string()) });
const PAGE = 100;

export interface Which {
  readonly url: string;
  readonly token?: string;
  readonly device?: string;
  readonly raw?: boolean;
  readonly held?: boolean;
}

/** Newest first, as many as are asked for. */
export async function* quarantined({ url, token, device, raw, held }: Which): AsyncIterableIterator<Result<Quarantined, string>> {
  for (let next: string | null = ""; next !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (device !== undefined) query.set("device", device);
    if (raw === true) query.set("raw", "true");
    if (held === true) query.set("held", "true");
    if (next !== "") query.set("after", next);
    const answer = await getJson(url, `/v1/quarantine?${query.toString()}`, token);
    if (!answer.ok) {
      yield answer;
      return;
    }
    const page = v.safeParse(Page, answer.value);
    if (!page.success) {
      yield err("odd", "Cannot read the answer of /v1/quarantine: it is not what this berth expects; are the versions the same?");
      return;
    }
    for (const frame of page.output.frames) yield ok(frame);
    next = page.output.next;
  }
}

const NAME = 10;
const HEX_COLUMNS = 96;
const line = (name: string, value: string): string => `  ${name.padEnd(NAME)}${plainText(value)}\n`;

export function quarantinedText(one: Quarantined): string {
  const { id, device, origin, codec, fault, offset, decodes, bytes, count, lastAt, firstAt, releasedAt, replay, hex } = one;
  const from = origin === null ? "" : `, from ${origin.address}:${origin.port}`;
  const why = decodes === null
    ? `${fault} at byte ${offset ?? 0} of ${bytes}, codec ${codec}`
    : `${fault} when it came; holds ${decodes} records by now: berth replay`;
  const state = releasedAt === null ? `no: berth quarantine release ${id}` : timeText(releasedAt);
  return [
    `${String(id).padEnd(NAME)}  ${device}\n`,
    line("fault", why),
    line("came", `${count} times, ${timeText(firstAt)} to ${timeText(lastAt)}${from}`),
    line("released", state),
    replay === null ? "" : line("replayed", `${timeText(replay.at)}: ${replay.records} records, ${replay.stored} of them new`),
    hex === undefined ? "" : hexLines(hex),
  ].join("");
}

function hexLines(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += HEX_COLUMNS) lines.push(line(at === 0 ? "bytes" : "", hex.slice(at, at + HEX_COLUMNS)));
  return lines.join("");
}
