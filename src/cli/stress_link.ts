/** One connection of a stressed device: says what it is told to, keeps what it hears, and can be made to behave badly. */
import { Deque } from "../base/deque.ts";
import { u32 } from "../base/bytes.ts";
import { encodeLogin } from "../codec/encode.ts";
import type { Platform, Socket } from "../platform/port.ts";

const ACCEPTED = 1;
const ACK_BYTES = 4;
const WAIT_MS = 15_000;

export class StressLink {
  /** The answer to the login; null until it came. */
  answer: number | null = null;
  closed = false;
  readonly acks = new Deque<number>();
  readonly #rest: number[] = [];
  /** Bytes the kernel has not taken yet. */
  #unwritten: Uint8Array = new Uint8Array(0);
  #socket: Socket | null = null;
  #wake: () => void = () => {};

  /** Connects. @throws Error when nobody listens. */
  static async open(platform: Pick<Platform, "connectTcp">, port: number): Promise<StressLink> {
    const link = new StressLink();
    link.#socket = await platform.connectTcp("127.0.0.1", port, {
      open: () => link,
      data: (_, bytes) => link.#took(bytes),
      drain: () => link.#flush(),
      close: () => link.#ended(),
    });
    return link;
  }

  /** Connects and logs in. @throws Error when it is not admitted. */
  static async login(platform: Pick<Platform, "connectTcp">, port: number, imei: string): Promise<StressLink> {
    const link = await StressLink.open(platform, port);
    link.hello(imei);
    await link.until(`the login of ${imei}`, () => link.closed || link.answer !== null);
    if (link.answer !== ACCEPTED) {
      throw new Error(`the login of ${imei} was ${link.answer === null ? "not answered" : `answered ${link.answer}`}`);
    }
    return link;
  }

  hello(imei: string): void {
    this.write(encodeLogin(imei));
  }

  write(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#unwritten.length + bytes.length);
    all.set(this.#unwritten);
    all.set(bytes, this.#unwritten.length);
    this.#unwritten = all;
    this.#flush();
  }

  /** Reads nothing from now on, not even the end of the connection. */
  deafen(): void {
    this.#socket?.pause();
  }
  hear(): void {
    this.#socket?.resume();
  }
  /** FIN. */
  end(): void {
    this.#socket?.end();
  }
  /** RST. */
  reset(): void {
    this.#socket?.reset();
  }

  /** @throws Error naming `what` when it does not come to pass in time. */
  async until(what: string, holds: () => boolean, waitMs = WAIT_MS): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, waitMs);
    try {
      while (!holds()) {
        if (late) throw new Error(`${what}: not after ${waitMs} ms`);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  untilClosed(waitMs = WAIT_MS): Promise<void> {
    return this.until("the gateway closes a connection", () => this.closed, waitMs);
  }

  #flush(): void {
    if (this.#unwritten.length === 0 || this.#socket === null) return;
    const written = this.#socket.write(this.#unwritten);
    this.#unwritten = written < 0 ? new Uint8Array(0) : this.#unwritten.slice(written);
  }

  #took(bytes: Uint8Array): void {
    this.#rest.push(...bytes);
    if (this.answer === null) this.answer = this.#rest.shift() ?? null;
    while (this.#rest.length >= ACK_BYTES) this.acks.push(u32(Uint8Array.from(this.#rest.splice(0, ACK_BYTES)), 0));
    this.#wake();
  }

  #ended(): void {
    this.closed = true;
    this.#wake();
  }
}
