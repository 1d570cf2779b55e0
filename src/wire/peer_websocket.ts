/**
 * The WebSocket between gateways (RFC 6455): its opening, text messages of one frame, ping, pong and close. Pure. Only as
 * much as peers need: a message in several frames or a binary one is a fault, as is a mask on the wrong side.
 *
 *   frame   | 1000 opcode | mask length | length 16? | mask 32? | payload |
 */
import type { Prng } from "../base/prng.ts";
import type { EndReason } from "./control.ts";
import { type FramingFault, type FramingSink, Gathering, type PeerFraming } from "./peer_framing.ts";
import { sha1 } from "./sha1.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPENING_BYTES = 4096;
const Opcode = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FIN = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const SHORT = 125;
const NORMAL_CLOSE = 1000;

/** Close codes by reason; all others close normally. */
const CLOSE_CODES: Partial<Record<EndReason, number>> = {
  superseded: 4001,
  rejected: 4002,
  conflict: 4003,
  slow: 4004,
  kicked: 4005,
  auth: 4401,
  shutdown: 1012,
};

const encoder = new TextEncoder();
const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
/** What proves that the other side read the key. */
export const acceptOf = (key: string): string => base64(sha1(encoder.encode(key + GUID)));

/** Value of a header of an opening, or null. */
function header(opening: string, name: string): string | null {
  for (const line of opening.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).trim().toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return null;
}

abstract class WebSocketFraming implements PeerFraming {
  readonly #opening = new Gathering(OPENING_BYTES);
  readonly #frame: Gathering;
  /** Null: we were dialled, so what comes is masked and what we send is not. */
  readonly #masks: Prng | null;
  #open = false;
  #closed = false;

  constructor(lineBytes: number, masks: Prng | null) {
    this.#frame = new Gathering(lineBytes + 8);
    this.#masks = masks;
  }

  abstract begin(sink: FramingSink): void;
  /** Looks at the other side's half of the opening. False when it is none. */
  protected abstract opened(opening: string, sink: FramingSink): boolean;

  push(bytes: Uint8Array, sink: FramingSink): FramingFault | null {
    for (const byte of bytes) {
      if (this.#closed) return null;
      const fault = this.#open ? this.#framed(byte, sink) : this.#opens(byte, sink);
      if (fault !== null) return fault;
    }
    return null;
  }

  encode(line: string): Uint8Array {
    return this.#bytes(Opcode.text, encoder.encode(line));
  }

  farewell(reason: EndReason): Uint8Array {
    if (!this.#open) return new Uint8Array(0);
    const code = CLOSE_CODES[reason] ?? NORMAL_CLOSE;
    return this.#bytes(Opcode.close, Uint8Array.of(code >> 8, code & 0xff, ...encoder.encode(reason)));
  }

  #opens(byte: number, sink: FramingSink): FramingFault | null {
    if (!this.#opening.add(byte)) return "too_long";
    if (byte !== 0x0a || !this.#opening.endsWith("\r\n\r\n")) return null;
    if (!this.opened(this.#opening.take(), sink)) return "bad_line";
    this.#open = true;
    sink.ready();
    return null;
  }

  /** One byte more of a frame; takes the frame when it is whole. */
  #framed(byte: number, sink: FramingSink): FramingFault | null {
    if (!this.#frame.add(byte)) return "too_long";
    const { bytes, length } = this.#frame;
    if (length < 2) return null;
    const masked = (bytes[1]! & MASKED) !== 0;
    if (masked !== (this.#masks === null)) return "bad_line";
    const short = bytes[1]! & 0x7f;
    if (short > LENGTH_16) return "too_long";
    const payloadAt = (short === LENGTH_16 ? 4 : 2) + (masked ? 4 : 0);
    if (length < payloadAt) return null;
    const size = short === LENGTH_16 ? (bytes[2]! << 8) | bytes[3]! : short;
    if (payloadAt + size > bytes.length) return "too_long";
    if (length < payloadAt + size) return null;
    const payload = bytes.slice(payloadAt, length);
    if (masked) { for (let i = 0; i < size; i++) payload[i]! ^= bytes[payloadAt - 4 + (i & 3)]!; }
    const first = bytes[0]!;
    this.#frame.clear();
    return this.#whole(first, payload, sink);
  }

  #whole(first: number, payload: Uint8Array, sink: FramingSink): FramingFault | null {
    switch (first) {
      case FIN | Opcode.text:
        this.#closed = !sink.line(new TextDecoder().decode(payload));
        return null;
      case FIN | Opcode.ping:
        sink.answer(this.#bytes(Opcode.pong, payload));
        return null;
      case FIN | Opcode.pong:
        return null;
      case FIN | Opcode.close:
        this.#closed = true;
        return null;
      default:
        return "bad_line";
    }
  }

  #bytes(opcode: number, payload: Uint8Array): Uint8Array {
    const { length } = payload;
    const head = length <= SHORT ? [FIN | opcode, length] : [FIN | opcode, LENGTH_16, length >> 8, length & 0xff];
    if (this.#masks === null) return Uint8Array.of(...head, ...payload);
    head[1]! |= MASKED;
    const mask = Uint8Array.from({ length: 4 }, () => this.#masks!.below(256));
    return Uint8Array.of(...head, ...mask, ...payload.map((byte, i) => byte ^ mask[i & 3]!));
  }
}

/** The side that was dialled. */
export class WebSocketDialled extends WebSocketFraming {
  constructor(lineBytes: number) {
    super(lineBytes, null);
  }

  begin(): void {}

  protected opened(opening: string, sink: FramingSink): boolean {
    // A browser names the page it is on, gateways none: a page must not speak for one, and nothing else keeps it away.
    if (header(opening, "origin") !== null) {
      sink.answer(encoder.encode("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
      return false;
    }
    const key = header(opening, "sec-websocket-key");
    if (key === null || header(opening, "upgrade")?.toLowerCase() !== "websocket" || header(opening, "sec-websocket-version") !== "13") {
      sink.answer(encoder.encode("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
      return false;
    }
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ];
    sink.answer(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
    return true;
  }
}

/** The side that dials. */
export class WebSocketDialling extends WebSocketFraming {
  readonly #host: string;
  readonly #key: string;

  constructor(host: string, lineBytes: number, random: Prng) {
    super(lineBytes, random);
    this.#host = host;
    this.#key = base64(Uint8Array.from({ length: 16 }, () => random.below(256)));
  }

  begin(sink: FramingSink): void {
    const lines = [
      "GET / HTTP/1.1",
      `Host: ${this.#host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${this.#key}`,
      "Sec-WebSocket-Version: 13",
    ];
    sink.answer(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
  }

  protected opened(opening: string): boolean {
    return opening.startsWith("HTTP/1.1 101 ") && header(opening, "sec-websocket-accept") === acceptOf(this.#key);
  }
}
