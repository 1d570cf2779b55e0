/** Every setting: its name in the file, its flag, its default and what it may be. Pure; load.ts reads by it. */
import * as v from "valibot";
import { type Limit, LIMIT_SECTIONS, LIMITS } from "../base/limits.ts";
import { PROXY_VERSIONS } from "../codec/proxy_protocol.ts";
import { MAX_HTTP_THREADS, MAX_WORKERS } from "../wire/board.ts";
import { CONFLICT_ACTIONS } from "../wire/control.ts";
import { parsePolicy, policiesAllowed } from "../wire/policy.ts";
import { PEER_POLICIES } from "../wire/peer_line.ts";
import { parseHostPort } from "./host_port.ts";
import { parseNetworks } from "./networks.ts";
import { parseOrigins } from "./origins.ts";
import type { LogLevel, Settings } from "./settings.ts";

export type SettingValue = string | number;

export interface Setting {
  /** `tcp.idle_timeout_ms`, `workers`. */
  readonly key: string;
  /** Where the section of `key` is a limit's: the name in `Settings.limits`. */
  readonly limit: string | null;
  readonly flag: string | null;
  readonly initial: SettingValue;
  readonly schema: v.GenericSchema<unknown, SettingValue>;
  /** What is allowed, for people. */
  readonly allowed: string;
  readonly why: string;
}

type Listed<Name extends string> = readonly Name[];
const LOG_LEVELS: Listed<LogLevel> = ["trace", "debug", "info", "warn", "error", "silent"];
const UNKNOWN_DEVICES: Listed<Settings["unknownDevices"]> = ["accept", "reject", "quarantine"];
const REACHABLE: Listed<Settings["access"]["health"]> = ["open", "token"];
const SWITCH = ["off", "on"] as const;
const ACCEPT: Listed<Settings["tcp"]["accept"]> = ["auto", "fd", "reuseport"];

/** `idleTimeoutMs` → `idle_timeout_ms`. */
export const snakeOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const integer = (min: number, max: number): v.GenericSchema<unknown, number> =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

function pick(key: string, flag: string | null, names: readonly string[], initial: string, why: string): Setting {
  return { key, limit: null, flag, initial, schema: v.picklist(names), allowed: names.join(", "), why };
}

function whole(key: string, flag: string | null, initial: number, min: number, max: number, why: string): Setting {
  return { key, limit: null, flag, initial, schema: integer(min, max), allowed: `an integer from ${min} to ${max}`, why };
}

function text(key: string, flag: string | null, initial: string, shape: RegExp, allowed: string, why: string): Setting {
  return { key, limit: null, flag, initial, schema: v.pipe(v.string(), v.regex(shape)), allowed, why };
}

function listen(key: string, flag: string | null, initial: string, allowed: string, also: readonly string[], why: string): Setting {
  const schema = v.pipe(v.string(), v.check((value) => also.includes(value) || parseHostPort(value).ok));
  return { key, limit: null, flag, initial, schema, allowed, why };
}

function limitSetting(section: string, name: string, { value, min, max, why }: Limit): Setting {
  const key = `${section}.${snakeOf(name)}`;
  const common = { key, limit: name, flag: null, initial: value, why };
  if (!name.endsWith("RingBytes")) return { ...common, schema: integer(min, max), allowed: `an integer from ${min} to ${max}` };
  return { ...common, schema: v.pipe(integer(min, max), v.check(isPowerOfTwo)), allowed: `a power of two from ${min} to ${max}` };
}

