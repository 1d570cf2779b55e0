/** The configuration as `serve` and `check` read it: the file, the environment and the flags of one command line. */
import type { Result } from "../base/result.ts";
import { err } from "../base/result.ts";
import { type Config, loadConfig } from "../config/load.ts";
import { SETTINGS } from "../config/setting.ts";
import type { Platform } from "../platform/port.ts";

/** `--log-level` → `logLevel`, as commander names it. */
const optionName = (flag: string): string => flag.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

type Files = Pick<Platform, "readText" | "environment">;

const SAID: Readonly<Record<string, string>> = { ENOENT: "no such file", EISDIR: "is a directory", EACCES: "permission denied" };

/**
 * @param path the TOML file, or null for none
 * @param options what commander parsed: flags of settings by their names, the rest is left alone
 */
export function readConfig(platform: Files, path: string | null, options: Readonly<Record<string, unknown>>): Result<Config, "bad_config"> {
  let file: { path: string; text: string } | null = null;
  try {
    file = path === null ? null : { path, text: platform.readText(path) };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return err("bad_config", `Cannot read ${path}: ${SAID[code ?? ""] ?? message}`);
  }
  const flags: Record<string, string> = {};
  for (const { key, flag } of [...SETTINGS, { key: "redis", flag: "--redis" }]) {
    const value = flag === null ? undefined : options[optionName(flag)];
    if (typeof value === "string") flags[key] = value;
  }
  const loaded = loadConfig({ file, environment: platform.environment(), flags });
  if (loaded.ok) return loaded;
  const lines = loaded.message.split("\n");
  return err("bad_config", `Cannot use the configuration:${lines.length === 1 ? ` ${lines[0]}` : `\n  ${lines.join("\n  ")}`}`);
}
