/**
 * Who asks: a token in `Authorization: Bearer`, or for looking in `?access_token=`, and whether its scopes reach the route. Before
 * every route; what a route needs is in src/access/need.ts.
 */
import type { Context, Hono } from "hono";
import { allows, type Need, needName, needOf } from "../access/need.ts";
import type { AccessRefusal } from "../access/refusal.ts";
import type { AccessPort, Gateway } from "./gateway.ts";
import { problem } from "./problem.ts";
import { TOKEN_PARAMETER } from "./query.ts";
import { envOf, EVERYBODY } from "./request_env.ts";

const REALM = 'Bearer realm="berth"';
const RETRY_S = "5";

export function requireTokens(app: Hono, { access, settings }: Gateway): void {
  const open = { health: settings.access.health === "open", metrics: settings.access.metrics === "open" };
  app.use(async (c, next) => {
    const need = needOf(c.req.method, c.req.path, open);
    const refused = need.kind === "open" ? tooOften(c, access, "address", envOf(c).peer.address) : refusal(c, need, access);
    return refused === null ? await next() : refused;
  });
}

/** Null: come in; the grant is in the request's env. */
function refusal(c: Context, need: Need, access: AccessPort): Response | null {
  if (access.open) {
    envOf(c).grant = EVERYBODY;
    return tooOften(c, access, "address", envOf(c).peer.address);
  }
  const refuse = (cause: AccessRefusal, status: number, detail: string, headers: Readonly<Record<string, string>>): Response => {
    access.countRefusal(cause);
    return problem(status, `Cannot ${c.req.method} ${c.req.path}: ${detail}`, { headers });
  };
  const text = tokenOf(c);
  if (text === null) {
    return tooOften(c, access, "address", envOf(c).peer.address) ??
      refuse("no_token", 401, "a token is needed, as Authorization: Bearer TOKEN", { "www-authenticate": REALM });
  }
  const token = access.find(text);
  if (access.trouble !== null) return refuse("unreadable", 503, "the tokens cannot be read", { "retry-after": RETRY_S });
  if (token === null) {
    const waitS = access.failed(envOf(c).peer.address);
    if (waitS > 0) return refuse("too_many", 429, "too many wrong tokens from this address", { "retry-after": String(waitS) });
    return refuse("bad_token", 401, "no such token, or it was revoked", { "www-authenticate": `${REALM}, error="invalid_token"` });
  }
  const often = tooOften(c, access, "token", token.id);
  if (often !== null) return often;
  if (!allows(token.scopes, need)) {
    const scope = needName(need);
    const headers = { "www-authenticate": `${REALM}, error="insufficient_scope", scope="${scope.replaceAll(/[^!#-[\]-~]/g, "")}"` };
    return refuse("scope", 403, `the token has not the scope ${scope}`, headers);
  }
  envOf(c).grant = { token: token.id, scopes: token.scopes };
  return null;
}

/** A right token is counted by itself, wherever it comes from: a whole office, or a proxy, may be one address. */
function tooOften(c: Context, access: AccessPort, by: "token" | "address", key: string): Response | null {
  const waitS = access.asks(by, key);
  if (waitS === 0) return null;
  access.countRefusal("rate");
  const headers = { "retry-after": String(waitS) };
  return problem(
    429,
    `Cannot ${c.req.method} ${c.req.path}: too many requests ${by === "token" ? "with this token" : "from this address"}`,
    { headers },
  );
}

function tokenOf(c: Context): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const looks = c.req.method === "GET" || c.req.method === "HEAD";
  const inQuery = looks ? c.req.query(TOKEN_PARAMETER) : undefined;
  return inQuery === undefined || inQuery === "" ? null : inQuery;
}
