/** The effective settings: defaults < file < environment < flags. Text in, a value out; every mistake at once. Pure. */
import * as v from "valibot";
import { type LimitName, limitsWith } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { ProxyVersions } from "../codec/proxy_protocol.ts";
import type { ConflictAction } from "../wire/control.ts";
import { type Given, givenByEnvironment, givenByFile, givenByFlags } from "./given.ts";
import { parseHostPort } from "./host_port.ts";
import { parseNetworks } from "./networks.ts";
import { featureOf } from "./not_built.ts";
import { parseOrigins } from "./origins.ts";
import { isPeersGiven, readPeers } from "./peers.ts";
import { isPolicyGiven, readPolicies } from "./policies.ts";
import { brokenRelations } from "./relations.ts";
import { environmentName, fileName, sectionOf, SECTIONS, type Setting, settingOf, SETTINGS, type SettingValue } from "./setting.ts";
import type { HostPort, LogLevel, Settings } from "./settings.ts";
import { nearest } from "./suggest.ts";

export interface ConfigInput {
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly environment: Readonly<Record<string, string>>;
  /** By the key of the setting, `tcp.listen`; see `Setting.flag`. */
  readonly flags: Readonly<Record<string, string>>;
}

export interface Effective {
  readonly setting: Setting;
  readonly value: SettingValue;
  /** `default`, or where it was said. */
  readonly source: string;
}

export interface Config {
  readonly settings: Settings;
  /** Every setting, in the order of the table. */
  readonly effective: readonly Effective[];
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null && !(value instanceof Date) ? "a table" : JSON.stringify(value);
}

/** How an error begins: file, line and key; or the variable or flag, which is both. */
const place = (given: Given): string => (given.kind === "file" ? `${given.source}: ${fileName(given.key)}` : given.source);

const didYouMean = (wrong: string, names: readonly string[]): string => {
  const near = nearest(wrong, names);
  return near === null ? "" : ` Did you mean ${near}?`;
};

/** Tables of entries, as a file writes them, beside those of settings. */
const ENTRIES = { classes: "[[classes]]", devices: '[devices."ID"]', peers: "[[peers]]" };

function unknownKey(given: Given): string {
  if (given.kind === "flag") {
    return `${given.source}: no such setting.${didYouMean(given.name, SETTINGS.flatMap(({ flag }) => flag ?? []))}`;
  }
  if (given.kind === "environment") {
    return `${given.source}: no such setting.${didYouMean(given.name, SETTINGS.map(({ key }) => environmentName(key)))}`;
  }
  const section = sectionOf(given.key);
  const tables = [...SECTIONS.slice(1).map((name) => `[${name}]`), ...Object.values(ENTRIES)];
  const names = [...SECTIONS, ...Object.keys(ENTRIES)];
  const keys = SETTINGS.filter(({ key }) => sectionOf(key) === section).map(({ key }) =>
    key.slice(section === "" ? 0 : section.length + 1)
  );
  if (keys.length === 0) {
    return `${given.source}: unknown table [${section}].${didYouMean(section, names)} Allowed: ${tables.join(", ")}`;
  }
  const allowed = section === "" ? [...keys, ...tables] : keys;
  const near = didYouMean(given.name, section === "" ? [...keys, ...names] : keys);
  return `${given.source}: unknown key ${fileName(given.key)}.${near} Allowed: ${allowed.join(", ")}`;
}

/** Texts of the environment and of flags become numbers where a number is wanted. */
function typed(given: Given, setting: Setting): unknown {
  if (given.kind === "file" || typeof given.value !== "string" || typeof setting.initial !== "number") return given.value;
  return /^-?\d{1,16}$/.test(given.value) ? Number(given.value) : given.value;
}

/** The value, or what is wrong with it. */
function checked(given: Given): { setting: Setting; value: SettingValue } | string {
  const feature = featureOf(given.key);
  const setting = settingOf(given.key);
  if (setting === undefined) return feature === null ? unknownKey(given) : `${place(given)}: not built yet: ${feature}`;
  const parsed = v.safeParse(setting.schema, typed(given, setting));
  if (!parsed.success) return `${place(given)} is ${show(given.value)}; allowed: ${setting.allowed}`;
  return { setting, value: parsed.output };
}

