/**
 * The frame message the journal stands on, taken apart once for the steps that follow: header, record times, record
 * bounds. Pure. One object serves all frames; `load` copies the two small columns, the data stays in the ring.
 */
import type { AvlColumns } from "../codec/teltonika/avl.ts";
import { dataAt, emptyFrameHeader, offsetsAt, readFrameHeader, timesAt } from "../wire/frame_message.ts";

export class IncomingFrame {
  readonly header = emptyFrameHeader();
  /** The ring's bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the data field begins in `bytes`. */
  dataAt = 0;
  readonly times = new Float64Array(255);
  /** Record i is bytes[dataAt + offsets[i] .. dataAt + offsets[i + 1]). */
  readonly offsets = new Uint32Array(256);
  /** Are the record times strictly rising or strictly falling? Then no two records of the frame can be equal. */
  ordered = true;

  load(bytes: Uint8Array, view: DataView<ArrayBufferLike>, at: number): void {
    this.bytes = bytes;
    const header = this.header;
    readFrameHeader(view, at, header);
    const n = header.n;
    const times = timesAt(at);
    let rises = 0;
    let last = 0;
    for (let i = 0; i < n; i++) {
      const time = view.getFloat64(times + 8 * i, true);
      this.times[i] = time;
      if (i > 0) rises += time > last ? 1 : time < last ? -1 : 0;
      last = time;
    }
    this.ordered = n < 2 || rises === n - 1 || rises === 1 - n;
    const offsets = offsetsAt(at, n);
    for (let i = 0; i <= n; i++) this.offsets[i] = view.getUint32(offsets + 4 * i, true);
    this.dataAt = dataAt(at, n);
  }

  /** The same for a frame that comes out of no ring: `bytes` is its data field. */
  loadColumns(bytes: Uint8Array, receivedAt: number, columns: AvlColumns): void {
    const { n, codec, best, minTime, maxTime } = columns;
    this.bytes = bytes;
    this.dataAt = 0;
    Object.assign(this.header, { conn: 0, n, codec, best, fault: 0, receivedAt, minTime, maxTime, dataLength: bytes.length, flags: 0 });
    this.times.set(columns.times);
    this.offsets.set(columns.offsets);
    // Not to be looked into: whether two records are equal is found out the slow way.
    this.ordered = n < 2;
  }

  /** The same for kinds without columns: only header and data. */
  loadRaw(bytes: Uint8Array, view: DataView<ArrayBufferLike>, at: number): void {
    this.bytes = bytes;
    readFrameHeader(view, at, this.header);
    this.dataAt = at + RAW_DATA;
  }

  /** A copy of the data field. */
  copyData(): Uint8Array {
    return this.bytes.slice(this.dataAt, this.dataAt + this.header.dataLength);
  }
}

/** Messages without columns say n (the declared count) and yet carry none: data follows the header and one offset. */
const RAW_DATA = dataAt(0, 0);
