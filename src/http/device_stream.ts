/**
 * GET /v1/devices/{id}/stream: a device's own connection. It gets its configuration in full at once and each newer version as it comes,
 * and commands if it asks for them; it is admitted, taken over and evicted as any connection of the device, and says nothing but by its other requests.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { normaliseIdentity } from "../base/identity.ts";
import type { Refusal } from "../wire/control.ts";
import { unknownDevice } from "./devices.ts";
import type { Gateway, OpenStream } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { oneOf, query, strictQuery } from "./query.ts";
import { envOf, grantOf } from "./request_env.ts";

export const StreamQuery = query({ takeover: v.optional(oneOf(["true", "false"])), commands: v.optional(oneOf(["true", "false"])) });

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

export function serveDeviceStream(app: Hono, gateway: Gateway): void {
  app.get("/v1/devices/:id/stream", strictQuery(StreamQuery), async (c) => {
    const id = c.req.param("id");
    const device = normaliseIdentity(id);
    if (device === null) return unknownDevice(id);
    if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS });
    if (!gateway.accepting) return unavailable("the gateway is stopping");
    const { peer, cut } = envOf(c);
    const { signal } = c.req.raw;
    const { takeover, commands } = c.req.valid("query");
    const opened = await gateway.openStream(device, peer, { takeover: takeover === "true", commands: commands === "true" }, cut, signal);
    switch (opened.kind) {
      case "busy":
        return unavailable(opened.reason);
      case "refused":
        return refused(id, opened.refusal, opened.retryAfterMs);
      case "stream": {
        const { stream } = opened;
        // Revoked meanwhile, it is ended at once.
        const forget = gateway.access.whileValid(grantOf(c).token, () => stream.end("auth"));
        return new Response(bodyOf(stream, forget), { headers: HEADERS });
      }
    }
  });
}

function refused(id: string, refusal: Exclude<Refusal, "none">, retryAfterMs: number): Response {
  const what = `Cannot open the stream of ${JSON.stringify(id.slice(0, 64))}`;
  const headers = retryAfterMs > 0 ? { "retry-after": String(Math.ceil(retryAfterMs / 1000)) } : {};
  switch (refusal) {
    case "held":
      return problem(409, `${what}: another connection has the device`, { headers });
    case "conflict":
    case "equal_identities":
      return problem(409, `${what}: ${refusal}`, { headers });
    case "unknown_device":
      return unknownDevice(id);
    default:
      return unavailable(`${what}: ${refusal}`);
  }
}

/** Pulled, never pushed. */
function bodyOf(stream: OpenStream, forget: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const bytes = await stream.next();
      if (bytes !== null) return controller.enqueue(bytes);
      forget();
      controller.close();
    },
    cancel() {
      forget();
      stream.close();
    },
  }, { highWaterMark: 0 });
}
