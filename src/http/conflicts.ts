/**
 * GET /v1/conflicts and POST /v1/conflicts/{id}/acknowledge: two live devices with one identity. The id of a conflict is
 * that of its event, so what a subscriber was told can be acknowledged as it stands.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { CONFLICT_DIFFERENCES, CONFLICT_RULES } from "../wire/control.ts";
import { NoQuery, PAGE_MAX } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { originJson } from "./history.ts";
import { problem, unavailable } from "./problem.ts";
import { oneOf, query, strictQuery, wholeNumber } from "./query.ts";
import { count, ms, Origin } from "./schema.ts";

const PAGE_DEFAULT = 100;

export const ConflictsQuery = query({
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  acknowledged: v.optional(oneOf(["true", "false"])),
});

const Place = v.object({ time: ms("By the device's clock"), lat: v.number(), lon: v.number() });
const EvidenceSchema = v.object({
  rule: v.pipe(
    v.picklist(CONFLICT_RULES),
    v.description("alternations: there and back, live, twice; takeovers: many, live; movement: between places too far apart, live or not"),
  ),
  differ: v.pipe(v.array(v.picklist(CONFLICT_DIFFERENCES)), v.description("What tells the two apart")),
  movement: v.pipe(
    v.nullable(v.object({
      km: v.number(),
      seconds: count("Between the two records, by their own times"),
      kmh: v.pipe(v.nullable(v.number()), v.description("Null: at one time")),
      from: Place,
      to: Place,
    })),
    v.description("What one vehicle would have had to do; null when both may have been one"),
  ),
});

const ConflictSchema = v.object({
  id: v.pipe(v.string(), v.description("The id of its event")),
  device: v.string(),
  fence: count("Of the connection that had the device then"),
  at: ms("When it was found"),
  verdict: v.pipe(v.string(), v.description("clone: two live devices")),
  action: v.pipe(v.picklist(["observe", "hold", "quarantine"]), v.description("What is done about it")),
  alternations: count("How often the device went from one to the other and back"),
  takeovers: count("Takeovers of a live holder"),
  windowMs: count("The time in which both were counted"),
  evidence: v.pipe(v.nullable(EvidenceSchema), v.description("Null: found by a version that did not keep it")),
  origins: v.pipe(
    v.array(v.object({
      ...Origin.entries,
      fence: count("Its connection then"),
      since: ms("When that was admitted"),
      tls: v.pipe(v.nullable(v.string()), v.description("What its TLS was agreed on, and the digest of its certificate; null: without")),
      codec: v.pipe(v.nullable(v.string()), v.description("Codec and shape of its periodic records, `8E/1f2e3d4c`; null: it sent none")),
    })),
    v.description("The two that fight; the one that had the device then is the last"),
  ),
  acknowledgedAt: v.nullable(ms("When somebody said that they know")),
});
export const ConflictsSchema = v.object({ conflicts: v.array(ConflictSchema) });
type Conflict = v.InferOutput<typeof ConflictSchema>;
/** As the journal wrote it. */
type Stored = Omit<Conflict, "id" | "acknowledgedAt" | "evidence"> & { readonly evidence?: Conflict["evidence"] };

export function serveConflicts(app: Hono, gateway: Gateway): void {
  app.get("/v1/conflicts", strictQuery(ConflictsQuery), async (c) => {
    const { limit = PAGE_DEFAULT, acknowledged } = c.req.valid("query");
    // A filter looks through all that a page may hold.
    const found = await gateway.conflicts(acknowledged === undefined ? limit : PAGE_MAX);
    if (found.kind === "busy") return unavailable(found.reason);
    const wanted = found.conflicts.filter(({ acknowledgedAt }) =>
      acknowledged === undefined || (acknowledgedAt !== null) === (acknowledged === "true")
    );
    return c.json({ conflicts: wanted.slice(0, limit).map(conflictJson) });
  });

  app.post("/v1/conflicts/:id/acknowledge", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    const done = await gateway.acknowledge(id);
    switch (done.kind) {
      case "acknowledged":
        return new Response(null, { status: 204 });
      case "unknown_conflict":
        return problem(404, `Unknown conflict ${JSON.stringify(id.slice(0, 64))}: expected the id of one in GET /v1/conflicts`);
      case "busy":
        return unavailable(done.reason);
    }
  });
}

function conflictJson(
  { id, json, acknowledgedAt }: { readonly id: string; readonly json: string; readonly acknowledgedAt: number | null },
): Conflict {
  const { device, fence, at, verdict, action, alternations, takeovers, windowMs, evidence = null, origins } = JSON.parse(json) as Stored;
  const named = origins.map((origin) => ({
    ...originJson(origin),
    fence: origin.fence,
    since: origin.since,
    tls: origin.tls ?? null,
    codec: origin.codec ?? null,
  }));
  return { id, device, fence, at, verdict, action, alternations, takeovers, windowMs, evidence, origins: named, acknowledgedAt };
}
