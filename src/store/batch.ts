/**
 * The commit under way: log rows composed straight from ring bytes into one reused buffer, and references to their
 * entries. Pure; the journal owns the only one. Nothing outside changes before the commit succeeded.
 */
import type { Limits } from "../base/limits.ts";
import { type FrameEntry, frameEntryBytes, writeFrameEntry } from "./entry.ts";
import { EntryRefs } from "./entry_refs.ts";
import type { IncomingFrame } from "./incoming_frame.ts";

interface RowBounds {
  readonly seq: number;
  readonly start: number;
  /** Newest arrival in it, wall ms. */
  at: number;
}

export class Batch {
  /** Entries of the batch: `row` counts its rows, `offset` counts from the start of `scratch`. */
  readonly refs = new EntryRefs();
  scratch = new Uint8Array(64 * 1024);
  #view = new DataView(this.scratch.buffer);
  readonly rows: RowBounds[] = [];
  used = 0;
  nextSeq = 1;
  readonly #rowBytes: number;

  constructor(limits: Pick<Limits, "rowBytes">) {
    this.#rowBytes = limits.rowBytes;
  }

  begin(nextSeq: number): void {
    this.refs.clear();
    this.rows.length = 0;
    this.used = 0;
    this.nextSeq = nextSeq;
  }

  /** Where row `index` ends in `scratch`. */
  rowEnd(index: number): number {
    return index + 1 < this.rows.length ? this.rows[index + 1]!.start : this.used;
  }
  /** The seq after row `index`. */
  rowNextSeq(index: number): number {
    return index + 1 < this.rows.length ? this.rows[index + 1]!.seq : this.nextSeq;
  }

  /** Appends a frame entry; the data is copied once, from the ring. */
  frame(e: Readonly<FrameEntry>, frame: IncomingFrame, mask: Uint8Array): void {
    const dataLength = frame.header.dataLength;
    const at = this.#room(frameEntryBytes(e.n, e.newCount < e.n, dataLength), e.receivedAt);
    const to = writeFrameEntry(this.#view, at, e, dataLength, mask);
    this.scratch.set(frame.bytes.subarray(frame.dataAt, frame.dataAt + dataLength), to);
    this.refs.push(e.device, this.rows.length - 1, at, this.nextSeq, e.minTime, e.maxTime);
    this.nextSeq += e.newCount;
  }

  /** Appends a complete event entry and returns its seq. */
  event(device: number, entry: Uint8Array, at: number): number {
    const offset = this.#room(entry.length, at);
    this.scratch.set(entry, offset);
    this.refs.push(device, this.rows.length - 1, offset, this.nextSeq, Infinity, -Infinity);
    return this.nextSeq++;
  }

  /** Room for one entry, in a new row when the current one would grow beyond its bound. */
  #room(length: number, time: number): number {
    const at = this.used;
    const end = at + length;
    if (end > this.scratch.length) this.#grow(end);
    const row = this.rows[this.rows.length - 1];
    if (row === undefined || end - row.start > this.#rowBytes) this.rows.push({ seq: this.nextSeq, start: at, at: time });
    else if (time > row.at) row.at = time;
    this.used = end;
    return at;
  }

  #grow(length: number): void {
    let size = this.scratch.length;
    while (size < length) size *= 2;
    const next = new Uint8Array(size);
    next.set(this.scratch.subarray(0, this.used));
    this.scratch = next;
    this.#view = new DataView(next.buffer);
  }
}
