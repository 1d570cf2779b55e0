/**
 * Lines out of a byte stream between gateways, and bytes from lines: what every framing is. Pure; one per connection.
 * Plain ones are in peer_plain.ts, those inside a WebSocket in peer_websocket.ts; peer_choose.ts picks.
 */
import type { EndReason } from "./control.ts";

/** What a framing found in the bytes it was given. */
export interface FramingSink {
  /** A whole line. False: nothing behind it is to be read. */
  line(text: string): boolean;
  /** Bytes the framing itself has to say: its opening, an answer to a WebSocket's ping. */
  answer(bytes: Uint8Array): void;
  /** Lines may be sent from now on. */
  ready(): void;
}

export type FramingFault = "too_long" | "bad_line";

export interface PeerFraming {
  /** Begins. Call once, when the connection is open. */
  begin(sink: FramingSink): void;
  /** Takes what came; a fault is the end of reading. */
  push(bytes: Uint8Array, sink: FramingSink): FramingFault | null;
  encode(line: string): Uint8Array;
  /** What the framing says at the end; may be empty. */
  farewell(reason: EndReason): Uint8Array;
}

const decoder = new TextDecoder();

/** Bytes up to a bound, until what they are part of is whole. */
export class Gathering {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** False when there is no room for it. */
  add(byte: number): boolean {
    if (this.length === this.bytes.length) return false;
    this.bytes[this.length++] = byte;
    return true;
  }

  /** What was gathered, as text; empties it. */
  take(): string {
    const text = decoder.decode(this.bytes.subarray(0, this.length));
    this.length = 0;
    return text;
  }

  clear(): void {
    this.length = 0;
  }

  endsWith(text: string): boolean {
    const from = this.length - text.length;
    if (from < 0) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}
