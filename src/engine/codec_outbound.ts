/**
 * What one connection has still to be sent: answers collected over a wake, and the tail a full socket did not take.
 * Owned by the codec worker. Writes are serialised here; it starts small and grows with need.
 */
import { putU32 } from "../base/bytes.ts";
import type { Socket } from "../platform/port.ts";

const START = 16;

export class Outbound {
  #bytes = new Uint8Array(START);
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

  /** The socket can take bytes again. */
  drained(): void {
    this.#stuck = false;
  }

  /** Writes what it can in one call; true when nothing is left. */
  flush(socket: Pick<Socket, "write">): boolean {
    if (this.#length === 0) return true;
    if (this.#stuck) return false;
    const written = socket.write(this.#bytes.subarray(0, this.#length));
    if (written < 0 || written >= this.#length) this.#length = 0;
    else {
      this.#bytes.copyWithin(0, written, this.#length);
      this.#length -= written;
      this.#stuck = true;
    }
    return this.#length === 0;
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
