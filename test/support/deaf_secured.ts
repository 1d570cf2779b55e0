/**
 * A tracker with TLS whose answers nobody reads, down to the kernel: between its handshake's socket and the gateway stands a relay
 * with a tiny receive window, which stops reading when it is told to. Linux.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { FIRST } from "./certificates.ts";
import { RawPeer } from "./raw_peer.ts";
import { Tracker } from "./tracker.ts";
import { pause } from "./until.ts";

const TINY = { receiveBuffer: 1152 };
const PIPELINED = 64;
/** Held back by the gateway's kernel before a window is called full. */
const FILL = 4096;

export class DeafSecured {
  readonly peer: RawPeer;
  readonly #server: Server;
  readonly #port: number;
  readonly #timer: Timer;
  #client: Socket | null = null;
  #tracker: Tracker | null = null;
  #unsent: Uint8Array[] = [];
  #isDeaf = false;

  private constructor(port: number) {
    this.#port = port;
    this.peer = RawPeer.connect(port, TINY);
    this.#server = createServer((client) => {
      this.#client = client;
      client.on("data", (bytes: Uint8Array) => this.#unsent.push(Uint8Array.from(bytes)));
      client.on("error", () => {});
    });
    this.#timer = setInterval(() => this.#pump(), 1);
  }

  /** Logged in, and reading so far. `port`: where the gateway has TLS. */
  static async loggedIn(port: number, login: Uint8Array): Promise<DeafSecured> {
    const deaf = new DeafSecured(port);
    await new Promise<void>((resolve) => deaf.#server.listen(0, "127.0.0.1", resolve));
    const tracker = await Tracker.openTls((deaf.#server.address() as { port: number }).port, { ca: FIRST.cert });
    deaf.#tracker = tracker;
    tracker.write(login);
    if (await tracker.answered() !== 1) throw new Error("Cannot log in with TLS");
    return deaf;
  }

  /** Reads no more, and sends `frame` again and again until the answers fill its window and more is held back. */
  async fill(frame: Uint8Array, timeoutMs = 20_000): Promise<void> {
    this.#isDeaf = true;
    const deadline = performance.now() + timeoutMs;
    while (this.heldBack < FILL) {
      if (performance.now() > deadline) throw new Error(`Cannot fill the window: ${this.heldBack} held back`);
      if (this.#unsent.length === 0) { for (let i = 0; i < PIPELINED; i++) this.#tracker!.write(frame); }
      await pause(1);
    }
  }

  /** Bytes the gateway's kernel holds for it. */
  get heldBack(): number {
    const [here, there] = [this.#port, this.peer.port].map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
    for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
      const [, local, remote, , queues] = line.trim().split(/\s+/);
      if (local?.endsWith(here!) === true && remote?.endsWith(there!) === true) return Number.parseInt(queues!.split(":")[0]!, 16);
    }
    return 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#tracker?.reset();
    this.#client?.destroy();
    this.#server.close();
    this.peer.close();
  }

  #pump(): void {
    while (this.#unsent.length > 0) {
      const [first] = this.#unsent;
      const taken = this.peer.send(first!);
      if (taken < first!.length) {
        this.#unsent[0] = first!.subarray(Math.max(0, taken));
        break;
      }
      this.#unsent.shift();
    }
    if (this.#isDeaf || this.#client === null) return;
    for (let got = this.peer.receive(); got instanceof Uint8Array; got = this.peer.receive()) this.#client.write(Uint8Array.from(got));
  }
}
