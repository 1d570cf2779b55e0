/** What comes with a request beside itself: whose connection it is, and who asks. One object a request. */
import type { Context } from "hono";
import { EVERY_SCOPE, type Scopes, visibleDevices } from "../access/scope.ts";
import type { Peer, Upgrade } from "../platform/port.ts";

/** `token`: its id, null while none is needed. */
export interface Grant {
  readonly token: string | null;
  readonly scopes: Scopes;
}

export interface RequestEnv {
  readonly peer: Peer;
  /** Closes the connection within seconds even when the client takes nothing. */
  readonly cut: () => void;
  /** Makes a WebSocket of the connection; left out where there is no connection. */
  readonly upgrade?: Upgrade | undefined;
  grant: Grant | null;
}

/** While no token is needed. */
export const EVERYBODY: Grant = { token: null, scopes: EVERY_SCOPE };
const NOBODY: Grant = { token: null, scopes: { read: false, command: false, admin: false, devices: new Set() } };

export const envOf = (c: Context): RequestEnv => c.env as RequestEnv;

/** Who asks, as access.ts has found out. */
export const grantOf = (c: Context): Grant => envOf(c).grant ?? NOBODY;

/** The devices who asks may see; null: all of them. */
export const visibleTo = (c: Context): ReadonlySet<string> | null => visibleDevices(grantOf(c).scopes);
