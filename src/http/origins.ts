/**
 * Pages of other sites. What changes something is refused to them, and they read nothing, unless [access] origins names them
 * (CORS). While no token is needed a name that is none of this machine's is refused too: another site may have pointed it
 * here (DNS rebinding), and loopback is then all that stands before the gateway. Programs send no Origin and are not concerned.
 */
import type { Context, Hono } from "hono";
import type { Gateway } from "./gateway.ts";
import { problem } from "./problem.ts";

const METHODS = "GET, HEAD, POST, PUT, DELETE";
const HEADERS = "authorization, content-type, last-event-id";
/** What a page may read of an answer besides its body. */
const EXPOSED = "retry-after, www-authenticate";
const PREFLIGHT_AGE_S = "600";
/** A GET that is a connection: a device's own stream takes the device, and no browser keeps a WebSocket from other sites. */
const ACTS = /^\/v1\/(?:ws|devices\/[^/]+\/stream)$/;
const ELSEWHERE = /^(?:cross-site|same-site)$/;

export function guardOrigins(app: Hono, { access, settings }: Gateway): void {
  const allowed = new Set(settings.access.origins);
  const named = new Set(settings.access.origins.map((origin) => new URL(origin).hostname));
  app.use(async (c, next) => {
    const origin = c.req.header("origin");
    const host = c.req.header("host") ?? "";
    if (!isOurs(host) && !named.has(hostName(host)) && access.open) {
      access.countRefusal("host");
      return problem(
        421,
        `Cannot answer for ${host.slice(0, 256)}: without tokens only names of this machine are answered, and those of [access] origins`,
      );
    }
    const onlyLooks = (c.req.method === "GET" || c.req.method === "HEAD") && !ACTS.test(c.req.path);
    // An image or a link has no Origin, but says that it is on a page from elsewhere.
    const isElsewhere = origin === undefined ? ELSEWHERE.test(c.req.header("sec-fetch-site") ?? "") : hostOf(origin) !== host;
    if (!isElsewhere) return await next();
    if (origin !== undefined && allowed.has(origin)) return await shared(c, origin, next);
    if (onlyLooks) return await next();
    access.countRefusal("origin");
    return problem(403, `Cannot ${c.req.method} for a page of ${(origin ?? "another site").slice(0, 256)}`);
  });
}

/** A page of this origin may read the answer. */
async function shared(c: Context, origin: string, next: () => Promise<void>): Promise<Response | undefined> {
  const headers = { "access-control-allow-origin": origin, vary: "origin" };
  if (c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
    const preflight = {
      ...headers,
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": HEADERS,
      "access-control-max-age": PREFLIGHT_AGE_S,
    };
    return new Response(null, { status: 204, headers: preflight });
  }
  await next();
  c.res.headers.set("access-control-allow-origin", origin);
  c.res.headers.set("access-control-expose-headers", EXPOSED);
  c.res.headers.append("vary", "origin");
  return undefined;
}

const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null);

/** The name in a Host header, without its port. */
const hostName = (host: string): string => (URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "");

/** An address, or a name no other site can have: it has no dot, or ends in .localhost. */
function isOurs(host: string): boolean {
  const name = hostName(host);
  return host === "" || name.startsWith("[") || /^[\d.]+$/.test(name) || !name.includes(".") && name !== "" || name.endsWith(".localhost");
}
