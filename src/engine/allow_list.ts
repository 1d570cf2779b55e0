/** Which devices are announced when the gateway starts: the access store's list, and the file of the configuration. */
import { err, ok, type Result } from "../base/result.ts";
import type { Settings } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";
import { normaliseIdentity } from "../base/identity.ts";
import { Access } from "./access.ts";

export interface AllowList {
  readonly allowed: readonly string[];
  readonly disallowed: readonly string[];
}

export const NO_LIST: AllowList = { allowed: [], disallowed: [] };

/** One id a line; what follows `#` is a comment. The message names the line. */
export function parseAllowFile(path: string, text: string): Result<readonly string[], "allow_file"> {
  const ids: string[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const written = line.replace(/#.*/, "").trim();
    if (written === "") continue;
    const id = normaliseIdentity(written);
    if (id === null) return err("allow_file", `${path}:${at + 1}: ${JSON.stringify(written.slice(0, 80))} is no device id`);
    ids.push(id);
  }
  return ok(ids);
}

/** What the store says of a device counts more than the file: it was said later. */
export function readAllowList(platform: Platform, { data, access, limits }: Settings): Result<AllowList, "allow_file"> {
  const store = new Access(platform, data, limits);
  const { allowed, disallowed } = store.allowed();
  store.close();
  if (access.allowFile === "") return ok({ allowed, disallowed });
  let text: string;
  try {
    text = platform.readText(access.allowFile);
  } catch (error) {
    return err("allow_file", `Cannot read ${access.allowFile}: ${(error as Error).message}`);
  }
  const file = parseAllowFile(access.allowFile, text);
  if (!file.ok) return file;
  const off = new Set(disallowed);
  return ok({ allowed: [...allowed, ...file.value.filter((id) => !off.has(id))], disallowed });
}
