/** GET /v1/devices/{id}/history: takeovers of a device, newest first, the old connection and the new one side by side. */
import type { Hono } from "hono";
import * as v from "valibot";
import { spelled } from "../base/identity.ts";
import { DEVICE_ID, PAGE_MAX, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { unavailable } from "./problem.ts";
import { query, strictQuery, wholeNumber } from "./query.ts";
import { count, KernelSchema, ms, Origin } from "./schema.ts";

const PAGE_DEFAULT = 100;

export const HistoryQuery = query({ limit: v.optional(wholeNumber(1, PAGE_MAX)) });

const TakeoverSchema = v.object({
  at: ms("When the new connection was admitted"),
  policy: v.pipe(v.string(), v.description("The rule by which it was")),
  reason: v.pipe(
    v.string(),
    v.description(
      "superseded; old_was_closing: its close had begun; probe_silent: it did not answer; choice_late: the other side chose none",
    ),
  ),
  old: v.object({
    fence: count("Of the connection that lost the device"),
    origin: Origin,
    since: ms("When it was admitted"),
    lastByteAt: ms("Its newest byte"),
    records: count("New records taken from it"),
  }),
  new: v.object({ fence: count("Of the connection that has it now"), origin: Origin }),
  evidence: v.object({
    oldClosing: v.boolean(),
    oldLastByteAt: ms("The newest byte of the old connection"),
    oldInFlight: count("Its frames without a verdict"),
    silentMs: count("How long it had been silent"),
    oldKernel: v.pipe(
      v.nullable(KernelSchema),
      v.description("What the kernel said of the old connection before; null where it cannot be asked"),
    ),
    answered: v.pipe(v.nullable(v.boolean()), v.description("Was its peer's stack heard after the takeover? null: not known yet")),
    bytesAfter: v.pipe(v.nullable(v.boolean()), v.description("Did it send bytes after the takeover?")),
    verdict: v.pipe(v.nullable(v.string()), v.description("clone, nat_rebind, flaky_link or restart_loop, where that can be told")),
  }),
});

export const HistorySchema = v.object({ takeovers: v.array(TakeoverSchema) });
type Takeover = v.InferOutput<typeof TakeoverSchema>;

export function serveHistory(app: Hono, gateway: Gateway): void {
  app.get("/v1/devices/:id/history", strictQuery(HistoryQuery), async (c) => {
    const id = spelled(c.req.param("id"));
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const found = await gateway.history(id, c.req.valid("query").limit ?? PAGE_DEFAULT);
    switch (found.kind) {
      case "history":
        return c.json({ takeovers: found.takeovers.map(takeoverJson) });
      case "unknown_device":
        return unknownDevice(id);
      case "busy":
        return unavailable(found.reason);
    }
  });
}

/** What is not known yet is null. */
function takeoverJson(json: string): Takeover {
  const stored = JSON.parse(json) as Takeover;
  const { old, evidence } = stored;
  return {
    ...stored,
    old: { ...old, origin: originJson(old.origin) },
    new: { ...stored.new, origin: originJson(stored.new.origin) },
    evidence: {
      oldClosing: evidence.oldClosing,
      oldLastByteAt: evidence.oldLastByteAt ?? old.lastByteAt,
      oldInFlight: evidence.oldInFlight ?? 0,
      silentMs: evidence.silentMs,
      oldKernel: evidence.oldKernel ?? null,
      answered: evidence.answered ?? null,
      bytesAfter: evidence.bytesAfter ?? null,
      verdict: evidence.verdict ?? null,
    },
  };
}

/** Rows of an older version have "" where the client names no instance. */
export function originJson({ address, port, clientInstance }: v.InferOutput<typeof Origin>): v.InferOutput<typeof Origin> {
  return { address, port, clientInstance: clientInstance === "" ? null : clientInstance };
}