const OWN: readonly Setting[] = [
  text("data", "--data", "./berth-data", /\S/, "a directory", "Everything Berth keeps. One running gateway per directory."),
  whole("workers", "--workers", 0, 0, MAX_WORKERS, "Codec workers. 0: one less than there are cores, at least one."),
  {
    key: "policy",
    limit: null,
    flag: "--policy",
    initial: "takeover",
    schema: v.pipe(v.string(), v.check((value) => parsePolicy(value, LIMITS.connectionsPerDevice.max) !== null)),
    allowed: policiesAllowed(LIMITS.connectionsPerDevice.max),
    why: "Which of two connections of one device wins.",
  },
  pick(
    "unknown_devices",
    "--unknown-devices",
    UNKNOWN_DEVICES,
    "accept",
    "What becomes of a device nobody announced. reject: it is refused. quarantine: what it sends is kept, marked, until it is on the allow list.",
  ),
  pick("log_level", "--log-level", LOG_LEVELS, "info", "JSON lines on standard error, this level and above."),
  text(
    "instance",
    null,
    "",
    /^[A-Za-z0-9_.:-]{0,64}$/,
    "up to 64 letters, digits, or any of _.:-",
    "Name of this gateway. Empty: made from the host and the pid.",
  ),
  listen("tcp.listen", "--tcp", "0.0.0.0:5027", "HOST:PORT, port 0 for a free one", [], "Where trackers connect."),
  pick(
    "tcp.accept",
    null,
    ACCEPT,
    "auto",
    "fd: one thread accepts and hands descriptors over. reuseport: every worker listens. auto: fd where the runtime can.",
  ),
  pick(
    "tcp.proxy_protocol",
    null,
    ["off", ...PROXY_VERSIONS],
    "off",
    "Version of the PROXY protocol's header with which a balancer says who is behind it. required: either. A connection without one is closed.",
  ),
  {
    key: "tcp.proxy_from",
    limit: null,
    flag: null,
    initial: "",
    schema: v.pipe(v.string(), v.check((value) => parseNetworks(value) !== null)),
    allowed: "nothing, or addresses and networks as 10.0.0.0/8, separated by commas",
    why: "The balancers. With the PROXY protocol a connection from elsewhere is closed: it could say that it is anybody.",
  },
  listen("tcp.tls.listen", null, "off", "HOST:PORT or off", ["off"], "Where trackers connect with TLS, besides [tcp] listen."),
  text(
    "tcp.tls.cert",
    null,
    "",
    /^/,
    "a PEM file, or nothing",
    "Certificate chain shown to trackers. Nothing: that of [tls]. Read again on SIGHUP.",
  ),
  text("tcp.tls.key", null, "", /^/, "a PEM file, or nothing", "Its private key."),
  text(
    "tcp.tls.client_ca",
    null,
    "",
    /^/,
    "a PEM file, or nothing",
    "Authorities that sign the certificates of trackers: who shows none of theirs is refused. Nothing: none is asked for.",
  ),
  listen("udp.listen", "--udp", "off", "HOST:PORT or off", ["off"], "Where trackers send datagrams."),
  pick(
    "udp.commands",
    null,
    SWITCH,
    "off",
    "on: a device that is heard over UDP only gets its commands there. Whoever sends in its name gets them then, and can answer.",
  ),
  listen(
    "http.listen",
    "--http",
    "127.0.0.1:8080",
    "HOST:PORT, port 0 for a free one",
    [],
    "REST, SSE, metrics and the dashboard. Only a loopback address as long as there are no tokens (berth token).",
  ),
  whole(
    "http.threads",
    null,
    0,
    0,
    MAX_HTTP_THREADS,
    "Threads that serve HTTP. 0: one for each four cores, at least one. Each takes its share of the connections and keeps the devices in its memory.",
  ),
  listen("peer.listen", null, "off", "HOST:PORT or off", ["off"], "Where other gateways, those named in [[peers]], connect."),
  pick(
    "peer.policy",
    null,
    PEER_POLICIES,
    "initiator",
    "Which of two connections of two gateways stays; the same on both. initiator: the one the bigger identity dialled. recent: the newer.",
  ),
  pick(
    "conflict.action",
    null,
    CONFLICT_ACTIONS,
    "observe",
    "What is done about two live devices with one identity. observe: tell. hold: the present one keeps it, the other is refused. quarantine: both go on, what they send is marked.",
  ),
  text(
    "config.schema",
    null,
    "",
    /^/,
    "a file with a JSON Schema, or nothing",
    "What configurations of devices have to be; config_schema of a class is for its devices instead. Read at the start.",
  ),
  text(
    "tls.cert",
    null,
    "",
    /^/,
    "a PEM file, or nothing",
    "Certificate chain of the HTTP interface, which then speaks HTTPS, and of [tcp.tls] unless it has its own. Read again on SIGHUP.",
  ),
  text("tls.key", null, "", /^/, "a PEM file, or nothing", "Its private key."),
  pick(
    "access.health",
    null,
    REACHABLE,
    "open",
    "Once there are tokens: may /healthz and /readyz be asked without one? open: yes. token: only with one of scope read.",
  ),
  pick("access.metrics", null, REACHABLE, "token", "The same for /metrics, which tells more."),
  {
    key: "access.origins",
    limit: null,
    flag: null,
    initial: "",
    schema: v.pipe(v.string(), v.check((value) => parseOrigins(value) !== null)),
    allowed: "nothing, or origins as https://fleet.example, separated by commas",
    why: "Pages of these other sites may use the interface (CORS). Those of the gateway itself always may.",
  },
  text(
    "access.allow_file",
    null,
    "",
    /^/,
    "a file with one device id a line, or nothing",
    "Devices that may come where unknown_devices = reject, besides those on the allow list (berth allow). Read at the start.",
  ),
];

const SECTION_LIMITS = Object.entries(LIMIT_SECTIONS).flatMap(([section, limits]) =>
  Object.entries(limits).map(([name, limit]) => limitSetting(section, name, limit))
);
/** The tables of the file, in the order people read them; "" for the keys above the first table. */
export const SECTIONS = [
  "",
  "tcp",
  "tcp.tls",
  "udp",
  "http",
  "admission",
  "peer",
  "rings",
  "journal",
  "conflict",
  "command",
  "config",
  "tls",
  "access",
  "process",
] as const;
export const sectionOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf(".")));

/** Every setting, one section after the other. */
export const SETTINGS: readonly Setting[] = SECTIONS.flatMap((section) =>
  [...OWN, ...SECTION_LIMITS].filter(({ key }) => sectionOf(key) === section)
);

const BY_KEY = new Map(SETTINGS.map((setting) => [setting.key, setting]));
export const settingOf = (key: string): Setting | undefined => BY_KEY.get(key);

/** `tcp.idle_timeout_ms` → `BERTH_TCP__IDLE_TIMEOUT_MS`. */
export const environmentName = (key: string): string => `BERTH_${key.toUpperCase().replaceAll(".", "__")}`;
/** `tcp.idle_timeout_ms` → `[tcp] idle_timeout_ms`. */
export const fileName = (key: string): string => (key.includes(".") ? `[${sectionOf(key)}] ${key.slice(key.lastIndexOf(".") + 1)}` : key);
