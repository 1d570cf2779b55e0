/**
 * The data field of an AVL frame (codec 8, 8E, 16) into columns, with plain indexed reads and no object per record.
 * Pure; runs in codec workers on every frame, and wherever stored frames are taken apart.
 *
 *   codec u8 | count u8 | record × count | count u8             what the CRC covers
 *   record: time u64 | priority u8 | lon i32 | lat i32 | altitude i16 | angle u16 | satellites u8 | speed u16 | IO
 */
import { i32, u16, u64Clamped } from "../../base/bytes.ts";
import { FRAME_FAULTS, NO_BEST } from "../../wire/frame_message.ts";
import { CODEC_16, CODEC_8, CODEC_8E } from "./codec_id.ts";

/** Numbers of the frame faults: indexes of FRAME_FAULTS. */
export const Fault = {
  none: FRAME_FAULTS.indexOf("none"),
  crcMismatch: FRAME_FAULTS.indexOf("crc_mismatch"),
  unknownCodec: FRAME_FAULTS.indexOf("unknown_codec"),
  countMismatch: FRAME_FAULTS.indexOf("count_mismatch"),
  truncatedInside: FRAME_FAULTS.indexOf("truncated_inside"),
  trailingBytes: FRAME_FAULTS.indexOf("trailing_bytes"),
} as const;

export const MAX_RECORDS = 255;
/** Bytes of a record before its IO element. */
export const RECORD_FIXED = 24;
const MAX_LATITUDE = 900_000_000;
const MAX_LONGITUDE = 1_800_000_000;
const MAX_PRIORITY = 2;
const MAX_ANGLE = 360;
const MAX_GENERATION = 7;

/** What one frame says, in arrays the caller owns and uses again for the next frame. */
export class AvlColumns {
  codec = 0;
  n = 0;
  /** Record times, ms, clamped to 2^53 - 1. */
  readonly times = new Float64Array(MAX_RECORDS);
  /** Record i is data[offsets[i] .. offsets[i + 1]), counted from the start of the data field. */
  readonly offsets = new Uint32Array(MAX_RECORDS + 1);
  /** Record that would be the last position (see wire/frame_message.ts), or NO_BEST. */
  best = NO_BEST;
  minTime = 0;
  maxTime = 0;
  /** Are the record times strictly rising or strictly falling? Then no two records of the frame can be equal. */
  ordered = true;
  /** Records with a value out of range. They are kept and acknowledged: a device refused here would be stuck for ever. */
  invalid = 0;
  /** Where in the data field the fault is; meaningful when there is one. */
  faultAt = 0;
}

/**
 * Reads the data field bytes[start .. start + length) into `columns` and returns a Fault number. `newest`: the latest
 * time (ms) a record may have to be the last position. On a fault the columns hold nothing but codec, n and faultAt.
 *
 * A frame that says it has no records is a count mismatch: acknowledging 0 makes a device send it again at once, for ever.
 */
export function parseAvl(bytes: Uint8Array, start: number, length: number, newest: number, columns: AvlColumns): number {
  const codec = bytes[start]!;
  const n = length > 1 ? bytes[start + 1]! : 0;
  columns.codec = codec;
  columns.n = n;
  columns.faultAt = 0;
  if (codec !== CODEC_8 && codec !== CODEC_8E && codec !== CODEC_16) return Fault.unknownCodec;
  const end = start + length - 1;
  if (length < 3 || n === 0 || bytes[end] !== n) {
    columns.faultAt = Math.max(length - 1, 0);
    return Fault.countMismatch;
  }
  const offsets = columns.offsets;
  let at = start + 2;
  for (let i = 0; i < n; i++) {
    offsets[i] = at - start;
    at = recordEnd(codec, bytes, at, end);
    if (at < 0) {
      columns.faultAt = offsets[i]!;
      return Fault.truncatedInside;
    }
  }
  offsets[n] = at - start;
  if (at !== end) {
    columns.faultAt = at - start;
    return Fault.trailingBytes;
  }
  readColumns(bytes, start, newest, columns);
  return Fault.none;
}

