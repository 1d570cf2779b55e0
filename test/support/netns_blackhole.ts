/**
 * A program for a network namespace of its own (see netns.ts): a gateway here, trackers in a second namespace at the other
 * end of a cable. Then the cable's ends send to an address nobody has: packets are dropped both ways, and nobody is told.
 * Prints one line of JSON: what became of the gateway's connections, by keepalive and by a probe.
 */
import { readlinkSync } from "node:fs";
import { descriptorsOf } from "./descriptors.ts";
import { imeiOf } from "./fleet.ts";
import { encodeLogin } from "./frames.ts";
import { endEverything, Gateway, type SettingsText } from "./gateway.ts";
import { timed } from "./processor_wait.ts";
import { RawPeer } from "./raw_peer.ts";
import { devicesPage, metric } from "./rest.ts";
import { Tracker } from "./tracker.ts";
import { until } from "./until.ts";

interface Starved {
  /** How much of the time both processes waited for a processor. */
  readonly starvedMs: number;
}
export interface BlackholeResult {
  readonly keepalive: Starved & {
    readonly devices: number;
    readonly offlineMs: number;
    readonly descriptorsLeft: number;
    readonly lost: number;
  };
  readonly probe: Starved & { readonly answer: number; readonly tookMs: number; readonly descriptorsLeft: number };
}

const [HERE, THERE] = ["10.213.0.1", "10.213.0.2"];
const NOBODY = "02:00:00:00:00:99";
const DEVICES = 40;

function command(...words: string[]): void {
  const done = Bun.spawnSync(words, { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`Cannot ${words.join(" ")}: ${done.stderr.toString()}`);
}

/** The trackers' side: a process that does nothing but keep a namespace. */
const there = Bun.spawn(["unshare", "--net", "sleep", "120"], { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
const namespace = `/proc/${there.pid}/ns/net`;
const inside = (...words: string[]): void => command("nsenter", `--net=${namespace}`, ...words);

async function cable(): Promise<void> {
  command("ip", "link", "set", "lo", "up");
  await until("the second namespace", () => readlinkSync(namespace) !== readlinkSync("/proc/self/ns/net"));
  command("ip", "link", "add", "here0", "type", "veth", "peer", "name", "there0", "netns", String(there.pid));
  command("ip", "addr", "add", `${HERE}/30`, "dev", "here0");
  command("ip", "link", "set", "here0", "up");
  inside("ip", "addr", "add", `${THERE}/30`, "dev", "there0");
  inside("ip", "link", "set", "there0", "up");
}

const drop = (): void => {
  command("ip", "neigh", "replace", THERE, "lladdr", NOBODY, "nud", "permanent", "dev", "here0");
  inside("ip", "neigh", "replace", HERE, "lladdr", NOBODY, "nud", "permanent", "dev", "there0");
};
const mend = (): void => {
  command("ip", "neigh", "del", THERE, "dev", "here0");
  inside("ip", "neigh", "del", HERE, "dev", "there0");
};

const start = (settings: SettingsText): Promise<Gateway> =>
  Gateway.start({ settings: { workers: 2, ...settings }, args: ["--tcp", `${HERE}:0`] });

async function hold(gateway: Gateway, imei: string): Promise<void> {
  const peer = RawPeer.connect(gateway.tcpPort, { host: HERE, namespace });
  peer.send(encodeLogin(imei));
  await until("a login", () => peer.receive());
}

async function byKeepalive(): Promise<BlackholeResult["keepalive"]> {
  const gateway = await start({
    "tcp.keep_alive_idle_s": 1,
    "tcp.keep_alive_interval_s": 1,
    "tcp.keep_alive_probes": 2,
    "tcp.user_timeout_ms": 1000,
  });
  const before = descriptorsOf(gateway);
  for (let i = 0; i < DEVICES; i++) await hold(gateway, imeiOf(i));
  const devices = (await devicesPage(gateway.url, "?connected=true")).devices.length;
  drop();
  const offline = async (): Promise<boolean> => (await devicesPage(gateway.url, "?connected=true")).devices.length === 0;
  const { tookMs, starvedMs } = await timed(gateway.pid, () => until("all offline", offline, 15_000));
  await until("the descriptors", () => descriptorsOf(gateway) <= before);
  const lost = await metric(gateway.url, 'berth_closed_total{reason="lost"}');
  const left = descriptorsOf(gateway) - before;
  mend();
  await gateway.stop();
  return { devices, offlineMs: tookMs, starvedMs, descriptorsLeft: left, lost };
}

async function byProbe(): Promise<BlackholeResult["probe"]> {
  const gateway = await start({ policy: "reject", "admission.tracker_probe_ms": 2000, "tcp.afterlife_ms": 1500 });
  const before = descriptorsOf(gateway);
  await hold(gateway, imeiOf(1));
  drop();
  let answer = 0;
  let newcomer!: Tracker;
  const { tookMs, starvedMs } = await timed(gateway.pid, async () => {
    newcomer = await Tracker.open(gateway.tcpPort, HERE);
    newcomer.write(encodeLogin(imeiOf(1)));
    answer = await newcomer.answered();
  });
  // The newcomer's own is one.
  await until("the descriptors", () => descriptorsOf(gateway) <= before + 1);
  const left = descriptorsOf(gateway) - before - 1;
  newcomer.close();
  await gateway.stop();
  return { answer, tookMs, starvedMs, descriptorsLeft: left };
}

try {
  await cable();
  const result: BlackholeResult = { keepalive: await byKeepalive(), probe: await byProbe() };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await endEverything();
  there.kill();
}
