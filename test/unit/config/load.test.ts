/** The configuration: three spellings of one setting, which one wins, and what a mistake says. */
import { describe, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { explain } from "../../../src/config/explain.ts";
import { type Config, loadConfig } from "../../../src/config/load.ts";
import { environmentName, type Setting, SETTINGS } from "../../../src/config/setting.ts";

const load = (toml: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  loadConfig({ file: toml === "" ? null : { path: "berth.toml", text: toml }, environment, flags });

function good(toml: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}): Config {
  const result = load(toml, environment, flags);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function problems(toml: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}): string[] {
  const result = load(toml, environment, flags);
  return result.ok ? [] : result.message.split("\n");
}

const settings = (toml: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  good(toml, environment, flags).settings;
const toToml = ({ key }: Setting, value: string | number): string => {
  const dot = key.indexOf(".");
  const line = `${key.slice(dot + 1)} = ${JSON.stringify(value)}\n`;
  return dot < 0 ? line : `[${key.slice(0, dot)}]\n${line}`;
};
/** Settings that depend on others at the ends of their range. */
const RELATED = new Set(
  Object.entries({
    http: "socket_dead_ms socket_ping_ms socket_subscriptions socket_ask_burst message_bytes",
    rings: "message_ring_bytes frame_ring_bytes",
    tcp: "frame_bytes",
    process: "heartbeat_stale_ms store_stale_ms idle_wait_ms",
    journal: "probe_commit_min_ms probe_commit_max_ms",
  }).flatMap(([section, names]) => names.split(" ").map((name) => `${section}.${name}`)),
);

const POLICIES = `policy = "multi(3)"
[[classes]]
name = "ships"
match = "35030*"
transport = "tcp"
policy = "reject"
[[classes]]
name = "phones"
policy = "recent"
[devices."356307042441013"]
policy = "multi(2)"
[devices]
ab-1 = { policy = "takeover" }
`;

describe("policies", () => {
  test("of all, of classes and of devices are read from the file", () => {
    const { policy, policies } = settings(POLICIES);
    expect(policy).toBe("multi(3)");
    expect(policies).toEqual({
      classes: [
        { name: "ships", match: "35030*", transport: "tcp", policy: "reject", configSchema: "" },
        { name: "phones", match: "*", transport: null, policy: "recent", configSchema: "" },
      ],
      devices: [{ id: "356307042441013", policy: "multi(2)" }, { id: "ab-1", policy: "takeover" }],
    });
  });

  test("explained are a file that gives the same policies", () => {
    expect(settings(explain(good(POLICIES))).policies).toEqual(settings(POLICIES).policies);
    const schema = 'policy = "reject"\n[[classes]]\nname = "a"\nconfig_schema = "a.json"\n[config]\nschema = "all.json"\n';
    // A class that is there for its schema has the policy of all.
    expect(settings(schema).policies.classes).toEqual([
      { name: "a", match: "*", transport: null, policy: "reject", configSchema: "a.json" },
    ]);
    const again = settings(explain(good(schema)));
    expect([again.policies, again.configSchema]).toEqual([settings(schema).policies, "all.json"]);
  });

  test("with a mistake are refused with their place and what is allowed", () => {
    const classes = (text: string) => problems(`[[classes]]\n${text}`);
    expect(classes('name = "a"\npolicy = "first"\n')).toEqual([
      'berth.toml:1: [[classes]] 1 policy is "first"; allowed: takeover, reject, initiator, recent, multi(1) to multi(16) ([admission] connections_per_device)',
    ]);
    expect(classes('name = "default"\npolicy = "recent"\n')[0]).toContain('name is "default"; allowed: up to 32 of');
    expect(classes('policy = "recent"\n')).toEqual(["berth.toml:1: [[classes]] 1 has no name"]);
    expect(classes('name = "a"\npolicy = "recent"\ntransport = "radio"\n')[0]).toContain("allowed: tcp, sse, ws, peer");
    expect(classes('name = "a"\npolicy = "recent"\ntransport = "udp"\n')[0]).toContain("allowed: tcp, sse, ws, peer");
    expect(classes('name = "a"\npolicy = "recent"\nmatch = "a b"\n')[0]).toContain("an identity, * for any run of characters");
    expect(classes('name = "a"\npolicy = "recent"\npolcy = 1\n')[0]).toEndWith(
      "unknown key polcy. Did you mean policy? Allowed: name, match, transport, policy, config_schema",
    );
    expect(classes('name = "a"\npolicy = "recent"\n[[classes]]\nname = "a"\npolicy = "recent"\n')).toEqual([
      "berth.toml:1: [[classes]] 2 name a is there already",
    ]);
    expect(classes('name = "a"\nconfig_schema = 1\n')).toEqual([
      "berth.toml:1: [[classes]] 1 config_schema is 1; allowed: a file with a JSON Schema",
    ]);
    expect(classes('name = "a"\npolicy = "recent"\ntransport = "tcp"\nconfig_schema = "a.json"\n')).toEqual([
      "berth.toml:1: [[classes]] 1 has transport and config_schema: a configuration is of a device, however it is connected",
    ]);
    expect(problems("classes = 3\n")).toEqual(["berth.toml:1: classes is not a list of [[classes]]"]);
    expect(problems('[devices."a b"]\npolicy = "recent"\n')).toEqual(['berth.toml:1: [devices."a b"]: not an identity']);
    expect(problems("[devices]\na = 1\n")).toEqual(['berth.toml:2: [devices."a"] is 1; allowed: a table of policy']);
    expect(problems("", { BERTH_CLASSES: "a" })[0]).toStartWith("BERTH_CLASSES: no such setting.");
  });

  test("are bounded in number and in connections", () => {
    const two = '[[classes]]\nname = "a"\npolicy = "recent"\n[[classes]]\nname = "b"\npolicy = "recent"\n';
    expect(problems(`${two}[admission]\npolicy_classes = 1\n`)).toEqual(["berth.toml:1: 2 classes exceed 1"]);
    const devices = '[devices.a]\npolicy = "recent"\n[devices.b]\npolicy = "recent"\n';
    expect(problems(`${devices}[admission]\npolicy_devices = 1\n`)).toEqual(["berth.toml:3: 2 devices with a policy exceed 1"]);
    expect(problems('policy = "multi(3)"\n[admission]\nconnections_per_device = 2\n')).toEqual([
      "berth.toml:1: policy: multi(3) exceeds [admission] connections_per_device 2",
    ]);
  });
});

describe("configuration", () => {
  test("without anything is the table of defaults", () => {
    expect(settings("")).toEqual({
      data: "./berth-data",
      workers: 0,
      policy: "takeover",
      policies: { classes: [], devices: [] },
      unknownDevices: "accept",
      logLevel: "info",
      instance: "",
      tcp: { host: "0.0.0.0", port: 5027, accept: "auto", proxy: null, tls: null },
      http: { host: "127.0.0.1", port: 8080, threads: 0 },
      peer: { listen: null, policy: "initiator" },
      udp: null,
      peers: [],
      conflict: { action: "observe" },
      configSchema: "",
      tls: null,
      access: { health: "open", metrics: "token", origins: [], allowFile: "" },
      limits: limitsWith(),
    });
  });

  test("takes every setting in the file and in the environment", () => {
    for (const setting of SETTINGS) {
      const fromFile = good(toToml(setting, setting.initial)).effective.find((one) => one.setting === setting)!;
      expect({ key: setting.key, value: fromFile.value }).toEqual({ key: setting.key, value: setting.initial });
      expect(fromFile.source).toStartWith("berth.toml:");
      if (setting.initial === "") continue;
      const fromEnvironment = good("", { [environmentName(setting.key)]: String(setting.initial) }).effective.find((one) =>
        one.setting === setting
      )!;
      expect(fromEnvironment).toEqual({ setting, value: setting.initial, source: environmentName(setting.key) });
    }
  });

  test("takes each limit at both ends of its range and nothing beyond", () => {
    for (const setting of SETTINGS.filter(({ limit }) => limit !== null)) {
      const [min, max] = Array.from(setting.allowed.matchAll(/\d+/g), Number) as [number, number];
      if (!RELATED.has(setting.key)) { for (const value of [min, max]) expect(problems(toToml(setting, value))).toEqual([]); }
      for (const value of [min - 1, max + 1, 1.5]) {
        const dot = setting.key.indexOf(".");
        expect(problems(toToml(setting, value))).toEqual([
          `berth.toml:2: [${setting.key.slice(0, dot)}] ${setting.key.slice(dot + 1)} is ${value}; allowed: ${setting.allowed}`,
        ]);
      }
    }
  });

  test("prefers a flag to the environment, the environment to the file, the file to the default", () => {
    const toml = '[tcp]\nlisten = "127.0.0.1:1"\n';
    const environment = { BERTH_TCP__LISTEN: "127.0.0.1:2" };
    expect(settings("").tcp.port).toBe(5027);
    expect(settings(toml).tcp.port).toBe(1);
    expect(settings(toml, environment).tcp.port).toBe(2);
    expect(settings(toml, environment, { "tcp.listen": "127.0.0.1:3" }).tcp.port).toBe(3);
    const source = (config: Config): string => config.effective.find(({ setting }) => setting.key === "tcp.listen")!.source;
    expect([good(""), good(toml), good(toml, environment), good(toml, environment, { "tcp.listen": "[::1]:3" })].map(source)).toEqual([
      "default",
      "berth.toml:2",
      "BERTH_TCP__LISTEN",
      "--tcp",
    ]);
  });

  test("names file, line, key and what is allowed for a bad value", () => {
    expect(problems('workers = 2\n\n[tcp]\n# a comment\nidle_timeout_ms = "soon"\n')).toEqual([
      'berth.toml:5: [tcp] idle_timeout_ms is "soon"; allowed: an integer from 100 to 86400000',
    ]);
    expect(problems("", { BERTH_TCP__IDLE_TIMEOUT_MS: "1e5" })).toEqual([
      'BERTH_TCP__IDLE_TIMEOUT_MS is "1e5"; allowed: an integer from 100 to 86400000',
    ]);
    expect(problems("", {}, { workers: "many" })).toEqual(['--workers is "many"; allowed: an integer from 0 to 32']);
    expect(problems("workers = [1]\n")).toEqual(["berth.toml:1: workers is a list; allowed: an integer from 0 to 32"]);
    expect(problems("[rings]\nframe_ring_bytes = 1000000\n")).toEqual([
      "berth.toml:2: [rings] frame_ring_bytes is 1000000; allowed: a power of two from 4096 to 268435456",
    ]);
  });

  test("names every mistake at once", () => {
    expect(problems('workers = -1\npolicy = "first"\n', { BERTH_LOG_LEVEL: "loud" })).toEqual([
      "berth.toml:1: workers is -1; allowed: an integer from 0 to 32",
      'berth.toml:2: policy is "first"; allowed: takeover, reject, initiator, recent, multi(1) to multi(64)',
      'BERTH_LOG_LEVEL is "loud"; allowed: trace, debug, info, warn, error, silent',
    ]);
  });

  test("says where a file is not TOML", () => {
    expect(problems("workers = 1\n[tcp\n")[0]).toMatch(/^berth\.toml:2: not TOML: \w/);
    expect(problems("workers = 1\nworkers = 2\n")[0]).toMatch(/^berth\.toml:2: not TOML: \w/);
  });

  test("refuses what is not built yet by its name", () => {
    expect(problems('[redis]\nurl = "redis://a"\n')).toEqual(["berth.toml:2: [redis] url: not built yet: clusters over Redis"]);
    expect(problems("", {}, { redis: "redis://a" })).toEqual(["--redis: not built yet: clusters over Redis"]);
    expect(problems("", { BERTH_REDIS__URL: "redis://a" })).toEqual(["BERTH_REDIS__URL: not built yet: clusters over Redis"]);
  });

  test("takes any address for HTTP: whether there are tokens is seen at the start", () => {
    for (const host of ["127.0.0.1", "[::1]", "0.0.0.0", "gateway"]) expect(problems("", {}, { "http.listen": `${host}:0` })).toEqual([]);
  });

  test("takes balancers with the PROXY protocol, and not one without the other", () => {
    const given = '[tcp]\nproxy_protocol = "v2"\nproxy_from = "10.0.0.0/8, ::1"\n';
    expect(problems(given)).toEqual([]);
    const from = [{ bytes: [10, 0, 0, 0], bits: 8 }, { bytes: [...new Array<number>(15).fill(0), 1], bits: 128 }];
    expect(settings(given).tcp.proxy).toEqual({ versions: "v2", from });
    expect(problems('[tcp]\nproxy_protocol = "required"\n')[0]).toContain("[tcp] proxy_from: with [tcp] proxy_protocol name the balancers");
    expect(problems('[tcp]\nproxy_from = "10.0.0.1/8"\n')[0]).toStartWith('berth.toml:2: [tcp] proxy_from is "10.0.0.1/8"; allowed:');
    expect(problems('[tcp]\nproxy_protocol = "v3"\n')[0]).toContain("allowed: off, v1, v2, required");
  });

  test("takes a certificate with its key, and neither alone", () => {
    expect(problems('[tls]\ncert = "a.pem"\nkey = "b.pem"\n')).toEqual([]);
    expect(problems('[tls]\ncert = "a.pem"\n')[0]).toContain("[tls] key: a certificate and its key go together");
    expect(problems('[tls]\nkey = "b.pem"\n')[0]).toContain("[tls] cert: a certificate and its key go together");
  });

  test("takes an address for trackers with TLS, with a certificate of its own or that of HTTP", () => {
    const own = '[tcp.tls]\nlisten = "0.0.0.0:5028"\ncert = "a.pem"\nkey = "b.pem"\nclient_ca = "c.pem"\n';
    expect(settings(own).tcp.tls).toEqual({ host: "0.0.0.0", port: 5028, cert: "a.pem", key: "b.pem", clientCa: "c.pem" });
    expect(settings(own).tls).toBeNull();
    const shared = '[tls]\ncert = "a.pem"\nkey = "b.pem"\n[tcp.tls]\nlisten = "0.0.0.0:5028"\n';
    expect(settings(shared).tcp.tls).toEqual({ host: "0.0.0.0", port: 5028, cert: "a.pem", key: "b.pem", clientCa: "" });
    expect(problems('[tcp.tls]\nlisten = "0.0.0.0:5028"\n')[0]).toStartWith("berth.toml:2: [tcp.tls] listen: it needs a certificate");
    expect(problems('[tls]\ncert = "a.pem"\nkey = "b.pem"\n[tcp.tls]\nlisten = "0.0.0.0:1"\ncert = "c.pem"\n')[0]).toStartWith(
      "berth.toml:6: [tcp.tls] cert: a certificate and its key go together",
    );
    expect(problems("[tcp.tls]\nlisten_on = 1\n")[0]).toStartWith("berth.toml:2: unknown key [tcp.tls] listen_on. Did you mean listen?");
    expect(problems("", { BERTH_TCP__TLS__LISTEN: "nowhere" })[0]).toStartWith(
      'BERTH_TCP__TLS__LISTEN is "nowhere"; allowed: HOST:PORT or off',
    );
  });

  test("takes origins of other sites, and no stars", () => {
    expect(problems('[access]\norigins = "https://a.example, http://localhost:3000"\n')).toEqual([]);
    expect(problems('[access]\norigins = "*"\n')[0]).toStartWith('berth.toml:2: [access] origins is "*"; allowed: nothing, or origins');
  });

  test("refuses settings that do not fit together", () => {
    expect(problems("[rings]\nframe_ring_bytes = 4096\n")).toEqual([
      "berth.toml:2: [rings] frame_ring_bytes: 4096 is too small for [tcp] frame_bytes 32768; allowed: 262144 or more",
    ]);
    expect(problems("[rings]\nframe_ring_bytes = 8192\n[tcp]\nframe_bytes = 1292\n")).toEqual([]);
    expect(problems("[process]\nheartbeat_stale_ms = 1000\n")[0]).toContain("must exceed [process] idle_wait_ms 1000");
    expect(problems("[process]\nheartbeat_stale_ms = 1000\nidle_wait_ms = 10\n")).toEqual([]);
  });

  test("leaves alone what else begins with BERTH_", () => {
    expect(
      problems("", {
        BERTH_FAULTS: "journal.loop:throw",
        BERTH_PORT: "tcp://10.0.0.1:80",
        BERTH_SERVICE_HOST: "10.0.0.1",
        BERTH_PORT_80_TCP_ADDR: "a",
        BERTHA: "1",
        BERTH_POLICY: "",
      }),
    ).toEqual([]);
  });

  test("explained is a file that gives the same settings", () => {
    const first = good('[tcp]\nlisten = "[::1]:9"\n', { BERTH_JOURNAL__FLUSH_FRAMES: "7" });
    const text = explain(first);
    expect(settings(text)).toEqual(first.settings);
    expect(text).toMatch(/^listen = "\[::1\]:9" +# berth\.toml:2$/m);
    expect(text).toMatch(/^flush_frames = 7 +# BERTH_JOURNAL__FLUSH_FRAMES$/m);
    expect(text).toMatch(/^data = "\.\/berth-data" +# default$/m);
  });
});
