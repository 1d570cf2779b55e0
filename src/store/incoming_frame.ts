/**
 * The frame message the journal stands on, for the steps that follow. Pure. One object serves all frames: `load` reads the header, the
 * data stays in the ring, and where its records are is found out only when it is asked.
 */
import { assert } from "../base/assert.ts";
import { AvlColumns, Fault, parseAvl } from "../codec/teltonika/avl.ts";
import { dataAt, emptyFrameHeader, FLAG_ORDERED, readFrameHeader } from "../wire/frame_message.ts";

export class IncomingFrame {
  readonly header = emptyFrameHeader();
  /** The ring's bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the data field begins in `bytes`. */
  dataAt = 0;
  /** Are the record times strictly rising or strictly falling? Then no two records of the frame can be equal. */
  ordered = true;
  readonly #columns = new AvlColumns();
  #isParsed = false;

  load(bytes: Uint8Array, view: DataView<ArrayBufferLike>, at: number): void {
    this.bytes = bytes;
    this.dataAt = dataAt(at);
    readFrameHeader(view, at, this.header);
    this.ordered = (this.header.flags & FLAG_ORDERED) !== 0;
    this.#isParsed = false;
  }

  /** The same for a frame that comes out of no ring: `bytes` is its data field, `columns` what was read from it. */
  loadDecoded(bytes: Uint8Array, receivedAt: number, columns: AvlColumns): void {
    const { n, codec, best, minTime, maxTime, ordered } = columns;
    this.bytes = bytes;
    this.dataAt = 0;
    Object.assign(this.header, { conn: 0, n, codec, best, fault: 0, receivedAt, minTime, maxTime, dataLength: bytes.length, flags: 0 });
    this.ordered = ordered;
    this.#isParsed = false;
  }

  /** Of records, clamped as in the header. Of kind `frame` only. */
  get times(): Float64Array {
    return this.#parsed().times;
  }
  /** Record i is bytes[dataAt + offsets[i] .. dataAt + offsets[i + 1]). Of kind `frame` only. */
  get offsets(): Uint32Array {
    return this.#parsed().offsets;
  }

  /** A copy of the data field. */
  copyData(): Uint8Array {
    return this.bytes.slice(this.dataAt, this.dataAt + this.header.dataLength);
  }

  #parsed(): AvlColumns {
    if (this.#isParsed) return this.#columns;
    const fault = parseAvl(this.bytes, this.dataAt, this.header.dataLength, 0, this.#columns);
    assert(fault === Fault.none, `a frame with fault ${fault} came as one that can be decoded`);
    this.#isParsed = true;
    return this.#columns;
  }
}
