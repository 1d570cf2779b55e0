/** A frame that was kept raw, through the decoder as it is today. Pure; owned by the journal thread. */
import { AvlColumns, parseAvl } from "../codec/teltonika/avl.ts";
import type { IncomingFrame } from "./incoming_frame.ts";

export class Redecoder {
  readonly #columns = new AvlColumns();

  /** Brings the frame's records into `frame`, as if it had just come; returns a Fault number, and what was there before is gone. */
  decode(bytes: Uint8Array, receivedAt: number, futureMs: number, frame: IncomingFrame): number {
    const fault = parseAvl(bytes, 0, bytes.length, receivedAt + futureMs, this.#columns);
    frame.loadDecoded(bytes, receivedAt, this.#columns);
    return fault;
  }
}
