/**
 * A ring with one producer and any number of consumers that it never waits for: how committed log rows reach the http
 * threads. A consumer copies a row, then looks whether the producer has lapped it meanwhile, and discards what it lapped.
 *
 *   byte  0               64               256                      256 + capacity
 *         | reserved i64  | published i64  | data: messages, 8-byte aligned |
 *   message  | seq f64 | length u32 | unused u32 | body | padding to 8 |       length 0xffffffff: skip to the start of the data
 *
 * `reserved` moves before bytes are overwritten, `published` after the new ones stand. Both count bytes since the
 * beginning (64 bits: a consumer may sleep through any number of laps and still find out).
 */
import { assert } from "../base/assert.ts";
import { asSeq, type Seq } from "../base/brand.ts";
import type { Bell } from "./wait.ts";

const RESERVED = 0;
const PUBLISHED = 8;
const DATA = 256;
const HEADER = 16;
const SKIP = 0xffff_ffff;
/** Rows are given back when they are this much. */
const WORTH_BYTES = 64 * 1024;

const padded = (length: number): number => (HEADER + length + 7) & ~7;

/** Makes an empty one. `capacity`: a power of two. */
export function createBroadcast(capacity: number): SharedArrayBuffer {
  assert((capacity & (capacity - 1)) === 0 && capacity >= 4096, `broadcast capacity ${capacity} is not a power of two of 4 KiB or more`);
  return new SharedArrayBuffer(DATA + capacity);
}

class BroadcastEnd {
  protected readonly words: BigInt64Array<SharedArrayBuffer>;
  protected readonly view: DataView<SharedArrayBuffer>;
  protected readonly bytes: Uint8Array<SharedArrayBuffer>;
  protected readonly capacity: number;

  constructor(memory: SharedArrayBuffer) {
    this.capacity = memory.byteLength - DATA;
    this.words = new BigInt64Array(memory, 0, DATA / 8);
    this.view = new DataView(memory, DATA);
    this.bytes = new Uint8Array(memory, DATA);
  }
}

/** The writing end; one thread owns it. `append` any number of rows, then `publish`. */
export class BroadcastProducer extends BroadcastEnd {
  readonly #bells: readonly Bell[];
  readonly #memory: SharedArrayBuffer;
  #end: number;
  /** Rows before this place have been given back. */
  #keptFrom: number;

  /** `bells` wake the consumers' threads. */
  constructor(memory: SharedArrayBuffer, bells: readonly Bell[]) {
    super(memory);
    this.#bells = bells;
    this.#memory = memory;
    this.#end = Number(Atomics.load(this.words, PUBLISHED));
    this.#keptFrom = this.#end - this.capacity;
  }

  /** False when the body is larger than half the ring: it is left out, and consumers see that by the jump in seq. */
  append(seq: Seq, body: Uint8Array): boolean {
    const need = padded(body.length);
    if (need > this.capacity / 2) return false;
    let at = this.#end % this.capacity;
    const skip = at + need > this.capacity ? this.capacity - at : 0;
    Atomics.store(this.words, RESERVED, BigInt(Math.max(this.#end + skip + need, this.#keptFrom + this.capacity)));
    if (skip > 0) {
      if (skip >= HEADER) this.view.setUint32(at + 8, SKIP, true);
      at = 0;
    }
    this.view.setFloat64(at, seq, true);
    this.view.setUint32(at + 8, body.length, true);
    this.bytes.set(body, at + HEADER);
    this.#end += skip + need;
    return true;
  }

  /** `discard` gets the memory of all rows. Whoever has not read them was lapped. */
  giveBack(discard: (memory: SharedArrayBuffer, from: number, to: number) => void): void {
    if (this.#end - this.#keptFrom < WORTH_BYTES) return;
    this.#keptFrom = this.#end;
    Atomics.store(this.words, RESERVED, BigInt(this.#end + this.capacity));
    discard(this.#memory, DATA, DATA + this.capacity);
  }

  publish(): void {
    Atomics.store(this.words, PUBLISHED, BigInt(this.#end));
    for (const bell of this.#bells) bell.ring();
  }
}

/** A reading end with a place of its own; one thread owns it. */
export class BroadcastConsumer extends BroadcastEnd {
  /** Of the row read last. The body is the consumer's own copy. */
  seq: Seq = asSeq(0);
  body: Uint8Array = new Uint8Array(0);
  #at: number;

  /** Starts at what is published from now on. */
  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#at = Number(Atomics.load(this.words, PUBLISHED));
  }

  hasNext(): boolean {
    return Number(Atomics.load(this.words, PUBLISHED)) !== this.#at;
  }

  /**
   * Copies the next row into `seq` and `body`. "lapped": rows were lost; the consumer now stands at the newest, and the
   * caller gets what it missed from the store.
   */
  read(): "row" | "empty" | "lapped" {
    const published = Number(Atomics.load(this.words, PUBLISHED));
    if (published === this.#at) return "empty";
    let at = this.#at % this.capacity;
    let taken = 0;
    if (this.capacity - at < HEADER || this.view.getUint32(at + 8, true) === SKIP) {
      taken = this.capacity - at;
      at = 0;
    }
    const length = this.view.getUint32(at + 8, true);
    const seq = this.view.getFloat64(at, true);
    if (this.#lapped() || at + padded(length) > this.capacity) return this.#jump();
    const body = this.bytes.slice(at + HEADER, at + HEADER + length);
    if (this.#lapped()) return this.#jump();
    this.seq = asSeq(seq);
    this.body = body;
    this.#at += taken + padded(length);
    return "row";
  }

  #lapped(): boolean {
    return Number(Atomics.load(this.words, RESERVED)) - this.#at > this.capacity;
  }

  #jump(): "lapped" {
    this.#at = Number(Atomics.load(this.words, PUBLISHED));
    return "lapped";
  }
}
