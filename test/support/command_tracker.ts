/**
 * A tracker that gets commands: takes what the gateway sends apart, byte by byte, into the login's answer, acknowledgements and
 * whole command frames, and notices every byte that is none of these. Answers as it is told. No gateway code but the codec's.
 */
import { connect, type Socket } from "node:net";
import { toHex } from "../../src/base/bytes.ts";
import { crc16 } from "../../src/base/crc16.ts";
import { encodeFrame, encodeMessage } from "../../src/codec/encode.ts";
import { decodeMessages } from "../../src/codec/teltonika/command.ts";
import { encodeLogin } from "./frames.ts";
import { Changes, PATIENCE_MS } from "./until.ts";

const HEADER = 8;
const OVERHEAD = 12;

export interface Received {
  readonly codec: number;
  readonly text: string;
  readonly imei: string | null;
}

/** What is said to a command; null: nothing. `nack` is codec 14's refusal. */
export type Reply = { readonly text: string } | { readonly nack: true } | null;

export class CommandTracker {
  readonly imei: string;
  readonly commands: Received[] = [];
  readonly acks: number[] = [];
  /** The order of acknowledgements and commands, as they came. */
  readonly order: ("ack" | "command")[] = [];
  /** What can be neither: the capture is not whole. */
  readonly faults: string[] = [];
  login: number | null = null;
  closed = false;
  reply: (command: Received) => Reply;
  readonly #socket: Socket;
  readonly #changes = new Changes();
  #rest: Uint8Array = new Uint8Array(0);

  private constructor(socket: Socket, imei: string, reply: (command: Received) => Reply) {
    this.#socket = socket;
    this.imei = imei;
    this.reply = reply;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => this.#read(bytes));
    socket.on("end", () => socket.end());
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.#changes.changed();
    });
  }

  /** @throws Error when it is not let in. */
  static async loggedIn(port: number, imei: string, reply: (command: Received) => Reply = () => null): Promise<CommandTracker> {
    const socket = connect({ port, host: "127.0.0.1" });
    const tracker = new CommandTracker(socket, imei, reply);
    tracker.write(encodeLogin(imei));
    await tracker.until("the answer to a login", () => tracker.login !== null || tracker.closed);
    if (tracker.login !== 1) throw new Error(`Cannot log ${imei} in: answered ${tracker.login}`);
    return tracker;
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  answer(codec: number, text: string): void {
    this.#respond(codec, 6, text);
  }

  until(what: string, check: () => boolean, timeoutMs = PATIENCE_MS): Promise<true> {
    return this.#changes.until(what, () => check() ? true as const : undefined, timeoutMs);
  }

  /** Writes one frame and waits for the next acknowledgement. */
  async send(frame: Uint8Array): Promise<void> {
    const before = this.acks.length;
    this.write(frame);
    await this.until("an acknowledgement", () => this.acks.length > before || this.closed);
  }

  end(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #respond(codec: number, type: number, text: string): void {
    const payload = new TextEncoder().encode(text);
    const message = codec === 14 ? encodeMessage("14", { type, payload, imei: this.imei }) : encodeMessage("12", { type, payload });
    this.write(encodeFrame(message));
  }

  #read(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let at = 0;
    if (this.login === null && all.length > 0) this.login = all[at++]!;
    for (let took = this.#one(all, at); took > 0; took = this.#one(all, at)) at += took;
    this.#rest = all.subarray(at);
    this.#changes.changed();
  }

  /** Takes one item at `at`; returns how long it is, 0 when it is not whole yet. An acknowledgement is never of no record. */
  #one(all: Uint8Array, at: number): number {
    if (all.length - at < 4) return 0;
    const view = new DataView(all.buffer, all.byteOffset + at, all.length - at);
    const count = view.getUint32(0);
    if (count !== 0) {
      if (count > 255) this.faults.push(`an acknowledgement of ${count} records`);
      this.acks.push(count);
      this.order.push("ack");
      return 4;
    }
    if (view.byteLength < HEADER) return 0;
    const length = view.getUint32(4);
    if (length < 8 || length > 2000) {
      this.faults.push(`no frame: ${toHex(all, at, Math.min(all.length, at + 32))}`);
      return all.length - at;
    }
    if (view.byteLength < length + OVERHEAD) return 0;
    this.#command(all, at + HEADER, length, view.getUint32(HEADER + length));
    return length + OVERHEAD;
  }

  #command(all: Uint8Array, start: number, length: number, crc: number): void {
    const messages = decodeMessages(all, start, length);
    if ("fault" in messages || messages.length !== 1 || crc16(all, start, start + length) !== crc || messages[0]!.type !== 5) {
      this.faults.push(`no command: ${toHex(all, start, start + length)}`);
      return;
    }
    const { text, imei } = messages[0]!;
    const command = { codec: all[start]!, text: text ?? "", imei };
    this.commands.push(command);
    this.order.push("command");
    const reply = this.reply(command);
    if (reply === null) return;
    if ("nack" in reply) this.#respond(command.codec, 0x11, "");
    else this.#respond(command.codec, 6, reply.text);
  }
}
