/** A WebSocket client on a bare socket: it sends whatever bytes a test wants, and can stop reading. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { Changes } from "./until.ts";

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

const decoder = new TextDecoder();

/** A masked frame. `first`: FIN, reserved bits and opcode. */
export function maskedFrame(first: number, payload: Uint8Array | string, masked = true): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { length } = bytes;
  const head = length <= 125 ? [length] : length <= 0xffff ? [126, length >> 8, length & 0xff] : [127, 0, 0, 0, 0, 0, 0, 0, 0];
  if (length > 0xffff) { for (let i = 0; i < 4; i++) head[5 + i] = (length >>> (24 - 8 * i)) & 0xff; }
  if (!masked) return Uint8Array.of(first, ...head, ...bytes);
  head[0]! |= 0x80;
  const mask = randomBytes(4);
  const frame = new Uint8Array(1 + head.length + 4 + length);
  frame.set([first, ...head, ...mask]);
  for (let i = 0; i < length; i++) frame[1 + head.length + 4 + i] = bytes[i]! ^ mask[i & 3]!;
  return frame;
}

export class RawWs {
  readonly frames: RawFrame[] = [];
  /** Of the text frames, each read once. */
  readonly texts: string[] = [];
  /** The answer to the opening, headers included. */
  head = "";
  ended = false;
  readonly #socket: Socket;
  readonly #changes = new Changes();
  #left: Uint8Array = new Uint8Array(0);

  constructor(port: number, path = "/", headers: Readonly<Record<string, string>> = {}) {
    this.#socket = connect(port, "127.0.0.1");
    const all: Record<string, string> = {
      Host: `127.0.0.1:${port}`,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      "Sec-WebSocket-Version": "13",
      ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    this.#socket.on("data", (bytes: Uint8Array | string) => this.#take(bytes as Uint8Array));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.ended = true;
      this.#changes.changed();
    });
  }

  get status(): number {
    return Number(this.head.split(" ")[1] ?? 0);
  }
  /** Code of the close that came, or null. */
  get closeCode(): number | null {
    const close = this.frames.find(({ opcode }) => opcode === 8)?.payload;
    return close === undefined ? null : (close[0]! << 8) | close[1]!;
  }
  until<T>(what: string, check: () => T | undefined | false, timeoutMs?: number): Promise<T> {
    return this.#changes.until(what, () => {
      const value = check();
      return value === false ? undefined : value;
    }, timeoutMs);
  }
  opened(): Promise<string> {
    return this.until("an answer to the opening", () => this.head === "" ? undefined : this.head);
  }
  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }
  text(text: string): void {
    this.send(maskedFrame(0x81, text));
  }
  stopReading(): void {
    this.#socket.pause();
  }
  goOnReading(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.destroy();
  }

  #take(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#left.length + bytes.length);
    all.set(this.#left);
    all.set(bytes, this.#left.length);
    this.#left = all;
    if (this.head === "") {
      const end = Buffer.from(all).indexOf("\r\n\r\n");
      if (end < 0) return;
      this.head = decoder.decode(all.subarray(0, end));
      this.#left = all.slice(end + 4);
    }
    while (this.status === 101 && this.#frame());
    this.#changes.changed();
  }

  #frame(): boolean {
    const bytes = this.#left;
    if (bytes.length < 2) return false;
    const short = bytes[1]!;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < head) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = head === 2 ? short : head === 4 ? view.getUint16(2) : view.getUint32(6);
    if (bytes.length < head + length) return false;
    const one = { opcode: bytes[0]! & 0x0f, payload: bytes.slice(head, head + length) };
    this.frames.push(one);
    if (one.opcode === 1) this.texts.push(decoder.decode(one.payload));
    this.#left = bytes.subarray(head + length);
    return true;
  }
}
