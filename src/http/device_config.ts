/**
 * PUT and GET /v1/devices/{id}/config, and POST …/config/{version}/applied|failed: what a device is to be set to, in versions that only
 * rise, and what the device says of them. An answer means that it is on the disk.
 */
import type { Context, Hono } from "hono";
import * as v from "valibot";
import { normaliseIdentity } from "../base/identity.ts";
import { bodyText, readBody } from "./body.ts";
import { NoQuery, unknownDevice } from "./devices.ts";
import type { ConfigDone, Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";
import { count } from "./schema.ts";

export const ConfigVersionSchema = v.object({ version: count("Made by this; versions of a device rise by one, from 1") });
const nullable = (what: string) => v.pipe(v.nullable(v.number()), v.description(what));
export const ConfigSchema = v.object({
  version: count("The newest; 0 while there is none"),
  value: v.pipe(v.unknown(), v.description("As it was put; null while there is none")),
  applied: nullable("The newest version the device has applied, or null"),
  failed: nullable("The newest version the device has failed to apply, or null"),
  pending: nullable("The newest version, while the device has said nothing of it; else null"),
  reason: v.pipe(v.nullable(v.string()), v.description("Why the failed version has failed")),
});
export const ConfigReportBody = v.strictObject({
  fence: v.optional(
    v.pipe(
      v.number("a fence"),
      v.integer("a fence"),
      v.minValue(0, "a fence"),
      v.description("Of the connection that says so: refused when it does not have the device any more"),
    ),
  ),
  reason: v.optional(v.pipe(v.string("a text"), v.maxLength(256, "at most 256 characters"), v.description("Why it failed"))),
}, "an object with fence and reason");

const VERSION = /^[1-9][0-9]{0,14}$/;
const REFUSED: Readonly<Record<string, string>> = {
  too_long: "it is too long for the rings as configured",
  fence: "another connection has the device",
  stale: "the device has applied a newer version, or this one",
};

export function serveDeviceConfig(app: Hono, gateway: Gateway): void {
  app.put("/v1/devices/:id/config", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    const value = await valueOf(c, gateway.settings.limits.configBytes);
    if (value instanceof Response) return value;
    const done = await gateway.configs.put(id, value);
    return done.kind === "version" ? c.json({ version: done.version }) : refusal(done, id, "put configuration");
  });

  app.get("/v1/devices/:id/config", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    const device = normaliseIdentity(id);
    if (device === null) return unknownDevice(id);
    const found = await gateway.configs.find(device);
    if (found.kind === "busy") return unavailable(found.reason);
    if (found.config === null) {
      const known = await gateway.device(device);
      if (known.kind === "busy") return unavailable(known.reason);
      if (known.device === null) return unknownDevice(id);
      return c.json({ version: 0, value: null, applied: null, failed: null, pending: null, reason: null });
    }
    const { version, value, applied, failed, reason } = found.config;
    const pending = version > Math.max(applied ?? 0, failed ?? 0) ? version : null;
    return c.json({ version, value: JSON.parse(value) as unknown, applied, failed, pending, reason });
  });

  for (const state of ["applied", "failed"] as const) {
    app.post(`/v1/devices/:id/config/:version/${state}`, strictQuery(NoQuery), async (c) => {
      const { id, version } = c.req.param();
      const body = await readBody(c, ConfigReportBody);
      if (!body.ok) return body.answer;
      if (!VERSION.test(version)) return unknownVersion(version);
      const { fence = 0, reason = "" } = body.value;
      const done = await gateway.configs.report({ device: id, version: Number(version), isApplied: state === "applied", fence, reason });
      if (done.kind === "version") return new Response(null, { status: 204 });
      if (done.kind === "refused" && done.why === "unknown_version") return unknownVersion(version);
      return refusal(done, id, `take version ${version} as ${state}`);
    });
  }
}

/** The body as one line of JSON, or what is answered to another one. */
async function valueOf(c: Context, most: number): Promise<string | Response> {
  const text = await bodyText(c);
  if (text === null) return problem(400, "Cannot read the body: not UTF-8");
  let value: string;
  try {
    value = JSON.stringify(JSON.parse(text));
  } catch {
    return problem(400, "Cannot read the body: not JSON");
  }
  const bytes = new TextEncoder().encode(value).length;
  return bytes > most ? problem(413, `A configuration of ${bytes} bytes exceeds ${most}`) : value;
}

function refusal(done: Exclude<ConfigDone, { readonly kind: "version" }>, id: string, what: string): Response {
  switch (done.kind) {
    case "busy":
      return unavailable(done.reason);
    case "unknown_device":
      return unknownDevice(id);
    case "refused":
      return problem(409, `Cannot ${what}: ${REFUSED[done.why] ?? done.why}`);
    case "invalid": {
      const { path, message } = done.wrong[0]!;
      return problem(422, `Cannot ${what}: ${path === "" ? "it" : path} ${message}`, { errors: done.wrong });
    }
  }
}

const unknownVersion = (version: string): Response => problem(404, `Unknown version ${JSON.stringify(version.slice(0, 64))}`);
