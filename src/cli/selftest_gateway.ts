/** The gateway a selftest runs against: this very program as a child, on free ports and a data directory of its own. */
import { TextLineStream } from "@std/streams/text-line-stream";
import { getJson } from "../client/rest.ts";
import type { Child, Platform } from "../platform/port.ts";

/** Of what the child says last, shown when a check fails. */
const LAST_LINES = 5;
export const STEP_MS = 20_000;

export interface ThreadSeen {
  readonly name: string;
  /** The kernel's thread id; 0 where it cannot be told. */
  readonly id: number;
}

/** @throws Error naming `what` when it takes longer than a step may. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((
    _,
    reject,
  ) => (timer = setTimeout(() => reject(new Error(`${what}: not after ${STEP_MS} ms`)), STEP_MS)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const text = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
  for await (const line of text.pipeThrough(new TextLineStream())) take(line);
}

const portOf = (address: unknown): number => Number(String(address).slice(String(address).lastIndexOf(":") + 1));

export class SelftestGateway {
  readonly #child: Child;
  readonly #last: string[] = [];
  readonly #reading: Promise<unknown>;
  /** Told on standard error, and so before or after the ready line. */
  readonly #named = Promise.withResolvers<readonly ThreadSeen[]>();
  #ready: (line: string) => void = () => {};
  port = 0;
  url = "";
  threads: readonly ThreadSeen[] = [];

  private constructor(child: Child) {
    this.#child = child;
    const out = eachLine(child.out, (line) => this.#ready(line));
    this.#reading = Promise.all([out, eachLine(child.err, (line) => this.#logged(line))]);
  }

  /** Starts one on `data` and waits until it is ready. @throws Error with its last words when it ends instead. */
  static async start(platform: Platform, data: string): Promise<SelftestGateway> {
    const environment = Object.fromEntries(Object.entries(platform.environment()).filter(([name]) => !name.startsWith("BERTH_")));
    const args = ["serve", "--data", data, "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--workers", "2", "--until-eof"];
    const gateway = new SelftestGateway(platform.spawnSelf(args, environment));
    const line = await within("the gateway is ready", gateway.#readyLine()).catch((error: unknown) => {
      gateway.#child.kill("SIGKILL");
      throw error;
    });
    gateway.threads = await within("the gateway names its threads", gateway.#named.promise);
    const { tcp, http } = JSON.parse(line) as { tcp: unknown; http: unknown };
    gateway.port = portOf(tcp);
    gateway.url = `http://127.0.0.1:${portOf(http)}`;
    return gateway;
  }

  get pid(): number {
    return this.#child.pid;
  }
  get lastWords(): string {
    return this.#last.join("\n");
  }

  /** @throws Error when the answer is not 2xx JSON. */
  async get(path: string): Promise<unknown> {
    const answer = await getJson(this.url, path);
    if (!answer.ok) throw new Error(answer.message);
    return answer.value;
  }

  /** Resolves with the exit status, null after a signal, once its last words are read. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.#child.kill(signal);
    return await this.ended();
  }
  async ended(): Promise<number | null> {
    const code = await within("the gateway ends", this.#child.ended);
    await this.#reading;
    return code;
  }

  #readyLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#ready = resolve;
      this.#child.ended.then(() => reject(new Error(`the gateway ended before it was ready:\n${this.lastWords}`)), reject);
    });
  }

  #logged(line: string): void {
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    if (!line.includes('"threads"')) return;
    const { threads } = JSON.parse(line) as { threads?: readonly ThreadSeen[] };
    this.#named.resolve(threads ?? []);
  }
}
