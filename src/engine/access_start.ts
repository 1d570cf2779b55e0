/** May this gateway be reached from where it listens? Asked once by the supervisor, when it holds the data directory. */
import { err, ok, type Result } from "../base/result.ts";
import { formatHostPort, isLoopback } from "../config/host_port.ts";
import type { Settings } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";
import { Access } from "./access.ts";
import { readAllowList } from "./allow_list.ts";

/** Without tokens only this machine may ask; tokens that cannot be read are no tokens, and no reason to let everybody in. */
export function checkAccess(platform: Platform, settings: Settings): Result<null, "no_tokens" | "access_unreadable" | "allow_file"> {
  const { data, http, limits } = settings;
  const access = new Access(platform, data, limits);
  access.follow();
  const { trouble, size } = access;
  if (trouble === null) access.close();
  if (trouble !== null) return err("access_unreadable", `${trouble}. Make it readable, or take it away: then there are no tokens`);
  const list = readAllowList(platform, settings);
  if (!list.ok) return list;
  if (size > 0 || isLoopback(http.host)) return ok(null);
  return err(
    "no_tokens",
    `Cannot serve HTTP on ${formatHostPort(http)}: it is not a loopback address, and there are no tokens. ` +
      `Make the first one: berth token create --scope admin --data ${data}; or use an address as 127.0.0.1:8080`,
  );
}