function settingsFrom(values: ReadonlyMap<string, SettingValue>): Settings {
  const text = (key: string): string => String(values.get(key));
  const address = (key: string): HostPort => {
    const parsed = parseHostPort(text(key));
    return parsed.ok ? parsed.value : { host: "", port: 0 };
  };
  const limits: Partial<Record<LimitName, number>> = {};
  for (const { key, limit } of SETTINGS) if (limit !== null) limits[limit as LimitName] = Number(values.get(key));
  return {
    data: text("data"),
    workers: Number(values.get("workers")),
    policy: text("policy"),
    policies: { classes: [], devices: [] },
    unknownDevices: text("unknown_devices") as Settings["unknownDevices"],
    logLevel: text("log_level") as LogLevel,
    instance: text("instance"),
    tcp: {
      ...address("tcp.listen"),
      accept: text("tcp.accept") as Settings["tcp"]["accept"],
      proxy: text("tcp.proxy_protocol") === "off"
        ? null
        : { versions: text("tcp.proxy_protocol") as ProxyVersions, from: parseNetworks(text("tcp.proxy_from")) ?? [] },
      tls: text("tcp.tls.listen") === "off" ? null : {
        ...address("tcp.tls.listen"),
        cert: text("tcp.tls.cert") || text("tls.cert"),
        key: text("tcp.tls.key") || text("tls.key"),
        clientCa: text("tcp.tls.client_ca"),
      },
    },
    http: { ...address("http.listen"), threads: Number(values.get("http.threads")) },
    udp: text("udp.listen") === "off" ? null : { ...address("udp.listen"), commands: text("udp.commands") === "on" },
    peer: {
      listen: text("peer.listen") === "off" ? null : address("peer.listen"),
      policy: text("peer.policy") as Settings["peer"]["policy"],
    },
    peers: [],
    conflict: { action: text("conflict.action") as ConflictAction },
    configSchema: text("config.schema"),
    tls: text("tls.cert") === "" && text("tls.key") === "" ? null : { cert: text("tls.cert"), key: text("tls.key") },
    access: {
      health: text("access.health") as Settings["access"]["health"],
      metrics: text("access.metrics") as Settings["access"]["metrics"],
      origins: parseOrigins(text("access.origins")) ?? [],
      allowFile: text("access.allow_file"),
    },
    limits: limitsWith(limits),
  };
}

/** @returns `bad_config`; its message has one line for every mistake, each with its place and what is allowed. */
export function loadConfig(input: ConfigInput): Result<Config, "bad_config"> {
  const file = input.file === null ? ok([]) : givenByFile(input.file.path, input.file.text);
  if (!file.ok) return file;
  const problems: string[] = [];
  const values = new Map<string, SettingValue>(SETTINGS.map(({ key, initial }) => [key, initial]));
  const sources = new Map<string, Given>();
  const all = [...file.value, ...givenByEnvironment(input.environment), ...givenByFlags(input.flags)];
  for (const given of all.filter((one) => !isPolicyGiven(one) && !isPeersGiven(one))) {
    const result = checked(given);
    if (typeof result === "string") problems.push(result);
    else {
      values.set(given.key, result.value);
      sources.set(given.key, given);
    }
  }
  const common = settingsFrom(values);
  const read = readPolicies(all.filter(isPolicyGiven), common);
  const met = readPeers(all.filter(isPeersGiven), common.limits.namedPeers);
  problems.push(...read.problems, ...met.problems);
  const settings = { ...common, policies: read.policies, peers: met.peers };
  if (problems.length === 0) {
    for (const { key, message } of brokenRelations(settings)) {
      const given = sources.get(key);
      problems.push(`${given === undefined ? `default: ${fileName(key)}` : place(given)}: ${message}`);
    }
  }
  if (problems.length > 0) return err("bad_config", problems.join("\n"));
  const effective = SETTINGS.map((setting) => ({
    setting,
    value: values.get(setting.key)!,
    source: sources.get(setting.key)?.source ?? "default",
  }));
  return ok({ settings, effective });
}
