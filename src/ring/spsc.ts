/**
 * The two ends of a single-producer, single-consumer ring. A `RingProducer` belongs to one thread, a `RingConsumer` to
 * another; neither may be shared. No allocation per message: both expose views and offsets.
 */
import { assert, broken } from "../base/assert.ts";
import { DATA_BYTE, HEAD_WORD, MESSAGE_HEADER, messageBytes, SKIP, TAIL_WORD } from "./layout.ts";
import type { Bell } from "./wait.ts";

/** Memory that was written since is given back when it is this much. */
const WORTH_BYTES = 64 * 1024;

class RingEnd {
  /** Views of the data area. Offsets given out are indexes into all of them (`words` wants offset / 4). */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;
  readonly words: Uint32Array<SharedArrayBuffer>;
  readonly capacity: number;
  protected readonly control: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.capacity = memory.byteLength - DATA_BYTE;
    this.control = new Int32Array(memory, 0, DATA_BYTE / 4);
    this.bytes = new Uint8Array(memory, DATA_BYTE);
    this.view = new DataView(memory, DATA_BYTE);
    this.words = new Uint32Array(memory, DATA_BYTE);
  }
}

/** The writing end. `reserve` → write the payload → `commit`, any number of times → `publish`. */
export class RingProducer extends RingEnd {
  readonly #bell: Bell;
  #tail: number;
  #head: number;
  #pending = 0;
  /** Nothing before this position has been given back. */
  #keptFrom: number;
  readonly #memory: SharedArrayBuffer;

  /** `bell` wakes the consumer's thread. */
  constructor(memory: SharedArrayBuffer, bell: Bell) {
    super(memory);
    this.#bell = bell;
    this.#memory = memory;
    this.#tail = Atomics.load(this.control, TAIL_WORD) >>> 0;
    this.#head = Atomics.load(this.control, HEAD_WORD) >>> 0;
    this.#keptFrom = this.#tail;
  }

  /** Position after the last committed message (u32). The consumer reports the same number as `end`. */
  get position(): number {
    return this.#tail;
  }

  /** Largest payload a message may ever have: a quarter of the ring, so that a skip cannot make it impossible. */
  get maxPayload(): number {
    return (this.capacity >>> 2) - MESSAGE_HEADER;
  }

  /** Free bytes as of now. A message may still not fit in one piece; `reserve` says. */
  free(): number {
    this.#head = Atomics.load(this.control, HEAD_WORD) >>> 0;
    return this.capacity - ((this.#tail - this.#head) >>> 0);
  }

  /**
   * Room for `length` payload bytes (8-byte aligned, in one piece), or -1 when the ring is too full now.
   * With `keepFree`, refuses when less than that many bytes would be left: how a caller keeps a reserve.
   */
  reserve(length: number, kind: number, keepFree = 0): number {
    if (length > this.maxPayload) broken(`ring message of ${length} bytes exceeds ${this.maxPayload}`);
    const need = messageBytes(length);
    const at = this.#tail & (this.capacity - 1);
    const skip = at + need > this.capacity ? this.capacity - at : 0;
    const wanted = need + skip + keepFree;
    if (this.capacity - ((this.#tail - this.#head) >>> 0) < wanted && this.free() < wanted) return -1;
    let start = at;
    if (skip > 0) {
      this.words[at >>> 2] = SKIP;
      this.#tail = (this.#tail + skip) >>> 0;
      start = 0;
    }
    this.words[start >>> 2] = length;
    this.words[(start >>> 2) + 1] = kind;
    this.#pending = need;
    return start + MESSAGE_HEADER;
  }

  /** Ends the message begun by the last `reserve`. It is not visible before `publish`. Returns the position after it. */
  commit(): number {
    assert(this.#pending > 0, "ring commit without reserve");
    this.#tail = (this.#tail + this.#pending) >>> 0;
    this.#pending = 0;
    return this.#tail;
  }

  /** `discard` gets the parts of the memory that hold nothing, in bytes from its beginning. Not between `reserve` and `commit`. */
  giveBack(discard: (memory: SharedArrayBuffer, from: number, to: number) => void): void {
    if (((this.#tail - this.#keptFrom) >>> 0) < WORTH_BYTES) return;
    this.#keptFrom = this.#tail;
    const free = this.free();
    const from = this.#tail & (this.capacity - 1);
    const end = Math.min(from + free, this.capacity);
    discard(this.#memory, DATA_BYTE + from, DATA_BYTE + end);
    if (from + free > this.capacity) discard(this.#memory, DATA_BYTE, DATA_BYTE + from + free - this.capacity);
  }

  /** Makes all committed messages visible and wakes the consumer if it sleeps. */
  publish(): void {
    if (this.reveal()) this.wake();
  }

  /** Makes them visible only. True when there were any: the consumer is owed a `wake`, which takes as long as many messages. */
  reveal(): boolean {
    if (Atomics.load(this.control, TAIL_WORD) >>> 0 === this.#tail) return false;
    Atomics.store(this.control, TAIL_WORD, this.#tail | 0);
    return true;
  }

  wake(): void {
    this.#bell.ring();
  }
}

/** The reading end. `next()` steps to a message; its bytes stay valid until `release()`. */
export class RingConsumer extends RingEnd {
  /** Of the current message: its kind, the payload's offset and length, and the ring position after it. */
  kind = 0;
  offset = 0;
  length = 0;
  end: number;
  #released: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.end = Atomics.load(this.control, HEAD_WORD) >>> 0;
    this.#released = this.end;
  }

  /** The producer's published tail as of now (u32). */
  snapshot(): number {
    return Atomics.load(this.control, TAIL_WORD) >>> 0;
  }

  hasNext(): boolean {
    return this.snapshot() !== this.end;
  }

  /** Steps to the next message before position `upTo` (default: everything published). False when there is none. */
  next(upTo: number = this.snapshot()): boolean {
    if (((upTo - this.end) | 0) <= 0) return false;
    let at = this.end & (this.capacity - 1);
    if (this.words[at >>> 2] === SKIP) {
      this.end = (this.end + this.capacity - at) >>> 0;
      at = 0;
    }
    this.length = this.words[at >>> 2]!;
    this.kind = this.words[(at >>> 2) + 1]!;
    this.offset = at + MESSAGE_HEADER;
    this.end = (this.end + messageBytes(this.length)) >>> 0;
    return true;
  }

  /** Gives the bytes of every message stepped over back to the producer. */
  release(): void {
    if (this.#released === this.end) return;
    this.#released = this.end;
    Atomics.store(this.control, HEAD_WORD, this.end | 0);
  }
}
