/** GET /v1/devices/{id}/records: pages of stored records, by seq or, for tracks, by time. */
import type { Hono } from "hono";
import * as v from "valibot";
import { spelled } from "../base/identity.ts";
import { namedValues } from "../codec/io_value.ts";
import { decodeRecord } from "../codec/record.ts";
import { isInvalid } from "../codec/teltonika/avl.ts";
import { IO_FAMILIES, type IoFamily } from "../codec/teltonika/io_names.ts";
import type { StoredRecord } from "../store/port.ts";
import { DEVICE_ID, PAGE_MAX, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { oneOf, query, strictQuery, text, wholeNumber } from "./query.ts";
import type { StoredJson } from "./schema.ts";

const PAGE_DEFAULT = 100;
const TIME_MAX = Number.MAX_SAFE_INTEGER;

export const RecordsQuery = query({
  from: v.optional(wholeNumber(0, TIME_MAX)),
  to: v.optional(wholeNumber(0, TIME_MAX)),
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  after: v.optional(text("`next` of the page before")),
  order: v.optional(oneOf(["seq", "time"])),
  names: v.optional(oneOf(IO_FAMILIES)),
});

export function serveRecords(app: Hono, gateway: Gateway): void {
  const { futureMs } = gateway.settings.limits;
  app.get("/v1/devices/:id/records", strictQuery(RecordsQuery), async (c) => {
    const id = spelled(c.req.param("id"));
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const { from = null, to = null, limit = PAGE_DEFAULT, after = null, order = "seq", names = null } = c.req.valid("query");
    if (from !== null && to !== null && from > to) return problem(400, `Cannot use from: ${from} is after to ${to}`, { parameter: "from" });
    const answer = await gateway.records({ device: id, from, to, limit, after, order });
    switch (answer.kind) {
      case "page":
        return c.json({ records: answer.records.map((record) => storedJson(id, record, futureMs, names)), next: answer.next });
      case "unknown_device":
        return unknownDevice(id);
      case "bad_after":
        return problem(400, "Cannot use after: expected `next` of the page before, with the same order", { parameter: "after" });
      case "too_many":
        return problem(422, `Cannot sort ${answer.matches} records by time: ask for a shorter range of from and to`, {
          parameter: "order",
        });
      case "busy":
        return unavailable(answer.reason);
    }
  });
}

/** `futureMs`: how far ahead of its arrival a record may be dated. `names`: with named and scaled IO values, as that family of devices means them. */
export function storedJson(device: string, stored: StoredRecord, futureMs: number, names: IoFamily | null): StoredJson {
  const record = decodeRecord(stored.codec, stored.bytes);
  return {
    ...record,
    ...(names === null ? {} : { named: namedValues(record.io, names) }),
    seq: stored.seq,
    device,
    fence: stored.fence,
    receivedAt: stored.receivedAt,
    ...(isInvalid(stored.codec, stored.bytes, 0, stored.receivedAt + futureMs) ? { invalid: true } : {}),
    ...(stored.quarantined ? { quarantined: true } : {}),
    ...(stored.unfenced ? { unfenced: true } : {}),
    ...(stored.redecoded ? { redecoded: true } : {}),
  };
}
