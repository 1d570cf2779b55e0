/**
 * GET /v1/quarantine, POST /v1/quarantine/{id}/release and /replay, DELETE /v1/quarantine/{id}: frames that could not be decoded and are
 * kept raw. A frame's id is the seq of its event.
 */
import type { Context, Hono } from "hono";
import * as v from "valibot";
import { toHex } from "../base/bytes.ts";
import { spelled } from "../base/identity.ts";
import { judgeFrame } from "../codec/raw_frame.ts";
import { codecName } from "../codec/teltonika/codec_id.ts";
import type { QuarantineQuery, StoredBadFrame, StoredQuarantined } from "../store/port.ts";
import type { QuarantineOrder } from "../wire/control.ts";
import { DEVICE_ID, NoQuery, PAGE_MAX } from "./devices.ts";
import type { Gateway, QuarantinedFound } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { oneOf, query, strictQuery, text, wholeNumber } from "./query.ts";
import { visibleTo } from "./request_env.ts";
import { count, ms } from "./schema.ts";

const PAGE_DEFAULT = 100;
const FRAME_ID = /^[1-9][0-9]{0,15}$/;

export const QuarantineParameters = query({
  device: v.optional(text("a device")),
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  after: v.optional(v.pipe(v.string(), v.regex(FRAME_ID, "`next` of the page before"))),
  raw: v.optional(oneOf(["true", "false"])),
  held: v.optional(oneOf(["true", "false"])),
});

const hex = v.optional(v.pipe(v.string(), v.description("The data field: codec id to second count; with raw=true")));
export const QuarantinedSchema = v.object({
  id: count("The seq of its event"),
  device: v.string(),
  fence: v.pipe(v.nullable(v.number()), v.description("The connection it came on first")),
  origin: v.pipe(v.nullable(v.object({ address: v.string(), port: v.number() })), v.description("Where that came from")),
  codec: v.pipe(v.string(), v.description("8, 8E, 16, or other")),
  fault: v.pipe(v.string(), v.description("Why it could not be decoded when it came")),
  offset: v.pipe(v.nullable(v.number()), v.description("Byte of the data field where today's decoder stops; null: it does not")),
  decodes: v.pipe(v.nullable(v.number()), v.description("Records today's decoder finds; null: it still stops")),
  bytes: count("Of its data field"),
  hash: v.string(),
  count: count("How often it came"),
  firstAt: ms("When it came first"),
  lastAt: ms("When it came last"),
  releasedAt: v.pipe(v.nullable(v.number()), v.description("Since when it is acknowledged; null: it stands in the device's way")),
  replay: v.pipe(
    v.nullable(v.object({ at: ms("When it was decoded again"), records: count("It holds"), stored: count("Of them, ever new") })),
    v.description("null: never"),
  ),
  hex,
});
const BadFrameSchema = v.object({ device: v.nullable(v.string()), at: ms("When it came"), bytes: count("Of its data field"), hex });
export const QuarantineSchema = v.object({
  frames: v.pipe(v.array(QuarantinedSchema), v.description("Newest first")),
  badCrc: v.pipe(v.array(BadFrameSchema), v.description("The newest frames with a wrong CRC, newest first; on the first page")),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});
type Quarantined = v.InferOutput<typeof QuarantinedSchema>;

