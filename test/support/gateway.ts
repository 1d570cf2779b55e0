/**
 * A real gateway process under test: the executable (BERTH_BIN, or dist/berth when it is newer than every source), else
 * the sources. Started on free loopback ports, always ended by its own pid.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { Changes } from "./until.ts";

const ROOT = resolve(import.meta.dir, "../..");

function newestSource(directory: string): number {
  let newest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestSource(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function chooseCommand(): string[] {
  const named = process.env["BERTH_BIN"];
  if (named !== undefined && named !== "") return [resolve(named)];
  const built = join(ROOT, "dist/berth");
  const sources = [join(ROOT, "src"), join(ROOT, "workers")].filter((path) => existsSync(path));
  if (existsSync(built) && sources.every((path) => newestSource(path) <= statSync(built).mtimeMs)) return [built];
  return [process.execPath, join(ROOT, "src/main.ts")];
}

let chosen: string[] | null = null;
/** How `berth` is run here. */
export const berthCommand = (): readonly string[] => chosen ??= chooseCommand();

/** The two ways of accepting connections; the suites run with both. */
export const ACCEPTS = ["fd", "reuseport"] as const;
export type Accept = (typeof ACCEPTS)[number];

/** Settings as in the file, `journal.flush_frames` or `policy`: given to the process through its environment. */
export type SettingsText = Readonly<Record<string, string | number>>;

function environmentWith(settings: SettingsText, faults: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (!name.startsWith("BERTH_") && value !== undefined) env[name] = value;
  // A rehearsal is for speed: hundreds of gateways that are tested do without, those that are measured do not.
  if (process.env["NODE_ENV"] === "test") env["BERTH_PROCESS__REHEARSAL_MS"] = "0";
  for (const [name, value] of Object.entries(settings)) env[`BERTH_${name.toUpperCase().replaceAll(".", "__")}`] = String(value);
  if (faults !== "") env["BERTH_FAULTS"] = faults;
  return env;
}

const temporary = new Set<string>();
const running = new Set<Subprocess>();

export function temporaryData(): string {
  const path = mkdtempSync(join(tmpdir(), "berth-test-"));
  temporary.add(path);
  return path;
}

export const writeTemporaryFile = async (name: string, text: string): Promise<string> => {
  const path = join(temporaryData(), name);
  await Bun.write(path, text);
  return path;
};

/** Kills what is left and removes every temporary directory: for afterAll. */
export async function endEverything(): Promise<void> {
  for (const process of running) process.kill("SIGKILL");
  await Promise.all([...running].map((process) => process.exited));
  for (const path of temporary) rmSync(path, { recursive: true, force: true });
  temporary.clear();
}

async function follow(stream: ReadableStream<Uint8Array>, lines: string[], changes: Changes): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    changes.changed();
  }
  if (rest !== "") lines.push(rest);
  changes.changed();
}

/** Below the ports that the system hands out by itself, so that nobody is given one of these while a gateway is started again. */
const STEADY_PORTS = { first: 20_000, count: 12_000 };
let steadyPorts = 0;

function steadyPort(): number {
  for (let tries = 0; tries < 1000; tries++) {
    const port = STEADY_PORTS.first + (process.pid * 64 + steadyPorts++) % STEADY_PORTS.count;
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } }).stop(true);
      return port;
    } catch {
      // Somebody has it.
    }
  }
  throw new Error("Cannot find a free port");
}

/** Arguments for a gateway after which another one shall listen in the same place. */
export const steadyAddresses = (): readonly string[] => [
  "--tcp",
  `127.0.0.1:${steadyPort()}`,
  "--http",
  `127.0.0.1:${steadyPort()}`,
];

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ReadyLine {
  readonly event: "ready";
  readonly tcp: string;
  /** Where trackers connect with TLS; only where they may. */
  readonly tls?: string;
  readonly udp: string | null;
  readonly http: string;
  /** Where other gateways connect; only where they may. */
  readonly peer?: string;
  readonly instance: string;
  readonly pid: number;
}

export interface GatewayOptions {
  /** How `berth` is run, when not as `berthCommand` says. */
  readonly command?: readonly string[];
  readonly data?: string;
  readonly settings?: SettingsText;
  readonly faults?: string;
  readonly args?: readonly string[];
  /** More for its environment, for example LD_PRELOAD. */
  readonly environment?: Readonly<Record<string, string>>;
}

