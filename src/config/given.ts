/** What the file, the environment and the flags say, before anything is checked: one list, weakest first. Pure. */
import { parse, type TomlValue } from "smol-toml";
import { err, ok, type Result } from "../base/result.ts";
import { environmentName, SECTIONS, SETTINGS } from "./setting.ts";
import { lineOfKey } from "./toml_line.ts";

export interface Given {
  /** As in `Setting.key`; may be unknown. */
  readonly key: string;
  readonly value: unknown;
  /** Where it was said, for people: `berth.toml:4`, `BERTH_POLICY`, `--policy`. */
  readonly source: string;
  /** Its name as the source spells it. */
  readonly name: string;
  readonly kind: "file" | "environment" | "flag";
}

const isTable = (value: unknown): value is Record<string, TomlValue> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** @returns `bad_config` with the parser's place and reason. */
export function givenByFile(path: string, text: string): Result<readonly Given[], "bad_config"> {
  let root: Record<string, TomlValue>;
  try {
    root = parse(text);
  } catch (error) {
    const { line, message } = error as { line?: number; message: string };
    return err("bad_config", `${path}:${line ?? 1}: not TOML: ${message.split("\n")[0]!.replace(/^Invalid TOML document: /, "")}`);
  }
  const given: Given[] = [];
  const add = (parts: readonly string[], value: unknown): void => {
    given.push({ key: parts.join("."), value, source: `${path}:${lineOfKey(text, parts)}`, name: parts.at(-1)!, kind: "file" });
  };
  for (const [name, value] of Object.entries(root)) {
    const entries = isTable(value) ? Object.entries(value) : [];
    for (const [inner, innerValue] of entries) {
      // A table in a table, [tcp.tls].
      const isSection = SECTIONS.some((section) => section === `${name}.${inner}`);
      if (!isSection || !isTable(innerValue)) add([name, inner], innerValue);
      else for (const [key, deepValue] of Object.entries(innerValue)) add([name, inner, key], deepValue);
    }
    if (!isTable(value) || entries.length === 0) add([name], value);
  }
  return ok(given);
}

const BY_NAME = new Map(SETTINGS.map((setting) => [environmentName(setting.key), setting.key]));
const PREFIX = "BERTH_";
/** Names with the prefix that configure nothing: fault points, the token of the verbs, and what Kubernetes and Docker set for a service called berth. */
const NOT_SETTINGS = /^BERTH_(?:FAULTS|FAULTS_RELEASE|TOKEN|SERVICE_(?:HOST|PORT\w*)|PORT(?:_\w+)?)$/;

/** Every `BERTH_…` of the environment. An empty one counts as not set. */
export function givenByEnvironment(environment: Readonly<Record<string, string>>): readonly Given[] {
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith(PREFIX) && value !== "" && !NOT_SETTINGS.test(name))
    .map(([name, value]) => ({
      key: BY_NAME.get(name) ?? name.slice(PREFIX.length).toLowerCase().replace("__", "."),
      value,
      source: name,
      name,
      kind: "environment",
    }));
}

/** Flags by the key of their setting. */
export function givenByFlags(flags: Readonly<Record<string, string>>): readonly Given[] {
  return Object.entries(flags).map(([key, value]) => {
    const flag = SETTINGS.find((setting) => setting.key === key)?.flag ?? `--${key}`;
    return { key, value, source: flag, name: flag, kind: "flag" };
  });
}
