/** GET /v1/devices and /v1/devices/{id}: devices as the fold of the journal, one of them checked with the registry. */
import type { Hono } from "hono";
import * as v from "valibot";
import { spelled } from "../base/identity.ts";
import { decodeRecord } from "../codec/record.ts";
import type { DeviceView, Gateway, OneDevice } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { oneOf, query, strictQuery, text, wholeNumber } from "./query.ts";
import { visibleTo } from "./request_env.ts";
import type { DeviceJson, OneDeviceJson } from "./schema.ts";

export const PAGE_MAX = 1000;
const PAGE_DEFAULT = 100;
export const DEVICE_ID = /^[\x21-\x7e]{1,64}$/;

export const DevicesQuery = query({
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  after: v.optional(text("`next` of the page before")),
  connected: v.optional(oneOf(["true", "false"])),
});
export const NoQuery = query({});

export function serveDevices(app: Hono, gateway: Gateway): void {
  app.get("/v1/devices", strictQuery(DevicesQuery), async (c) => {
    const { limit = PAGE_DEFAULT, after = "0", connected } = c.req.valid("query");
    if (!/^[0-9]{1,10}$/.test(after)) return problem(400, "Cannot use after: expected `next` of the page before", { parameter: "after" });
    const wanted = connected === undefined ? null : connected === "true";
    const visible = visibleTo(c);
    if (visible !== null) return await onlyThese(gateway, visible, Number(after), limit, wanted);
    const found = await gateway.devices(Number(after), limit, wanted);
    if (found.kind === "busy") return unavailable(found.reason);
    const next = found.next === null ? null : String(found.next);
    return c.json({ cursor: found.cursor, devices: found.devices.map(deviceJson), next });
  });

  app.get("/v1/devices/:id", strictQuery(NoQuery), async (c) => {
    const id = spelled(c.req.param("id"));
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const found = await gateway.device(id);
    if (found.kind === "busy") return unavailable(found.reason);
    return found.device === null ? unknownDevice(id) : c.json(oneDeviceJson(found.device));
  });
}

/** The list as a token of some devices sees it. `after` counts those. */
async function onlyThese(
  gateway: Gateway,
  visible: ReadonlySet<string>,
  after: number,
  limit: number,
  connected: boolean | null,
): Promise<Response> {
  // The cursor first: what the devices show is of then or later.
  const start = await gateway.devices(0, 1, null);
  if (start.kind === "busy") return unavailable(start.reason);
  const ids = [...visible].toSorted();
  const devices: DeviceJson[] = [];
  let at = after;
  for (; at < ids.length && devices.length < limit; at++) {
    const found = await gateway.device(ids[at]!);
    if (found.kind === "busy") return unavailable(found.reason);
    const { device } = found;
    if (device !== null && (connected === null || device.connected === connected)) devices.push(deviceJson(device));
  }
  return Response.json({ cursor: start.cursor, devices, next: at < ids.length ? String(at) : null });
}

export const unknownDevice = (id: string): Response => problem(404, `Unknown device ${JSON.stringify(id.slice(0, 64))}`);

const oneDeviceJson = (device: OneDevice): OneDeviceJson => ({ ...deviceJson(device), liveness: device.liveness });

export function deviceJson(device: DeviceView): DeviceJson {
  const { id, connected, fence, transport, address, port, clientInstance, since, lastSeenAt, lastByteAt, position, records } = device;
  return {
    id,
    connected,
    fence,
    transport,
    origin: { address, port, clientInstance: clientInstance === "" ? null : clientInstance },
    since,
    lastSeenAt,
    lastByteAt,
    position: position === null ? null : decodeRecord(position.codec, position.bytes),
    records,
  };
}
