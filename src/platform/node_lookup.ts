/** Names to addresses, through the part of node:dns that Bun and Deno share. Any thread. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** An address is its own. @throws with `code` (ENOTFOUND, EAI_AGAIN) for a name nobody knows. */
export async function lookupHost(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host;
}
