/**
 * Requests that change something are refused when a page of another site makes them: without tokens, loopback is all that
 * stands between a gateway and a browser on the same machine. Programs send no Origin and are not concerned.
 */
import type { Hono } from "hono";
import { problem } from "./problem.ts";

export function refuseOtherSites(app: Hono): void {
  app.use(async (c, next) => {
    const origin = c.req.header("origin");
    const reads = c.req.method === "GET" || c.req.method === "HEAD";
    if (reads || origin === undefined || hostOf(origin) === c.req.header("host")) return await next();
    return problem(403, `Cannot ${c.req.method} for a page of ${origin.slice(0, 256)}`);
  });
}

const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null);
