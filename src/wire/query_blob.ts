/**
 * A growing run of bytes that an answer is written to and read from: little-endian, unaligned. The writer belongs to a
 * reader thread and is reused; the reader belongs to an http thread and gives out views into the bytes it was given.
 */
import { broken } from "../base/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class BlobWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** A copy of all that was written; the writer is empty after it. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }
  u8(value: number): this {
    this.#room(1);
    this.#view.setUint8(this.length++, value);
    return this;
  }
  u32(value: number): this {
    this.#room(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }
  f64(value: number): this {
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
    return this;
  }
  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
    return this;
  }
  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads what a BlobWriter wrote, in the same order. */
export class BlobReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }
  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }
  f64(): number {
    return this.#view.getFloat64(this.#step(8), true);
  }
  /** A view, not a copy. */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.u32();
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }
  text(): string {
    return decoder.decode(this.bytes());
  }

  #step(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) broken(`answer of ${this.#bytes.length} bytes ends before ${at + count}`);
    this.#at = at + count;
    return at;
  }
}
