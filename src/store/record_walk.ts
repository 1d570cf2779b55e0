/**
 * Records inside the raw AVL data field of a log entry (codec 8, 8E, 16), which was checked when it arrived. Pure, any
 * thread. The log keeps the field as received and no offsets: they are found again here, a few additions a record.
 */
import { i32, u64Clamped } from "../base/bytes.ts";
import { recordEnd } from "../codec/teltonika/avl.ts";

/** Where the first record begins, from the start of the data field. */
const FIRST_RECORD = 2;
const LON = 9;
const LAT = 13;
const SATELLITES = 21;
const DEGREES_90 = 900_000_000;
const DEGREES_180 = 1_800_000_000;

/** Where record `index` of the data field at `dataAt` begins; with index = n, where the last one ends. */
export function recordStart(bytes: Uint8Array, dataAt: number, index: number): number {
  const codec = bytes[dataAt]!;
  let at = dataAt + FIRST_RECORD;
  for (let i = 0; i < index; i++) at = recordEnd(codec, bytes, at, bytes.length);
  return at;
}

/** The record's time in ms, clamped to 2^53 - 1. */
export const recordTime = u64Clamped;

/** Has the record a position worth showing: satellites, and degrees that exist? */
export function hasFix(bytes: Uint8Array, at: number): boolean {
  return bytes[at + SATELLITES]! !== 0 && Math.abs(i32(bytes, at + LAT)) <= DEGREES_90 && Math.abs(i32(bytes, at + LON)) <= DEGREES_180;
}

/** Are the records bytes a[aFrom .. aTo) and b[bFrom .. bTo) the same, byte for byte? */
export function sameBytes(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  for (let i = aFrom, j = bFrom; i < aTo; i++, j++) if (a[i] !== b[j]) return false;
  return true;
}
