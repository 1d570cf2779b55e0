/**
 * GET /v1/allow and GET, PUT, DELETE /v1/allow/{id}: the devices that may come where unknown ones are refused. Kept first, then told to
 * the registry; who is connected stays.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { ALLOW } from "../registry/allow.ts";
import { normaliseIdentity } from "../base/identity.ts";
import { NoQuery, PAGE_MAX } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { query, strictQuery, text, wholeNumber } from "./query.ts";
import { ms } from "./schema.ts";

const PAGE_DEFAULT = 100;

export const AllowQuery = query({
  limit: v.optional(wholeNumber(1, PAGE_MAX)),
  after: v.optional(text("`next` of the page before")),
});
export const AllowedSchema = v.object({ id: v.string(), since: ms("When it was put on the list") });
export const AllowSchema = v.object({
  devices: v.array(AllowedSchema),
  next: v.pipe(v.nullable(v.string()), v.description("`after` of the next page")),
});

export function serveAllow(app: Hono, gateway: Gateway): void {
  const { access } = gateway;

  app.get("/v1/allow", strictQuery(AllowQuery), (c) => {
    const { limit = PAGE_DEFAULT, after = "" } = c.req.valid("query");
    const found = access.allowedFrom(after, limit + 1);
    return c.json({ devices: found.slice(0, limit), next: found[limit]?.id ?? null });
  });

  app.get("/v1/allow/:id", strictQuery(NoQuery), (c) => {
    const id = normaliseIdentity(c.req.param("id"));
    const [found] = id === null ? [] : access.allowedFrom(id, 1);
    return found === undefined || found.id !== id ? notListed(c.req.param("id")) : c.json(found);
  });

  app.put("/v1/allow/:id", strictQuery(NoQuery), async (c) => {
    const id = normaliseIdentity(c.req.param("id"));
    if (id === null) return problem(400, "Cannot use id: expected 1 to 64 letters, digits, or any of ._:-", { parameter: "id" });
    if (!access.setAllowed(id, true)) return problem(409, `Cannot allow ${id}: the allow list is full`);
    return await told(gateway, id, ALLOW.add);
  });

  app.delete("/v1/allow/:id", strictQuery(NoQuery), async (c) => {
    const id = normaliseIdentity(c.req.param("id"));
    // A device that was never listed may be known all the same; nobody else is worth a row.
    if (id === null || (access.allowedFrom(id, 1)[0]?.id !== id && gateway.told(id) === null)) return notListed(c.req.param("id"));
    if (!access.setAllowed(id, false)) return problem(409, `Cannot remember that ${id} is off the list: the allow list is full`);
    return await told(gateway, id, ALLOW.remove);
  });
}

async function told(gateway: Gateway, id: string, verb: string): Promise<Response> {
  const done = await gateway.order("allow", id, verb);
  return done.kind === "busy" ? unavailable(done.reason) : new Response(null, { status: 204 });
}

const notListed = (id: string): Response => problem(404, `${JSON.stringify(id.slice(0, 64))} is not on the allow list`);
