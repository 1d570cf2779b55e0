/** A tracker on a raw socket: writes what it is told, splits the answers, sees how its connection ended. No gateway code. */
import { connect, type Socket } from "node:net";
import { connect as connectSecure, type ConnectionOptions } from "node:tls";
import { encodeLogin } from "./frames.ts";
import { Changes, PATIENCE_MS } from "./until.ts";

export type TrackerEnd = "fin" | "reset";

export class Tracker {
  /** The answer to the login: 1 or 0, or null until it came. */
  login: number | null = null;
  /** Every acknowledgement, in the order received. */
  readonly acks: number[] = [];
  /** Called at each acknowledgement, before any waiter. */
  onAck: ((count: number) => void) | null = null;
  /** How the gateway (or its death) ended the connection; null while it is open. */
  end: TrackerEnd | null = null;
  readonly #socket: Socket;
  readonly #changes = new Changes();
  #rest: Uint8Array = new Uint8Array(0);
  #awaited = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => this.#read(bytes));
    socket.on("end", () => this.#ended("fin"));
    socket.on("error", () => this.#ended("reset"));
    socket.on("close", () => this.#ended("reset"));
  }

  /** @throws Error when nobody listens. `from`: the address to come from. */
  static open(port: number, host = "127.0.0.1", from?: string): Promise<Tracker> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Tracker(socket));
      });
    });
  }

  /** The same with TLS. `secure`: whom it trusts, what it shows. */
  static openTls(port: number, secure: ConnectionOptions): Promise<Tracker> {
    return new Promise((resolve, reject) => {
      const socket = connectSecure({ port, host: "127.0.0.1", ...secure });
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new Tracker(socket));
      });
    });
  }

  /** Opens and logs in. @throws Error unless the answer is 01. */
  static async loggedIn(port: number, imei: string, timeoutMs = PATIENCE_MS): Promise<Tracker> {
    const tracker = await Tracker.open(port);
    tracker.write(encodeLogin(imei));
    const answer = await tracker.answered(timeoutMs);
    if (answer !== 1) throw new Error(`Cannot log ${imei} in: answered ${answer}`);
    return tracker;
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.#socket.pause();
  }

  write(bytes: Uint8Array): void {
    if (this.end === null) this.#socket.write(bytes);
  }

  /** The answer to the login. @throws Error when the connection ends first. */
  answered(timeoutMs = PATIENCE_MS): Promise<number> {
    return this.#changes.until("the answer to a login", () => this.login ?? this.#orEnded("the answer to its login"), timeoutMs);
  }

  /** The next acknowledgement nobody awaited yet. @throws Error when the connection ends first. */
  ack(timeoutMs = PATIENCE_MS): Promise<number> {
    const index = this.#awaited++;
    return this.#changes.until("an acknowledgement", () => this.acks[index] ?? this.#orEnded("an acknowledgement"), timeoutMs);
  }

  /** Writes one frame and waits for its acknowledgement. */
  send(frame: Uint8Array, timeoutMs = PATIENCE_MS): Promise<number> {
    this.write(frame);
    return this.ack(timeoutMs);
  }

  ended(timeoutMs = PATIENCE_MS): Promise<TrackerEnd> {
    return this.#changes.until("the end of a connection", () => this.end ?? undefined, timeoutMs);
  }

  /** Says FIN, and still reads. */
  finish(): void {
    this.#socket.end();
  }

  /** Says FIN. */
  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Sends RST; leaves no port behind in TIME_WAIT. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #orEnded(what: string): undefined {
    if (this.end !== null) throw new Error(`Cannot get ${what}: connection ended (${this.end})`);
    return undefined;
  }

  #read(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let at = 0;
    if (this.login === null && all.length > 0) this.login = all[at++]!;
    const view = new DataView(all.buffer);
    for (; at + 4 <= all.length; at += 4) {
      const count = view.getUint32(at);
      this.acks.push(count);
      this.onAck?.(count);
    }
    this.#rest = all.subarray(at);
    this.#changes.changed();
  }

  #ended(how: TrackerEnd): void {
    this.end ??= how;
    if (how === "fin") this.#socket.end();
    this.#changes.changed();
  }
}
