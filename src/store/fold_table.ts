/**
 * What a device fold holds of each device, in rows of numbers: a fleet is large, mostly silent, and kept by several threads. Pure.
 *
 *   floats  records · newest seq · last seen · last byte · mark · position's time and seq · fence · since
 *   words   port, transport and flags · its candidate, from 1 · codec and length of the position · IPv4 address
 *
 * Positions stand beside them, each in a place of its own, so that a frame that moves one makes no garbage; and what only some devices
 * have: long positions, other addresses and names of clients, further connections.
 */
import { grown } from "../base/grown.ts";
import { IdTable } from "../base/id_table.ts";

export const RECORDS = 0;
/** Of the newest record since the fold began. */
export const NEWEST_SEQ = 1;
export const LAST_SEEN = 2;
export const LAST_BYTE = 3;
/** Entries up to this seq are in the row already. */
export const MARK = 4;
/** -1: there is no position. */
export const POSITION_TIME = 5;
/** 0: there is no position. */
export const POSITION_SEQ = 6;
export const FENCE = 7;
export const SINCE = 8;
/** Each row's floats, the last two places of which its words take. */
export const FLOATS = 11;

export const STATE = 18;
/** Its place among the candidates, plus one; 0: it has none. */
export const CANDIDATE = 19;
export const POSITION = 20;
export const ADDRESS = 21;
export const WORDS = 2 * FLOATS;

/** Of STATE: the port, above it the transport's index, then flags. */
export const TRANSPORT_SHIFT = 16;
export const TRANSPORT_MASK = 7;
export const CONNECTED = 1 << 20;
export const KNOWN = 1 << 21;
/** It is in `origins` or `older`. */
export const HAS_ORIGIN = 1 << 22;
export const HAS_OLDER = 1 << 23;

const BLOCK_BITS = 10;
export const BLOCK_ROWS = 1 << BLOCK_BITS;

/** The longest record that is kept beside the others of its block as a position. */
export const WIDEST = 256;
/** Positions grow by so many bytes. */
const WIDTH = 64;
const NO_BYTES = new Uint8Array(0);

export class FoldBlock {
  readonly floats = new Float64Array(BLOCK_ROWS * FLOATS);
  readonly words = new Int32Array(this.floats.buffer);
  /** Room for the position of each row; none before the first one. */
  positions: Uint8Array = NO_BYTES;
  width = 0;

  /** Makes room for positions of `length`, which is more than there is. */
  widen(length: number): Uint8Array {
    const width = Math.ceil(length / WIDTH) * WIDTH;
    const wider = new Uint8Array(BLOCK_ROWS * width);
    for (let row = 0; this.width > 0 && row < BLOCK_ROWS; row++) {
      wider.set(this.positions.subarray(row * this.width, (row + 1) * this.width), row * width);
    }
    this.width = width;
    return this.positions = wider;
  }
}

/** What does not fit into a row: an address that is not IPv4, a client that names itself. */
export interface LongOrigin {
  readonly address: string;
  readonly clientInstance: string;
}

export class FoldTable {
  readonly ids: IdTable;
  readonly candidates = new Candidates();
  readonly origins = new Map<number, LongOrigin>();
  /** Fences of other open connections, rising: under multi(n) only. */
  readonly older = new Map<number, readonly number[]>();
  /** Devices known. */
  size = 0;
  readonly #longPositions = new Map<number, Uint8Array>();
  readonly #blocks: FoldBlock[] = [];

  constructor(ids: IdTable) {
    this.ids = ids;
  }

  /** Above every row there is. */
  get end(): number {
    return this.#blocks.length * BLOCK_ROWS;
  }

  /** Where the row of `no` is. */
  block(no: number): FoldBlock {
    return this.#blocks[no >>> BLOCK_BITS]!;
  }

  /** The same, or null when the device is not known. */
  find(no: number): FoldBlock | null {
    const block = this.#blocks[no >>> BLOCK_BITS];
    return block === undefined || (block.words[rowOf(no) * WORDS + STATE]! & KNOWN) === 0 ? null : block;
  }

  isKnown(no: number): boolean {
    return this.find(no) !== null;
  }

  /** The buffer of a device with a long position, which is used again. */
  longPosition(no: number, length: number): Uint8Array {
    const known = this.#longPositions.get(no);
    if (known !== undefined && known.length >= length) return known;
    const bytes = new Uint8Array(length);
    this.#longPositions.set(no, bytes);
    return bytes;
  }

  /** Makes an empty row. */
  add(no: number): void {
    while (this.end <= no) this.#blocks.push(new FoldBlock());
    const { floats, words } = this.block(no);
    words[rowOf(no) * WORDS + STATE] = KNOWN;
    floats[rowOf(no) * FLOATS + POSITION_TIME] = -1;
    this.size++;
  }
}

/** Of `no` in its block. */
export const rowOf = (no: number): number => no & (BLOCK_ROWS - 1);

/**
 * Frames that may move a position and were not looked into yet: the newest one of each device. Many frames of a device in a batch
 * cost one look into one. Used again from batch to batch.
 */
export class Candidates {
  count = 0;
  nos = new Int32Array(64);
  /** Bodies, and where in them the frames begin. */
  readonly bodies: (Uint8Array | null)[] = [];
  ats = new Int32Array(64);
  seqs = new Float64Array(64);
  /** Greatest time in the frame. */
  times = new Float64Array(64);

  /** A place for a device. */
  take(no: number): number {
    if (this.count === this.nos.length) this.#grow();
    this.nos[this.count] = no;
    return this.count++;
  }

  fill(i: number, body: Uint8Array, at: number, seq: number, time: number): void {
    this.bodies[i] = body;
    this.ats[i] = at;
    this.seqs[i] = seq;
    this.times[i] = time;
  }

  #grow(): void {
    const size = this.nos.length * 2;
    this.nos = grown(this.nos, new Int32Array(size));
    this.ats = grown(this.ats, new Int32Array(size));
    this.seqs = grown(this.seqs, new Float64Array(size));
    this.times = grown(this.times, new Float64Array(size));
  }
}
