/** Lines between gateways in the plain: a line feed after each. Pure. */
import { type FramingFault, type FramingSink, Gathering, type PeerFraming } from "./peer_framing.ts";

const LINE_FEED = 0x0a;
const encoder = new TextEncoder();

export const plainBytes = (line: string): Uint8Array => encoder.encode(`${line}\n`);

export class PlainLines implements PeerFraming {
  readonly #gathered: Gathering;

  constructor(lineBytes: number) {
    this.#gathered = new Gathering(lineBytes);
  }

  begin(sink: FramingSink): void {
    sink.ready();
  }

  push(bytes: Uint8Array, sink: FramingSink): FramingFault | null {
    for (const byte of bytes) {
      if (byte === LINE_FEED) {
        if (!sink.line(this.#gathered.take())) return null;
      } else if (!this.#gathered.add(byte)) return "too_long";
    }
    return null;
  }

  encode(line: string): Uint8Array {
    return plainBytes(line);
  }

  farewell(): Uint8Array {
    return new Uint8Array(0);
  }
}
