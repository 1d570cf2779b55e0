/**
 * `[[classes]]` and `[devices."ID"]` of the file: policies of classes of devices and of single ones, and schemas of classes. Pure. They are lists,
 * so they have no name in the environment and no flag.
 */
import * as v from "valibot";
import { type Transport, TRANSPORTS } from "../wire/control.ts";
import { parsePolicy, policiesAllowed } from "../wire/policy.ts";
import type { Given } from "./given.ts";
import type { ClassSetting, DeviceSetting, Settings } from "./settings.ts";
import { nearest } from "./suggest.ts";

/** No policy decides about datagrams (registry/unproven.ts). */
const RULED: readonly Transport[] = TRANSPORTS.filter((transport) => transport !== "udp");

/** Name the policy of devices in no class, and that of other gateways (`[peer] policy`). */
const RESERVED = "default or peer";

/** What one entry may hold: what is wrong with a value, or null. */
export type Check = (value: unknown, most: number) => string | null;
export const shaped =
  (shape: RegExp, allowed: string): Check => (value) => (v.is(v.pipe(v.string(), v.regex(shape)), value) ? null : allowed);
const policy: Check = (value, most) =>
  typeof value === "string" && parsePolicy(value, most) !== null ? null : `${policiesAllowed(most)} ([admission] connections_per_device)`;
const CLASS: Readonly<Record<string, Check>> = {
  name: shaped(/^(?!(?:default|peer)$)[a-z0-9_-]{1,32}$/, `up to 32 of a-z 0-9 _ -, not ${RESERVED}`),
  match: shaped(/^[A-Za-z0-9._:*-]{1,64}$/, "an identity, * for any run of characters"),
  transport: (value) => (RULED.includes(value as Transport) ? null : RULED.join(", ")),
  policy,
  config_schema: (value) => (typeof value === "string" && value !== "" ? null : "a file with a JSON Schema"),
};
const DEVICE: Readonly<Record<string, Check>> = { policy };
const OPTIONAL = new Set(["match", "transport", "config_schema"]);
/** A class may be there for its schema only. */
const WITH_SCHEMA = new Set([...OPTIONAL, "policy"]);
const ID = /^[A-Za-z0-9._:-]{1,64}$/;

const isEntry = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** What is wrong with one entry, each beginning with `place`. */
export function wrongWith(
  place: string,
  entry: unknown,
  checks: Readonly<Record<string, Check>>,
  most: number,
  optional: ReadonlySet<string> = OPTIONAL,
): string[] {
  const known = Object.keys(checks);
  if (!isEntry(entry)) return [`${place} is ${JSON.stringify(entry)}; allowed: a table of ${known.join(", ")}`];
  const wrong: string[] = [];
  for (const [key, value] of Object.entries(entry)) {
    const near = nearest(key, known);
    const allowed = checks[key]?.(value, most);
    if (allowed === undefined) {
      wrong.push(`${place}: unknown key ${key}.${near === null ? "" : ` Did you mean ${near}?`} Allowed: ${known.join(", ")}`);
    } else if (allowed !== null) wrong.push(`${place} ${key} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  }
  for (const key of known) if (!(key in entry) && !optional.has(key)) wrong.push(`${place} has no ${key}`);
  return wrong;
}

/** Is this given by one of the two tables? */
export const isPolicyGiven = ({ kind, key }: Given): boolean =>
  kind === "file" && (key === "classes" || key === "devices" || key.startsWith("devices."));

/** @returns the policies, and a line for every mistake */
export function readPolicies(
  given: readonly Given[],
  { policy: common, limits: { policyClasses, policyDevices, connectionsPerDevice: most } }: Pick<Settings, "policy" | "limits">,
): { readonly policies: Settings["policies"]; readonly problems: readonly string[] } {
  const classes: ClassSetting[] = [];
  const devices: DeviceSetting[] = [];
  const problems: string[] = [];
  const tooMany = (source: string, what: string, count: number, limit: number): void => {
    if (count > limit) problems.push(`${source}: ${count} ${what} exceed ${limit}`);
  };
  for (const { key, value, source } of given) {
    if (key === "classes") {
      if (!Array.isArray(value)) problems.push(`${source}: classes is not a list of [[classes]]`);
      const entries: readonly unknown[] = Array.isArray(value) ? value : [];
      for (const [i, entry] of entries.entries()) {
        const place = `${source}: [[classes]] ${i + 1}`;
        const wrong = wrongWith(place, entry, CLASS, most, isEntry(entry) && "config_schema" in entry ? WITH_SCHEMA : OPTIONAL);
        problems.push(...wrong);
        if (wrong.length > 0) continue;
        const { name, match = "*", transport = null, policy: text = common, config_schema: configSchema = "" } = entry as Record<
          string,
          string
        >;
        if (transport !== null && configSchema !== "") {
          problems.push(`${place} has transport and config_schema: a configuration is of a device, however it is connected`);
        }
        if (classes.some((one) => one.name === name)) problems.push(`${place} name ${name} is there already`);
        classes.push({ name: name!, match, transport: transport as Transport | null, policy: text, configSchema });
      }
      tooMany(source, "classes", entries.length, policyClasses);
    } else if (key !== "devices") {
      const id = key.slice("devices.".length);
      const place = `${source}: [devices.${JSON.stringify(id)}]`;
      const wrong = ID.test(id) ? wrongWith(place, value, DEVICE, most) : [`${place}: not an identity`];
      problems.push(...wrong);
      if (wrong.length === 0) devices.push({ id, policy: (value as { policy: string }).policy });
      if (devices.length === policyDevices + 1) tooMany(source, "devices with a policy", devices.length, policyDevices);
    }
  }
  return { policies: { classes, devices }, problems };
}

/** Both tables as TOML lines. */
export function explainPolicies({ classes, devices }: Settings["policies"]): string[] {
  const entry = (header: string, values: Readonly<Record<string, string | null>>): string[] => [
    "",
    header,
    ...Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [`${key} = ${JSON.stringify(value)}`])),
  ];
  return [
    ...classes.flatMap(({ configSchema, ...one }) =>
      entry("[[classes]]", { ...one, config_schema: configSchema === "" ? null : configSchema })
    ),
    ...devices.flatMap(({ id, policy: text }) => entry(`[devices.${JSON.stringify(id)}]`, { policy: text })),
  ];
}
