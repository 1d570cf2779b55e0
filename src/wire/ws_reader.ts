/**
 * What a WebSocket client sends (RFC 6455), out of whatever fragments come: masked frames, messages in several of them. Pure; for
 * runtimes that leave the frames to us. Bounded by the longest message.
 */
import { Opcode } from "./ws_frame.ts";

export interface WsSink {
  text(text: string): void;
  binary(): void;
  ping(payload: Uint8Array): void;
  pong(): void;
  /** The last one: `code` is the client's, 1005 when it named none. */
  close(code: number): void;
}

/** Why a connection is closed: its close code. */
export const WsFault = { protocol: 1002, badText: 1007, tooLong: 1009 } as const;
export type WsFault = (typeof WsFault)[keyof typeof WsFault];

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const CONTROL = 0x8;
const CONTROL_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const NO_CODE = 1005;
const EMPTY = new Uint8Array(0);

export class WsReader {
  readonly #maxBytes: number;
  /** Strict: what is no UTF-8 is a fault. */
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** What came of a frame that is not whole. */
  #rest: Uint8Array = EMPTY;
  /** Payloads of a message that has more frames to come, in #begun[0 .. #begunBytes), and its opcode. */
  #begun: Uint8Array = EMPTY;
  #begunBytes = 0;
  #opcode = 0;
  #closed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A fault is the end: nothing is read after it, nor after a close. */
  push(bytes: Uint8Array, sink: WsSink): WsFault | null {
    let left = join(this.#rest, bytes);
    while (!this.#closed) {
      const frame = this.#frame(left);
      if (typeof frame === "number") return this.#end(frame);
      if (frame === null) break;
      left = left.subarray(frame.end);
      const fault = this.#take(frame.first, frame.payload, sink);
      if (fault !== null) return this.#end(fault);
    }
    this.#rest = this.#closed || left.length === 0 ? EMPTY : left.slice();
    return null;
  }

  #end(fault: WsFault): WsFault {
    this.#closed = true;
    this.#rest = EMPTY;
    this.#begun = EMPTY;
    return fault;
  }

  /** The frame `bytes` begin with; null: it is not whole yet. */
  #frame(bytes: Uint8Array): { first: number; payload: Uint8Array; end: number } | WsFault | null {
    if (bytes.length < 2) return null;
    const [first, second] = bytes as unknown as [number, number];
    if ((first & RESERVED) !== 0 || (second & MASKED) === 0) return WsFault.protocol;
    const short = second & 0x7f;
    const isControl = (first & CONTROL) !== 0;
    if (isControl && (short > CONTROL_MAX || (first & FIN) === 0)) return WsFault.protocol;
    const maskAt = short < LENGTH_16 ? 2 : short === LENGTH_16 ? 4 : 10;
    if (bytes.length < maskAt + 4) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (short === LENGTH_64 && view.getUint32(2) !== 0) return WsFault.tooLong;
    const length = short < LENGTH_16 ? short : short === LENGTH_16 ? view.getUint16(2) : view.getUint32(6);
    if (!isControl && this.#begunBytes + length > this.#maxBytes) return WsFault.tooLong;
    const from = maskAt + 4;
    if (bytes.length < from + length) return null;
    const payload = bytes.slice(from, from + length);
    for (let i = 0; i < length; i++) payload[i]! ^= bytes[maskAt + (i & 3)]!;
    return { first, payload, end: from + length };
  }

  #take(first: number, payload: Uint8Array, sink: WsSink): WsFault | null {
    const opcode = first & 0x0f;
    switch (opcode) {
      case Opcode.ping:
        sink.ping(payload);
        return null;
      case Opcode.pong:
        sink.pong();
        return null;
      case Opcode.close:
        this.#closed = true;
        sink.close(payload.length < 2 ? NO_CODE : (payload[0]! << 8) | payload[1]!);
        return null;
      case Opcode.text:
      case Opcode.binary:
        if (this.#opcode !== 0) return WsFault.protocol;
        this.#opcode = opcode;
        break;
      case Opcode.more:
        if (this.#opcode === 0) return WsFault.protocol;
        break;
      default:
        return WsFault.protocol;
    }
    const isLast = (first & FIN) !== 0;
    if (isLast && this.#begunBytes === 0) return this.#message(payload, sink);
    this.#keep(payload);
    return isLast ? this.#message(this.#begun.subarray(0, this.#begunBytes), sink) : null;
  }

  /** One buffer that doubles: frames of a byte, or of none, cost no more than what is in them. */
  #keep(payload: Uint8Array): void {
    const needed = this.#begunBytes + payload.length;
    if (needed > this.#begun.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#begun.length));
      larger.set(this.#begun.subarray(0, this.#begunBytes));
      this.#begun = larger;
    }
    this.#begun.set(payload, this.#begunBytes);
    this.#begunBytes = needed;
  }

  #message(bytes: Uint8Array, sink: WsSink): WsFault | null {
    const opcode = this.#opcode;
    this.#begun = EMPTY;
    this.#begunBytes = 0;
    this.#opcode = 0;
    if (opcode === Opcode.binary) {
      sink.binary();
      return null;
    }
    let text: string;
    try {
      text = this.#decoder.decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return WsFault.badText;
      throw error;
    }
    sink.text(text);
    return null;
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
