/**
 * How long a takeover takes, beside mosquitto's takeover of a client id: from the new connection's connect() to its answer (login
 * byte, CONNACK), and to the moment the old socket sees its end. One at a time, then a fleet that comes back at once while its old
 * connections are still there; the servers take turns, so that both feel the same machine.
 *
 *   bun bench/load/takeover_latency.ts [rounds = 2000] [fleet = 1000] [times the fleet comes = 10]
 *
 * Needs the Debian package mosquitto. Berth is the executable where it is built (see test/support/gateway.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imeiOf } from "../../test/support/fleet.ts";
import { encodeLogin } from "../../test/support/frames.ts";
import { endEverything, Gateway } from "../../test/support/gateway.ts";
import { until } from "../../test/support/until.ts";

interface Server {
  readonly name: string;
  readonly port: number;
  /** What a client says first. */
  readonly hello: Uint8Array;
  /** What a client that is let in hears. */
  readonly welcome: Uint8Array;
}

interface Taken {
  readonly answerMs: number;
  readonly endMs: number;
}

/** A client of either server; its end and its welcome have their times. */
class Client {
  welcomedAt = 0;
  endedAt = 0;
  #changed: () => void = () => {};
  #socket: Awaited<ReturnType<typeof Bun.connect>> | null = null;

  /** Connects and says hello. */
  async open(server: Server): Promise<this> {
    const heard: number[] = [];
    this.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: {
        open: (socket) => void socket.write(server.hello),
        data: (_, bytes) => {
          heard.push(...bytes);
          if (heard.length < server.welcome.length || this.welcomedAt > 0) return;
          if (!server.welcome.every((byte, at) => heard[at] === byte)) throw new Error(`${server.name} answered ${heard.join(" ")}`);
          this.welcomedAt = performance.now();
          this.#changed();
        },
        end: () => this.#ended(),
        close: () => this.#ended(),
        error: () => this.#ended(),
      },
    });
    return this;
  }
  async welcomed(): Promise<void> {
    while (this.welcomedAt === 0) await new Promise<void>((resolve) => this.#changed = resolve);
  }
  async ended(): Promise<void> {
    while (this.endedAt === 0) await new Promise<void>((resolve) => this.#changed = resolve);
  }
  close(): void {
    this.#socket?.terminate();
  }
  #ended(): void {
    if (this.endedAt > 0) return;
    this.endedAt = performance.now();
    this.#changed();
    this.#socket?.end();
  }
}

/** One identity, held by the newest client. */
class Identity {
  readonly taken: Taken[] = [];
  readonly #server: Server;
  #holder: Client | null = null;

  constructor(server: Server) {
    this.#server = server;
  }
  get name(): string {
    return this.#server.name;
  }

  async takeOver(counted: boolean): Promise<void> {
    const old = this.#holder;
    const began = performance.now();
    const next = new Client();
    const opening = next.open(this.#server);
    await next.welcomed();
    if (old !== null) {
      await old.ended();
      old.close();
      if (counted) this.taken.push({ answerMs: next.welcomedAt - began, endMs: old.endedAt - began });
    }
    this.#holder = await opening;
  }
  end(): void {
    this.#holder?.close();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function accepts(port: number): Promise<boolean> {
  return await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } }).then((socket) => (socket.end(), true), () => false);
}

const hasText = (text: string): number[] => [text.length >> 8, text.length & 0xff, ...new TextEncoder().encode(text)];

/** MQTT 3.1.1: CONNECT with a clean session and 60 s of keepalive; CONNACK without a session. */
function mqttConnect(clientId: string): Uint8Array {
  const body = [...hasText("MQTT"), 4, 2, 0, 60, ...hasText(clientId)];
  return Uint8Array.from([0x10, body.length, ...body]);
}

async function startMosquitto(folder: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const port = await freePort();
  const file = join(folder, "mosquitto.conf");
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\nset_tcp_nodelay true\n`);
  const process = Bun.spawn(["mosquitto", "-c", file], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  await until("mosquitto", () => accepts(port));
  const stop = async (): Promise<void> => {
    process.kill("SIGTERM");
    await process.exited;
  };
  return { port, stop };
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(3);
  return `${at(0.5)}, ${at(0.99)}`;
}

const WARM_UP = 200;
const [rounds = 2000, fleetSize = 1000, fleetRounds = 10] = process.argv.slice(2).map(Number);

function show(title: string, all: ReadonlyMap<string, readonly Identity[]>): void {
  console.log(`${title.padEnd(24)}connect to answer: p50, p99 (ms)   old sees its end: p50, p99 (ms)   takeovers`);
  for (const [name, identities] of all) {
    const taken = identities.flatMap((identity) => identity.taken);
    const answer = quantiles(taken.map(({ answerMs }) => answerMs));
    const end = quantiles(taken.map(({ endMs }) => endMs));
    console.log(`${name.padEnd(24)}${answer.padEnd(34)}${end.padEnd(34)}${taken.length}`);
  }
}

type Make = (id: string) => Server;

/** One identity of each server, one takeover after the other. */
async function oneByOne(servers: readonly Make[]): Promise<void> {
  const identities = servers.map((make) => new Identity(make("350000000060000")));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const identity of round % 2 === 0 ? identities : identities.toReversed()) await identity.takeOver(round >= 0);
  }
  show("one at a time", new Map(identities.map((identity) => [identity.name, [identity]])));
  for (const identity of identities) identity.end();
}

/** Every identity of a server is taken over at once. */
async function atOnce(servers: readonly Make[]): Promise<void> {
  const fleets = servers.map((make) => Array.from({ length: fleetSize }, (_, i) => new Identity(make(imeiOf(61_000 + i)))));
  for (let round = -1; round < fleetRounds; round++) {
    for (const fleet of round % 2 === 0 ? fleets : fleets.toReversed()) {
      await Promise.all(fleet.map((identity) => identity.takeOver(round >= 0)));
    }
  }
  show(`${fleetSize} at once`, new Map(fleets.map((fleet) => [fleet[0]!.name, fleet])));
  for (const fleet of fleets) for (const identity of fleet) identity.end();
}

const folder = mkdtempSync(join(tmpdir(), "berth-takeover-"));
const mosquitto = await startMosquitto(folder);
try {
  const gateway = await Gateway.start({ settings: { log_level: "error" } });
  const servers: readonly Make[] = [
    (imei) => ({ name: "Berth", port: gateway.tcpPort, hello: encodeLogin(imei), welcome: Uint8Array.of(1) }),
    (id) => ({ name: "mosquitto", port: mosquitto.port, hello: mqttConnect(id), welcome: Uint8Array.of(0x20, 2, 0, 0) }),
  ];
  await oneByOne(servers);
  await atOnce(servers);
  await gateway.stop();
} finally {
  await mosquitto.stop();
  await endEverything();
  rmSync(folder, { recursive: true, force: true });
}
