/**
 * What one connection has still to be sent: answers collected over a wake, and the tail a full socket did not take.
 * Owned by the codec worker. Writes are serialised here; a connection has a buffer only while something is in it.
 */
import { putU32 } from "../../base/bytes.ts";
import type { Socket } from "../../platform/port.ts";

const START = 64;
/** Buffers that connections gave back are kept for the next ones: this many, and none that had to grow beyond this. */
const SPARES = 256;
const SPARE_BYTES = 1024;

const NONE = new Uint8Array(0);
const spares: Uint8Array[] = [];

export class Outbound {
  #bytes: Uint8Array = NONE;
  #length = 0;
  /** The socket took less than all: nothing is written before it says `drain`. */
  #stuck = false;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  u32(value: number): void {
    this.#room(4);
    putU32(this.#bytes, this.#length, value);
    this.#length += 4;
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The socket can take bytes again. */
  drained(): void {
    this.#stuck = false;
  }

  /** Writes what it can in one call; true when nothing is left. */
  flush(socket: Pick<Socket, "write">): boolean {
    if (this.#length === 0) return true;
    if (this.#stuck) return false;
    const written = socket.write(this.#bytes.subarray(0, this.#length));
    if (written < 0 || written >= this.#length) this.#giveBack();
    else {
      this.#bytes.copyWithin(0, written, this.#length);
      this.#length -= written;
      this.#stuck = true;
    }
    return this.#length === 0;
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    if (this.#length === 0) this.#bytes = spares.pop() ?? new Uint8Array(START);
    let size = this.#bytes.length;
    while (size < this.#length + count) size *= 2;
    if (size === this.#bytes.length) return;
    const larger = new Uint8Array(size);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  #giveBack(): void {
    if (this.#bytes.length <= SPARE_BYTES && spares.length < SPARES) spares.push(this.#bytes);
    this.#bytes = NONE;
    this.#length = 0;
  }
}