const portOf = (hostPort: string): number => Number(hostPort.slice(hostPort.lastIndexOf(":") + 1));

export class Gateway {
  readonly data: string;
  readonly out: string[] = [];
  /** Standard error, line by line. */
  readonly log: string[] = [];
  readonly #process: Subprocess<"ignore", "pipe", "pipe">;
  readonly #changes = new Changes();
  readonly #streams: Promise<void[]>;
  #ready: ReadyLine | null = null;

  private constructor(process: Subprocess<"ignore", "pipe", "pipe">, data: string) {
    this.#process = process;
    this.data = data;
    this.#streams = Promise.all([follow(process.stdout, this.out, this.#changes), follow(process.stderr, this.log, this.#changes)]);
    running.add(process);
    void process.exited.then(() => {
      running.delete(process);
      this.#changes.changed();
    });
  }

  /** Starts `berth serve` without waiting for anything. */
  static spawn(options: GatewayOptions = {}): Gateway {
    const data = options.data ?? temporaryData();
    const args = ["serve", "--data", data, "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", ...(options.args ?? [])];
    const process = Bun.spawn([...(options.command ?? berthCommand()), ...args], {
      cwd: ROOT,
      env: { ...environmentWith(options.settings ?? {}, options.faults ?? ""), ...options.environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    return new Gateway(process, data);
  }

  /** Starts one and waits for its ready line. @throws Error with its log when it ends instead. */
  static async start(options: GatewayOptions = {}, timeoutMs = 30_000): Promise<Gateway> {
    const gateway = Gateway.spawn(options);
    await gateway.ready(timeoutMs);
    return gateway;
  }

  ready(timeoutMs = 30_000): Promise<ReadyLine> {
    return this.#changes.until(`the ready line; log: ${this.log.join("\n")}`, () => {
      const first = this.out[0];
      if (first !== undefined) return (this.#ready = JSON.parse(first) as ReadyLine);
      if (this.hasEnded()) throw new Error(`Cannot start the gateway: exit ${this.#process.exitCode}\n${this.log.join("\n")}`);
      return undefined;
    }, timeoutMs);
  }

  get pid(): number {
    return this.#process.pid;
  }
  get readyLine(): ReadyLine {
    if (this.#ready === null) throw new Error("Cannot tell the ports: the gateway is not ready");
    return this.#ready;
  }
  get tcpPort(): number {
    return portOf(this.readyLine.tcp);
  }
  get tlsPort(): number {
    return portOf(this.readyLine.tls ?? "");
  }
  /** Arguments for one that listens where this one did. */
  get addresses(): readonly string[] {
    return ["--tcp", `127.0.0.1:${this.tcpPort}`, "--http", `127.0.0.1:${portOf(this.readyLine.http)}`];
  }
  get url(): string {
    return `http://127.0.0.1:${portOf(this.readyLine.http)}`;
  }
  get logText(): string {
    return this.log.join("\n");
  }

  hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits for its end and for the last of its output. */
  async ended(timeoutMs = 20_000): Promise<Ended> {
    await this.#changes.until(
      `the end of gateway ${this.pid}; log: ${this.logText}`,
      () => (this.hasEnded() ? true : undefined),
      timeoutMs,
    );
    await this.#streams;
    const signal = this.#process.signalCode;
    return signal === null ? { code: this.#process.exitCode, signal: null } : { code: null, signal: String(signal) };
  }

  /** SIGTERM: the ordered shutdown. Resolves with how it ended; 0 is what it must be. */
  stop(timeoutMs = 20_000): Promise<Ended> {
    this.signal("SIGTERM");
    return this.ended(timeoutMs);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  signal(name: "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGHUP" | "SIGSTOP" | "SIGCONT"): void {
    if (!this.hasEnded()) this.#process.kill(name);
  }
}

/** Runs one command of berth to its end. */
export async function runBerth(
  args: readonly string[],
  settings: SettingsText = {},
  timeoutMs = 20_000,
): Promise<{ code: number | null; out: string; err: string }> {
  const process = Bun.spawn([...berthCommand(), ...args], {
    cwd: ROOT,
    env: environmentWith(settings, ""),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  running.add(process);
  const timer = setTimeout(() => process.kill("SIGKILL"), timeoutMs);
  const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text(), process.exited]);
  clearTimeout(timer);
  running.delete(process);
  return { code: process.exitCode, out, err };
}
