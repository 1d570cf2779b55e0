/** Builds and runs fanout.c: subscribers and their publisher, natively, and looks at the server while they run. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../test/support/preload.ts";
import type { RunningServer } from "./fanout_servers.ts";

export interface Shape {
  readonly subscribers: number;
  /** Events per second. */
  readonly rate: number;
  readonly seconds: number;
}

/** One run. Times in ms. */
export interface FanoutRun {
  readonly deliveredPerSecond: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Processor time of a delivery: of the whole server, and of the threads that deliver. */
  readonly cpuUs: number;
  readonly threadCpuUs: number;
  /** Memory the server took to have the subscribers connected, each. */
  readonly rssKiB: number;
  /** Memory it has at the end of the load. */
  readonly rssEndMiB: number;
  readonly clientCores: number;
}

interface Result {
  readonly delivered: number;
  readonly delivered_per_second: number;
  readonly missing: number;
  readonly latency_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly client_cores: number;
}

interface Look {
  readonly all: number;
  readonly threads: number;
}

/** Of USER_HZ, which is 100 on every Linux. */
const TICK_US = 10_000;
/** A runtime that compiles as it runs needs more than C. */
const WARMUP_SECONDS = 2;
const FIRST: Shape = { subscribers: 20, rate: 500, seconds: 1 };
/** Memory is at rest when it has moved by less than this in that time; looked for so often. */
const REST_KIB = 512;
const REST_MS = 3000;
const LOOKS = 5;

function ticksOf(path: string): number {
  const text = readFileSync(path, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function look({ pid, threads }: RunningServer): Look {
  const all = ticksOf(`/proc/${pid}/stat`);
  if (threads === null) return { all, threads: all };
  return { all, threads: threads.map((id) => ticksOf(`/proc/${pid}/task/${id}/stat`)).reduce((sum, ticks) => sum + ticks, 0) };
}

const rssKiB = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

/** Until what connecting and a load have left behind is given back. */
async function rest(pid: number): Promise<void> {
  for (let look = 0, before = Number.POSITIVE_INFINITY; look < LOOKS; look++) {
    await Bun.sleep(REST_MS);
    const now = rssKiB(pid);
    if (Math.abs(before - now) < REST_KIB) return;
    before = now;
  }
}

export class FanoutClient {
  readonly #folder = mkdtempSync(join(tmpdir(), "berth-fanout-client-"));
  readonly #binary = join(this.#folder, "fanout");

  /** @throws Error where there is no C compiler. */
  constructor() {
    compile(join(import.meta.dirname, "fanout.c"), this.#binary, ["-pthread"]);
  }

  /**
   * A small load first, so that what a server makes once is not counted for its subscribers. `tracker`: port where a tracker publishes
   * instead; 0: over a WebSocket. @throws Error when streams are refused or end.
   */
  async run(server: RunningServer, shape: Shape, tracker = 0): Promise<FanoutRun> {
    await this.#run(server, FIRST, tracker);
    await rest(server.pid);
    return await this.#run(server, shape, tracker);
  }

  async #run(server: RunningServer, { subscribers, rate, seconds }: Shape, tracker: number): Promise<FanoutRun> {
    const options = {
      port: server.port,
      path: tracker === 0 ? server.path : "/v1/events?kind=record",
      subscribers,
      rate,
      seconds,
      warmup: WARMUP_SECONDS,
      "publish-path": server.publishPath,
      before: server.before,
      after: server.after,
      tracker,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const rssBefore = rssKiB(server.pid);
    const client = Bun.spawn([this.#binary, ...args], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const goOn = (): void => {
      void client.stdin.write("\n");
      void client.stdin.flush();
    };
    let [rss, rssEnd] = [0, 0];
    let [before, after]: [Look | null, Look | null] = [null, null];
    let result: Result | null = null;
    for await (const line of lines(client.stdout)) {
      const told = JSON.parse(line) as { readonly phase?: string };
      if (told.phase === "connected") {
        await rest(server.pid);
        rss = rssKiB(server.pid);
      }
      if (told.phase === "begin") before = look(server);
      if (told.phase === "end") [after, rssEnd] = [look(server), rssKiB(server.pid)];
      else if (told.phase === undefined) result = told as unknown as Result;
      else goOn();
    }
    const code = await client.exited;
    if (result === null || before === null || after === null || code !== 0) throw new Error(`Cannot finish the load: exit ${code}`);
    const each = (ticks: number): number => ticks * TICK_US / result!.delivered;
    return {
      deliveredPerSecond: result.delivered_per_second,
      missing: result.missing,
      p50Ms: result.latency_ms.p50,
      p99Ms: result.latency_ms.p99,
      maxMs: result.latency_ms.max,
      cpuUs: each(after.all - before.all),
      threadCpuUs: each(after.threads - before.threads),
      rssKiB: (rss - rssBefore) / subscribers,
      rssEndMiB: rssEnd / 1024,
      clientCores: result.client_cores,
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
