/**
 * The commit under way: log rows composed straight from ring bytes, where they will stay as long as a tail refers to them, and references
 * to their entries. Pure; the journal owns the only one. Nothing outside changes before the commit succeeded.
 */
import type { Limits } from "../base/limits.ts";
import type { BodyBlock, BodyBlocks } from "./body_blocks.ts";
import { type FrameEntry, frameEntryBytes, writeFrameEntry } from "./entry.ts";
import { EntryRefs } from "./entry_refs.ts";
import type { IncomingFrame } from "./incoming_frame.ts";

export interface BatchRow {
  readonly seq: number;
  /** The body is block.bytes[start .. end). */
  readonly block: BodyBlock;
  readonly start: number;
  end: number;
  /** Newest arrival in it, wall ms. */
  at: number;
}

export class Batch {
  /** Entries of the batch: `row` counts its rows, `offset` counts from the start of the row's body. */
  readonly refs = new EntryRefs();
  readonly rows: BatchRow[] = [];
  used = 0;
  nextSeq = 1;
  readonly #rowBytes: number;
  readonly #blocks: BodyBlocks;
  /** The block that is written into, and how much of it was used when the batch began; null before the first entry. */
  #block: BodyBlock | null = null;
  #kept = 0;
  /** Blocks this batch has filled. */
  readonly #full: BodyBlock[] = [];

  constructor(limits: Pick<Limits, "rowBytes">, blocks: BodyBlocks) {
    this.#rowBytes = limits.rowBytes;
    this.#blocks = blocks;
  }

  /** Begins the next one. The last one's rows are some tail's by now. */
  begin(nextSeq: number): void {
    for (const block of this.#full) this.#blocks.release(block);
    this.#start(nextSeq);
  }

  /** The same after a failure: what was written is forgotten, and its room used again. */
  discard(nextSeq: number): void {
    const first = this.#full.shift();
    if (first !== undefined) {
      for (const block of this.#full) this.#blocks.release(block);
      this.#blocks.release(this.#block!);
      this.#block = first;
    }
    if (this.#block !== null) this.#block.used = this.#kept;
    this.#start(nextSeq);
  }

  /** The body of row `index`, a view. */
  body(index: number): Uint8Array {
    const { block, start, end } = this.rows[index]!;
    return block.bytes.subarray(start, end);
  }
  /** The seq after row `index`. */
  rowNextSeq(index: number): number {
    return index + 1 < this.rows.length ? this.rows[index + 1]!.seq : this.nextSeq;
  }

  /** Appends a frame entry; the data is copied once, from the ring. */
  frame(e: Readonly<FrameEntry>, frame: IncomingFrame, mask: Uint8Array): void {
    const dataLength = frame.header.dataLength;
    const at = this.#room(frameEntryBytes(e.n, e.newCount < e.n, dataLength), e.receivedAt);
    const row = this.rows.length - 1;
    const { block, start } = this.rows[row]!;
    const to = writeFrameEntry(block.view, at, e, dataLength, mask);
    block.bytes.set(frame.bytes.subarray(frame.dataAt, frame.dataAt + dataLength), to);
    this.refs.push(e.device, row, at - start, this.nextSeq, e.minTime, e.maxTime);
    this.nextSeq += e.newCount;
  }

  /** Appends a complete event entry and returns its seq. */
  event(device: number, entry: Uint8Array, time: number): number {
    const at = this.#room(entry.length, time);
    const row = this.rows.length - 1;
    const { block, start } = this.rows[row]!;
    block.bytes.set(entry, at);
    this.refs.push(device, row, at - start, this.nextSeq, Infinity, -Infinity);
    return this.nextSeq++;
  }

  /** Room for one entry, in a new row when the current one would grow beyond its bound or leave its block. */
  #room(length: number, time: number): number {
    const row = this.rows[this.rows.length - 1];
    this.used += length;
    if (row !== undefined && row.end - row.start + length <= this.#rowBytes && row.end + length <= row.block.bytes.length) {
      const at = row.end;
      row.end += length;
      row.block.used = row.end;
      if (time > row.at) row.at = time;
      return at;
    }
    const block = this.#blockFor(length);
    const start = block.used;
    block.used += length;
    this.rows.push({ seq: this.nextSeq, block, start, end: block.used, at: time });
    return start;
  }

  #blockFor(length: number): BodyBlock {
    const block = this.#block;
    if (block !== null && block.used + length <= block.bytes.length) return block;
    if (block !== null) this.#full.push(block);
    this.#block = this.#blocks.take(length);
    return this.#block;
  }

  #start(nextSeq: number): void {
    this.#full.length = 0;
    this.#kept = this.#block?.used ?? 0;
    this.refs.clear();
    this.rows.length = 0;
    this.used = 0;
    this.nextSeq = nextSeq;
  }
}