/** Where the record at `at` ends, or -1 when that is beyond `end`. The group counts decide: the stated total may lie. */
export function recordEnd(codec: number, bytes: Uint8Array, at: number, end: number): number {
  return codec === CODEC_8 ? recordEnd8(bytes, at, end) : recordEndOf(codec, bytes, at, end);
}

/** The same for codec 8, which most frames are: four groups of bytes, told in bytes. */
function recordEnd8(bytes: Uint8Array, at: number, end: number): number {
  let p = at + RECORD_FIXED + 2;
  if (p >= end) return -1;
  p += 1 + 2 * bytes[p]!;
  if (p >= end) return -1;
  p += 1 + 3 * bytes[p]!;
  if (p >= end) return -1;
  p += 1 + 5 * bytes[p]!;
  if (p >= end) return -1;
  p += 1 + 9 * bytes[p]!;
  return p > end ? -1 : p;
}

function recordEndOf(codec: number, bytes: Uint8Array, at: number, end: number): number {
  const idWidth = codec === CODEC_8 ? 1 : 2;
  const countWidth = codec === CODEC_8E ? 2 : 1;
  // Event id and stated total, and in codec 16 the generation type between them.
  let p = at + RECORD_FIXED + idWidth + countWidth + (codec === CODEC_16 ? 1 : 0);
  for (let width = 1; width <= 8; width <<= 1) {
    if (p + countWidth > end) return -1;
    const count = countWidth === 2 ? u16(bytes, p) : bytes[p]!;
    p += countWidth + count * (idWidth + width);
  }
  if (codec === CODEC_8E) {
    if (p + 2 > end) return -1;
    let left = u16(bytes, p);
    p += 2;
    for (; left > 0; left--) {
      if (p + 4 > end) return -1;
      p += 4 + u16(bytes, p + 2);
    }
  }
  return p > end ? -1 : p;
}

function readColumns(bytes: Uint8Array, start: number, newest: number, columns: AvlColumns): void {
  const { n, codec, times, offsets } = columns;
  let min = Number.MAX_SAFE_INTEGER;
  let max = 0;
  let best = NO_BEST;
  let bestTime = -1;
  let invalid = 0;
  let rises = 0;
  let last = 0;
  for (let i = 0; i < n; i++) {
    const at = start + offsets[i]!;
    const time = u64Clamped(bytes, at);
    times[i] = time;
    if (i > 0) rises += time > last ? 1 : time < last ? -1 : 0;
    last = time;
    if (time < min) min = time;
    if (time > max) max = time;
    const onEarth = isOnEarth(bytes, at);
    if (!onEarth || time > newest || hasOddByte(codec, bytes, at)) invalid++;
    if (onEarth && bytes[at + 21] !== 0 && time <= newest && time >= bestTime) {
      best = i;
      bestTime = time;
    }
  }
  columns.minTime = min;
  columns.maxTime = max;
  columns.best = best;
  columns.ordered = n < 2 || rises === n - 1 || rises === 1 - n;
  columns.invalid = invalid;
}

/** Has the record at bytes[at] a value out of range? `newest`: the latest time (ms) it may have. Where records leave the gateway. */
export function isInvalid(codec: number, bytes: Uint8Array, at: number, newest: number): boolean {
  return !isOnEarth(bytes, at) || u64Clamped(bytes, at) > newest || hasOddByte(codec, bytes, at);
}

function isOnEarth(bytes: Uint8Array, at: number): boolean {
  const longitude = i32(bytes, at + 9);
  const latitude = i32(bytes, at + 13);
  return longitude >= -MAX_LONGITUDE && longitude <= MAX_LONGITUDE && latitude >= -MAX_LATITUDE && latitude <= MAX_LATITUDE;
}

/** Priority, angle, generation type. */
function hasOddByte(codec: number, bytes: Uint8Array, at: number): boolean {
  return bytes[at + 8]! > MAX_PRIORITY || u16(bytes, at + 19) > MAX_ANGLE || (codec === CODEC_16 && bytes[at + 26]! > MAX_GENERATION);
}
