/**
 * What a token may do. Pure; used by http threads and the command line.
 *
 *   read       every GET of what the gateway knows        command    what reaches devices and channels
 *   device:ID  what concerns this device, and no other    admin      everything
 */
import { spelled } from "../base/identity.ts";
import { err, ok, type Result } from "../base/result.ts";

export interface Scopes {
  readonly read: boolean;
  readonly command: boolean;
  readonly admin: boolean;
  readonly devices: ReadonlySet<string>;
}

export const SCOPES_ALLOWED = "read, command, admin or device:ID";
/** Of everybody while no tokens are needed. */
export const EVERY_SCOPE: Scopes = { read: true, command: true, admin: true, devices: new Set() };

/** No comma or bar: what separates ids elsewhere is in none. */
const DEVICE = /^device:([A-Za-z0-9_.:-]{1,64})$/;
const PLAIN: readonly string[] = ["read", "command", "admin"];

/** `names`: each may be a comma-separated list. At least one in all. */
export function parseScopes(names: readonly string[], mostDevices: number): Result<Scopes, "scope"> {
  const all = new Set(names.flatMap((name) => name.split(",")).map((name) => name.trim()).filter((name) => name !== ""));
  const devices = new Set<string>();
  for (const name of all) {
    const device = DEVICE.exec(name)?.[1];
    if (device !== undefined) devices.add(spelled(device));
    else if (!PLAIN.includes(name)) return err("scope", `"${name.slice(0, 80)}" is no scope: expected ${SCOPES_ALLOWED}`);
  }
  if (all.size === 0) return err("scope", `no scope: expected ${SCOPES_ALLOWED}`);
  if (devices.size > mostDevices) return err("scope", `${devices.size} devices exceed ${mostDevices}`);
  return ok({ read: all.has("read"), command: all.has("command"), admin: all.has("admin"), devices });
}

/** As people and the store write them. */
export function scopeNames(scopes: Scopes): string[] {
  return [...PLAIN.filter((name) => scopes[name as "read" | "command" | "admin"]), ...[...scopes.devices].map((id) => `device:${id}`)];
}

/** The devices that may be seen; null: all of them. */
export const visibleDevices = (scopes: Scopes): ReadonlySet<string> | null => (scopes.admin || scopes.read ? null : scopes.devices);
