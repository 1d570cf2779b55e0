/**
 * GET /v1/conflicts and POST /v1/conflicts/{id}/acknowledge: two live devices with one identity. The id of a conflict is
 * that of its event, so what a subscriber was told can be acknowledged as it stands.
 */
import type { Hono } from "hono";
import * as v from "valibot";
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
  origins: v.pipe(
    v.array(v.object({ ...Origin.entries, fence: count("Its connection then"), since: ms("When that was admitted") })),
    v.description("The two that fight; the one that had the device then is the last"),
  ),
  acknowledgedAt: v.nullable(ms("When somebody said that they know")),
});
export const ConflictsSchema = v.object({ conflicts: v.array(ConflictSchema) });
type Conflict = v.InferOutput<typeof ConflictSchema>;
/** As the journal wrote it. */
type Stored = Omit<Conflict, "id" | "acknowledgedAt">;

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
  const { device, fence, at, verdict, action, alternations, takeovers, windowMs, origins } = JSON.parse(json) as Stored;
  const named = origins.map((origin) => ({ ...originJson(origin), fence: origin.fence, since: origin.since }));
  return { id, device, fence, at, verdict, action, alternations, takeovers, windowMs, origins: named, acknowledgedAt };
}
