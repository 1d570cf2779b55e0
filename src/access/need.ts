/**
 * Which scope a request needs, by method and path: one rule for every route, those that come later too. What is not named
 * here needs `read` to look and `admin` to change. Pure; owned by an http thread.
 */
import { assertNever } from "../base/assert.ts";
import { spelled } from "../base/identity.ts";
import type { Scopes } from "./scope.ts";

export type Need =
  /** Nobody is asked who they are. */
  | { readonly kind: "open" }
  /** `of`: one of these. `device`: or the scope of this device; "*": or of any, and the answer is cut down to those. */
  | { readonly kind: "scope"; readonly of: readonly ("read" | "command")[]; readonly device: string | null };

/** What may be had without a token. */
export interface OpenRoutes {
  readonly health: boolean;
  readonly metrics: boolean;
}

const OPEN: Need = { kind: "open" };
const scope = (of: readonly ("read" | "command")[], device: string | null = null): Need => ({ kind: "scope", of, device });
const READ = scope(["read"]);
const ADMIN = scope([]);

const DEVICE_PATH = /^\/v1\/devices\/([^/]+)(?:\/(.+))?$/;
const REPORT = /^(?:config\/[^/]+\/(?:applied|failed)|commands\/[^/]+\/(?:answered|nacked))$/;

/** `path`: as the router gets it, a parameter still escaped. */
export function needOf(method: string, path: string, open: OpenRoutes): Need {
  const looks = method === "GET" || method === "HEAD";
  if (looks) {
    // The page alone: it knows nothing before somebody signs in.
    if (path === "/" || path.startsWith("/dashboard/")) return OPEN;
    if (path === "/healthz" || path === "/readyz") return open.health ? OPEN : READ;
    if (path === "/metrics") return open.metrics ? OPEN : READ;
    if (path === "/v1/devices" || path === "/v1/quarantine" || path === "/v1/events" || path === "/openapi.json") {
      return scope(["read"], "*");
    }
    // What is seen there and what is published needs its own.
    if (path === "/v1/ws") return scope(["read", "command"], "*");
    if (path === "/v1/tokens" || path.startsWith("/v1/tokens/")) return ADMIN;
    if (path.startsWith("/v1/commands/")) return scope(["read", "command"]);
  } else if (path === "/v1/publish") return scope(["command"]);
  const match = DEVICE_PATH.exec(path);
  return match === null ? (looks ? READ : ADMIN) : needOfDevice(method, looks, spelled(plain(match[1]!)), match[2] ?? "");
}

function needOfDevice(method: string, looks: boolean, device: string, rest: string): Need {
  // A device's own stream is a connection of that device: seeing it is not enough.
  if (rest === "stream") return scope([], device);
  if (looks) return scope(["read"], device);
  if (method === "POST" && rest === "commands") return scope(["command"]);
  if (method === "PUT" && rest === "config") return scope(["command"]);
  if (method === "POST" && REPORT.test(rest)) return scope([], device);
  return ADMIN;
}

/** As the router unescapes a parameter. */
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function allows(scopes: Scopes, need: Need): boolean {
  switch (need.kind) {
    case "open":
      return true;
    case "scope":
      if (scopes.admin || need.of.some((name) => scopes[name])) return true;
      return need.device !== null && (need.device === "*" ? scopes.devices.size > 0 : scopes.devices.has(need.device));
    default:
      return assertNever(need, "need");
  }
}

/** The scope to ask for, as WWW-Authenticate names it. */
export function needName(need: Need): string {
  if (need.kind === "open") return "";
  const [first] = need.of;
  if (first !== undefined) return first;
  return need.device === null ? "admin" : `device:${need.device}`;
}
