/**
 * Memory of a single-producer, single-consumer byte ring over a SharedArrayBuffer. Pure layout; no loop lives here.
 *
 *   byte    0          64         128                256                        256 + capacity
 *           | tail u32 | head u32 | (reserved)       | data …                   |
 *           producer's   consumer's                   messages, 8-byte aligned
 *
 *   message  | length u32 | kind u32 | payload (length bytes) | padding to 8 |
 *   skip     | 0xffffffff |   up to the end of the data: the next message starts at data offset 0
 *
 * Positions are u32 byte counts compared modulo 2^32; a position's place in the data is `position & (capacity - 1)`.
 * Each side writes only its own word, one cache line apart.
 */
import { assert } from "../base/assert.ts";

export const TAIL_WORD = 0;
export const HEAD_WORD = 16;
export const DATA_BYTE = 256;
export const MESSAGE_HEADER = 8;
export const SKIP = 0xffff_ffff;

/** Bytes a message of `length` payload bytes takes in the ring. */
export const messageBytes = (length: number): number => (MESSAGE_HEADER + length + 7) & ~7;

/** `a - b` of two ring positions, as a signed distance: positive when `a` is ahead. */
export const distance = (a: number, b: number): number => (a - b) | 0;

/** Makes an empty ring. `capacity`: a power of two, 4 KiB to 2^29 bytes. */
export function createRing(capacity: number, startPosition = 0): SharedArrayBuffer {
  assert((capacity & (capacity - 1)) === 0, `ring capacity ${capacity} is not a power of two`);
  assert(capacity >= 4096 && capacity <= 1 << 29, `ring capacity ${capacity} is outside 4 KiB to 512 MiB`);
  const memory = new SharedArrayBuffer(DATA_BYTE + capacity);
  const words = new Int32Array(memory, 0, DATA_BYTE / 4);
  const start = startPosition & ~7;
  words[TAIL_WORD] = start;
  words[HEAD_WORD] = start;
  return memory;
}