export function serveQuarantine(app: Hono, gateway: Gateway): void {
  app.get("/v1/quarantine", strictQuery(QuarantineParameters), async (c) => {
    const { device: named, limit = PAGE_DEFAULT, after, raw, held } = c.req.valid("query");
    const device = named === undefined ? undefined : spelled(named);
    if (device !== undefined && !DEVICE_ID.test(device)) {
      return problem(400, "Cannot use device: expected a device", { parameter: "device" });
    }
    const visible = visibleTo(c);
    if (visible !== null && device !== undefined && !visible.has(device)) {
      return problem(403, `Cannot GET /v1/quarantine: the token has not the scope device:${device}`);
    }
    const upTo = after === undefined ? Number.MAX_SAFE_INTEGER : Number(after) - 1;
    const wanted = device === undefined ? visible : new Set([device]);
    const found = await newest(gateway, wanted, { upTo, limit, held: held === "true" }, after === undefined);
    if (found.kind === "busy") return unavailable(found.reason);
    const { frames, next } = found;
    const bad = found.bad.filter((one) => wanted === null || (one.device !== null && wanted.has(one.device)));
    return c.json({
      frames: frames.map((one) => quarantinedJson(one, raw === "true")),
      badCrc: bad.map((one) => badJson(one, raw === "true")),
      next,
    });
  });

  const ordered = async (c: Context, order: QuarantineOrder, done: (frame: StoredQuarantined) => Response): Promise<Response> => {
    const id = c.req.param("id") ?? "";
    const answer = FRAME_ID.test(id) ? await gateway.raw.order(order, Number(id)) : { kind: "unknown_frame" as const };
    switch (answer.kind) {
      case "done":
        return answer.frame === null ? new Response(null, { status: 204 }) : done(answer.frame);
      case "unknown_frame":
        return problem(404, `Unknown frame ${JSON.stringify(id.slice(0, 64))}: expected the id of one in GET /v1/quarantine`);
      case "busy":
        return unavailable(answer.reason);
    }
  };
  app.post("/v1/quarantine/:id/release", strictQuery(NoQuery), (c) => ordered(c, "release", () => new Response(null, { status: 204 })));
  app.post(
    "/v1/quarantine/:id/replay",
    strictQuery(NoQuery),
    (c) => ordered(c, "replay", (frame) => c.json(quarantinedJson(frame, false))),
  );
  app.delete("/v1/quarantine/:id", strictQuery(NoQuery), (c) => ordered(c, "forget", () => new Response(null, { status: 204 })));
}

/** The newest frames of all devices (null) or of these. `next`: there are older ones, below it. */
async function newest(gateway: Gateway, devices: ReadonlySet<string> | null, query: QuarantineQuery, bad: boolean) {
  const pages: QuarantinedFound[] = [];
  for (const device of devices ?? [null]) {
    const page = await gateway.raw.undecodable(device, query, bad);
    if (page.kind === "busy") return page;
    pages.push(page);
  }
  // Where a device has more below its page, nothing older of another goes before that.
  const floor = Math.max(0, ...pages.map(({ frames, more }) => more ? frames.at(-1)!.id : 0));
  const all = pages.flatMap(({ frames }) => frames).toSorted((a, b) => b.id - a.id);
  const frames = all.slice(0, query.limit).filter(({ id }) => id >= floor);
  const next = frames.length < all.length || floor > 0 ? String(frames.at(-1)!.id) : null;
  return { kind: "found" as const, frames, bad: pages[0]?.bad ?? [], next };
}

export function quarantinedJson(one: StoredQuarantined, isRaw: boolean): Quarantined {
  const { id, device, fence, origin, fault, hash, firstAt, lastAt, releasedAt, replayedAt, records, stored, bytes } = one;
  const { records: decodes, offset } = judgeFrame(bytes);
  return {
    id,
    device,
    fence: fence === 0 ? null : fence,
    origin,
    codec: codecName(one.codec),
    fault,
    offset,
    decodes,
    bytes: bytes.length,
    hash,
    count: one.count,
    firstAt,
    lastAt,
    releasedAt,
    replay: replayedAt === null ? null : { at: replayedAt, records, stored },
    ...(isRaw ? { hex: toHex(bytes) } : {}),
  };
}

const badJson = ({ device, at, bytes }: StoredBadFrame, isRaw: boolean) => ({
  device,
  at,
  bytes: bytes.length,
  ...(isRaw ? { hex: toHex(bytes) } : {}),
});
