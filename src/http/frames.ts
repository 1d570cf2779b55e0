/** GET /v1/devices/{id}/frames: what a device sent, byte by byte, newest first. A frame of which nothing was new is not stored. */
import type { Hono } from "hono";
import * as v from "valibot";
import { toHex } from "../base/bytes.ts";
import { spelled } from "../base/identity.ts";
import { AvlColumns, parseAvl } from "../codec/teltonika/avl.ts";
import { codecName } from "../codec/teltonika/codec_id.ts";
import type { StoredFrame } from "../store/port.ts";
import { DEVICE_ID, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { unavailable } from "./problem.ts";
import { query, strictQuery, wholeNumber } from "./query.ts";
import { count, ms } from "./schema.ts";

const PAGE_DEFAULT = 20;
const PAGE_MAX = 200;

export const FramesQuery = query({
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  after: v.optional(v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,15}$/, "`next` of the page before"))),
});

const mark = (what: string) => v.optional(v.pipe(v.boolean(), v.description(what)));
const FrameSchema = v.object({
  seq: count("Of its first new record"),
  device: v.string(),
  fence: count("The connection that delivered it"),
  receivedAt: ms("When it arrived"),
  codec: v.pipe(v.string(), v.description("8, 8E or 16")),
  records: count("It holds"),
  new: count("Of them, not stored before"),
  from: ms("Its earliest record"),
  to: ms("Its latest record"),
  bytes: count("Of its data field"),
  hex: v.pipe(v.string(), v.description("The data field as it came: codec id to second count, without preamble, length and CRC")),
  unfenced: mark("Stored beside the device's owner"),
  quarantined: mark("Sent while two live devices fought for the identity"),
  redecoded: mark("Kept raw, and decoded later by berth replay"),
});
export const FramesSchema = v.object({
  frames: v.pipe(v.array(FrameSchema), v.description("Newest first")),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});
export type FrameJson = v.InferOutput<typeof FrameSchema>;

export function serveFrames(app: Hono, gateway: Gateway): void {
  app.get("/v1/devices/:id/frames", strictQuery(FramesQuery), async (c) => {
    const id = spelled(c.req.param("id"));
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const { limit = PAGE_DEFAULT, after } = c.req.valid("query");
    const found = await gateway.raw.frames(id, after === undefined ? Number.MAX_SAFE_INTEGER : Number(after) - 1, limit);
    switch (found.kind) {
      case "frames": {
        const last = found.frames.at(-1);
        return c.json({
          frames: found.frames.map((frame) => frameJson(id, frame)),
          next: found.more && last !== undefined ? String(last.seq) : null,
        });
      }
      case "unknown_device":
        return unknownDevice(id);
      case "busy":
        return unavailable(found.reason);
    }
  });
}

function frameJson(device: string, frame: StoredFrame): FrameJson {
  const { seq, fence, receivedAt, records, newRecords, unfenced, quarantined, redecoded, bytes } = frame;
  const columns = new AvlColumns();
  parseAvl(bytes, 0, bytes.length, Number.MAX_SAFE_INTEGER, columns);
  return {
    seq,
    device,
    fence,
    receivedAt,
    codec: codecName(bytes[0]!),
    records,
    new: newRecords,
    from: columns.minTime,
    to: columns.maxTime,
    bytes: bytes.length,
    hex: toHex(bytes),
    ...(unfenced ? { unfenced } : {}),
    ...(quarantined ? { quarantined } : {}),
    ...(redecoded ? { redecoded } : {}),
  };
}
