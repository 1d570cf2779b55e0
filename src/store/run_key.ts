/**
 * The key of a run row, one 63-bit integer, so that a segment's rows are appended side by side and a lookup is one search:
 *
 *   level 3 bits | segment 24 bits | device 22 bits | part 14 bits
 */
import { assert } from "../base/assert.ts";

const PART_BITS = 14;
const DEVICE_BITS = 22;
const LOW_BITS = BigInt(DEVICE_BITS + PART_BITS);
export const MAX_PART = (1 << PART_BITS) - 1;
export const MAX_SEGMENT = (1 << 24) - 1;
export const MAX_LEVEL = 7;

/** From a segment's first key to its last. */
export const SEGMENT_KEYS = (1n << LOW_BITS) - 1n;

export function runKey(level: number, segment: number, device: number, part: number): bigint {
  assert(part <= MAX_PART && device < 1 << DEVICE_BITS, `run of device ${device} has part ${part}`);
  return (BigInt(level * (MAX_SEGMENT + 1) + segment) << LOW_BITS) | BigInt(device * (MAX_PART + 1) + part);
}
