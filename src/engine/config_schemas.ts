/**
 * What configurations of devices have to be: JSON Schemas in files that the settings name, for all devices or a class of them. Read by
 * whoever starts the gateway, so that a bad one is told then; held by each http thread.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { Settings } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";
import { fitsPattern } from "../registry/pattern.ts";
import type { Check, Wrong } from "./schema_compiler.ts";

interface Rule {
  /** As in registry/pattern.ts. */
  readonly match: string;
  readonly check: Check;
}

export class ConfigSchemas {
  readonly #rules: readonly Rule[];
  readonly #levels: number;

  /** The first rule that fits counts. */
  constructor(rules: readonly Rule[], levels: number) {
    this.#rules = rules;
    this.#levels = levels;
  }

  /** What is wrong with `value` for this device, in the one spelling of identities: nothing where no schema is for it. */
  wrongWith(device: string, value: unknown): readonly Wrong[] {
    const rule = this.#rules.find(({ match }) => fitsPattern(match, device));
    if (rule === undefined) return [];
    // What is checked goes through functions that call themselves.
    if (isDeeper(value, this.#levels)) return [{ path: "", message: `must not have more than ${this.#levels} levels` }];
    return rule.check(value);
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const one of Object.values(value)) if (isDeeper(one, levels - 1)) return true;
  return false;
}

type Needs = Pick<Settings, "configSchema" | "policies" | "limits">;

/** Null: none is configured. */
export async function readConfigSchemas(
  platform: Pick<Platform, "readText">,
  { configSchema, policies, limits }: Needs,
): Promise<Result<ConfigSchemas | null, "config_schema">> {
  const named = policies.classes.map(({ match, configSchema: path }) => ({ match: match.toLowerCase(), path }));
  const files = [...named, { match: "*", path: configSchema }].filter(({ path }) => path !== "");
  if (files.length === 0) return ok(null);
  const { SchemaCompiler } = await import("./schema_compiler.ts");
  const compiler = new SchemaCompiler(limits.configFaults);
  const rules: Rule[] = [];
  for (const { match, path } of files) {
    let text: string;
    try {
      text = platform.readText(path);
    } catch (error) {
      return err("config_schema", `Cannot read ${path}: ${(error as Error).message}`);
    }
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > limits.configSchemaBytes) {
      return err("config_schema", `Cannot use ${path}: ${bytes} bytes exceed ${limits.configSchemaBytes}`);
    }
    const check = compiler.compile(text);
    if (!check.ok) return err("config_schema", `Cannot use ${path} as a JSON Schema: ${check.message}`);
    rules.push({ match, check: check.value });
  }
  return ok(new ConfigSchemas(rules, limits.configLevels));
}

/** The same for an http thread: they could be used when the process began. */
export async function configSchemas(platform: Pick<Platform, "readText">, settings: Needs): Promise<ConfigSchemas | null> {
  const read = await readConfigSchemas(platform, settings);
  if (!read.ok) throw new Error(read.message);
  return read.value;
}
