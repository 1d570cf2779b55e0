/** A tracker of the selftest: one connection, and every answer awaited by who asked. */
import { u32 } from "../base/bytes.ts";
import { encodeLogin } from "../codec/encode.ts";
import type { Platform, Socket } from "../platform/port.ts";
import { within } from "./selftest_gateway.ts";

const ACCEPTED = 1;
const ACK_BYTES = 4;

export class SelftestTracker {
  readonly #bytes: number[] = [];
  #socket: Socket | null = null;
  #wake: () => void = () => {};
  #closed = false;

  /** @throws Error when the login is not accepted. */
  static async login(platform: Pick<Platform, "connectTcp">, port: number, imei: string): Promise<SelftestTracker> {
    const tracker = new SelftestTracker();
    tracker.#socket = await platform.connectTcp("127.0.0.1", port, {
      open: () => tracker,
      data: (_, bytes) => tracker.#took(bytes),
      drain: () => {},
      close: () => tracker.#ended(),
    });
    tracker.write(encodeLogin(imei));
    const [answer] = await tracker.#read(1, `login of ${imei}`);
    if (answer !== ACCEPTED) throw new Error(`login of ${imei} was answered ${answer}`);
    return tracker;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Frames here are small: the kernel takes them whole. */
  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  /** Sends a frame; resolves with the number of records acknowledged. */
  async send(frame: Uint8Array): Promise<number> {
    this.write(frame);
    return u32(Uint8Array.from(await this.#read(ACK_BYTES, "an acknowledgement")), 0);
  }

  /** Whole acknowledgements that came and were not read by `send`. */
  unreadAcks(): number {
    return Math.floor(this.#bytes.length / ACK_BYTES);
  }

  end(): void {
    this.#socket?.end();
  }

  async untilClosed(): Promise<void> {
    await within("the gateway closes the connection", this.#until(() => this.#closed));
  }
  async untilUnread(acks: number): Promise<void> {
    await within(`${acks} acknowledgements`, this.#until(() => this.#closed || this.unreadAcks() >= acks));
  }

  async #read(count: number, what: string): Promise<number[]> {
    await within(what, this.#until(() => this.#closed || this.#bytes.length >= count));
    if (this.#bytes.length < count) throw new Error(`${what}: the gateway closed the connection`);
    return this.#bytes.splice(0, count);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #took(bytes: Uint8Array): void {
    this.#bytes.push(...bytes);
    this.#wake();
  }
  #ended(): void {
    this.#closed = true;
    this.#wake();
  }
}
