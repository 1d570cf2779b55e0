/** A tracker on a real datagram socket: sends what it is told and keeps every answer. No gateway code. */
import { createSocket, type Socket } from "node:dgram";
import { fromHex } from "./frames.ts";
import { Changes, PATIENCE_MS } from "./until.ts";

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const digits = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, "0");

/** One channel packet around the data field of a whole TCP frame. */
export function packetOf(
  imei: string,
  frame: Uint8Array,
  ids: { packetId?: number; avlPacketId?: number; type?: number } = {},
): Uint8Array {
  const { packetId = 0xcafe, avlPacketId = 5, type = 1 } = ids;
  const data = frame.subarray(8, frame.length - 4);
  const name = hex(new TextEncoder().encode(imei));
  const inner = `${digits(packetId, 2)}${digits(type, 1)}${digits(avlPacketId, 1)}${digits(imei.length, 2)}${name}${hex(data)}`;
  return fromHex(digits(inner.length / 2, 2) + inner);
}

/** Several packets in one datagram. */
export const together = (...packets: readonly Uint8Array[]): Uint8Array => fromHex(packets.map(hex).join(""));

export class UdpTracker {
  /** Every answer as hex, in the order received. */
  readonly answers: string[] = [];
  readonly #socket: Socket;
  readonly #port: number;
  readonly #changes = new Changes();
  #awaited = 0;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("message", (bytes) => {
      this.answers.push(hex(bytes));
      this.#changes.changed();
    });
    // An answer of the network that nobody listens: the gateway is down just now.
    socket.on("error", () => {});
  }

  /** `from`: the address it sends from. */
  static open(port: number, from = "127.0.0.1"): Promise<UdpTracker> {
    return new Promise((resolve, reject) => {
      const socket = createSocket("udp4");
      socket.once("error", reject);
      socket.bind(0, from, () => {
        socket.off("error", reject);
        resolve(new UdpTracker(socket, port));
      });
    });
  }

  get localPort(): number {
    return this.#socket.address().port;
  }

  send(datagram: Uint8Array, port = this.#port): void {
    this.#socket.send(datagram, port, "127.0.0.1", () => {});
  }

  /** The next answer nobody awaited yet. */
  answer(timeoutMs = PATIENCE_MS): Promise<string> {
    const index = this.#awaited++;
    return this.#changes.until(`answer ${index}; so far ${this.answers.join(" ")}`, () => this.answers[index], timeoutMs);
  }

  /** Sends it again and again, as a device does, until there is an answer. */
  async insist(datagram: Uint8Array, everyMs = 100, port = this.#port): Promise<string> {
    const again = setInterval(() => this.send(datagram, port), everyMs);
    try {
      this.send(datagram, port);
      return await this.answer();
    } finally {
      clearInterval(again);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
