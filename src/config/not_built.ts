/** Settings that have a name but are not built yet: refused by that name, never accepted and ignored. Pure. */
import type { SettingValue } from "./setting.ts";

/** Tables and keys of the file that belong to what is not built yet. */
const NAMES: Readonly<Record<string, string>> = {
  redis: "clusters over Redis",
  cluster: "clusters",
  proxy_protocol: "the PROXY protocol",
  "tcp.proxy_protocol": "the PROXY protocol",
  "tcp.tls": "TLS for trackers",
  commands: "commands to devices",
  "config.schema": "JSON-Schemas for configurations",
  sinks: "sinks",
  forward: "sinks",
};

/** Values of a built setting that are not. The value or values that are built, and what the others belong to. */
const VALUES: Readonly<Record<string, { readonly built: SettingValue | readonly SettingValue[]; readonly what: string }>> = {
  unknown_devices: { built: ["accept", "reject"], what: "quarantine of unknown devices" },
};

/** The feature an unknown key names, or null. */
export function featureOf(key: string): string | null {
  return NAMES[key] ?? NAMES[key.split(".")[0]!] ?? null;
}

/** The feature this value of a known setting asks for, or null. */
export function featureOfValue(key: string, value: SettingValue): string | null {
  const row = VALUES[key];
  return row === undefined || [row.built].flat().includes(value) ? null : row.what;
}
