/** Which framing a connection between gateways has. Pure. */
import type { Prng } from "../base/prng.ts";
import type { EndReason } from "./control.ts";
import type { FramingFault, FramingSink, PeerFraming } from "./peer_framing.ts";
import { plainBytes, PlainLines } from "./peer_plain.ts";
import { WebSocketDialled, WebSocketDialling } from "./peer_websocket.ts";

const LETTER_G = 0x47;

/** Nothing is known before the first byte: `G` begins a WebSocket's opening, everything else a line. */
class FirstByteDecides implements PeerFraming {
  readonly #lineBytes: number;
  #chosen: PeerFraming | null = null;

  constructor(lineBytes: number) {
    this.#lineBytes = lineBytes;
  }

  begin(): void {}

  push(bytes: Uint8Array, sink: FramingSink): FramingFault | null {
    if (bytes.length === 0) return null;
    if (this.#chosen === null) {
      this.#chosen = bytes[0] === LETTER_G ? new WebSocketDialled(this.#lineBytes) : new PlainLines(this.#lineBytes);
      this.#chosen.begin(sink);
    }
    return this.#chosen.push(bytes, sink);
  }

  /** Who has not said anything is told in plain text. */
  encode(line: string): Uint8Array {
    return this.#chosen?.encode(line) ?? plainBytes(line);
  }

  farewell(reason: EndReason): Uint8Array {
    return this.#chosen?.farewell(reason) ?? new Uint8Array(0);
  }
}

export const dialledFraming = (lineBytes: number): PeerFraming => new FirstByteDecides(lineBytes);

export const diallingFraming = (kind: "tcp" | "ws", host: string, lineBytes: number, random: Prng): PeerFraming =>
  kind === "ws" ? new WebSocketDialling(host, lineBytes, random) : new PlainLines(lineBytes);
