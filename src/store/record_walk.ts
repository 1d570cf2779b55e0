/**
 * Record boundaries inside a raw AVL data field (codec 8, 8E, 16) that was checked when it arrived. Pure, any thread.
 * The log keeps the field as received and no offsets: they are found again here, a few additions a record.
 *
 *   data     codec u8 · n u8 · record × n · n u8
 *   record   0 time u64 · 8 priority · 9 lon i32 · 13 lat i32 · 17 altitude i16 · 19 angle u16 · 21 satellites u8 · 22 speed u16 · 24 IO
 */
import { MAX_RECORD_TIME } from "../wire/frame_message.ts";

export const CODEC_8 = 0x08;
export const CODEC_8E = 0x8e;
export const CODEC_16 = 0x10;
/** Where the first record begins, from the start of the data field. */
export const FIRST_RECORD = 2;

const LON = 9;
const LAT = 13;
const SATELLITES = 21;
const IO = 24;
const DEGREES_90 = 900_000_000;
const DEGREES_180 = 1_800_000_000;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
const i32 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
const u32 = (bytes: Uint8Array, at: number): number => i32(bytes, at) >>> 0;

/** The offset after the record that begins at `at`. Reads beyond the array give nonsense, never an exception: check the result. */
export function recordEnd(bytes: Uint8Array, at: number, codec: number): number {
  let p = at + IO;
  if (codec === CODEC_8) {
    p += 2;
    p += 1 + bytes[p]! * 2;
    p += 1 + bytes[p]! * 3;
    p += 1 + bytes[p]! * 5;
    return p + 1 + bytes[p]! * 9;
  }
  if (codec === CODEC_16) {
    p += 4;
    p += 1 + bytes[p]! * 3;
    p += 1 + bytes[p]! * 4;
    p += 1 + bytes[p]! * 6;
    return p + 1 + bytes[p]! * 10;
  }
  p += 4;
  p += 2 + u16(bytes, p) * 3;
  p += 2 + u16(bytes, p) * 4;
  p += 2 + u16(bytes, p) * 6;
  p += 2 + u16(bytes, p) * 10;
  const variable = u16(bytes, p);
  p += 2;
  for (let i = 0; i < variable; i++) p += 4 + u16(bytes, p + 2);
  return p;
}

/** Where record `index` of the data field at `dataAt` begins. */
export function recordStart(bytes: Uint8Array, dataAt: number, index: number): number {
  const codec = bytes[dataAt]!;
  let at = dataAt + FIRST_RECORD;
  for (let i = 0; i < index; i++) at = recordEnd(bytes, at, codec);
  return at;
}

/** The record's time in ms, clamped to 2^53 - 1. */
export function recordTime(bytes: Uint8Array, at: number): number {
  const time = u32(bytes, at) * 0x1_0000_0000 + u32(bytes, at + 4);
  return time > MAX_RECORD_TIME ? MAX_RECORD_TIME : time;
}

/** Has the record a position worth showing: satellites, and degrees that exist? */
export function hasFix(bytes: Uint8Array, at: number): boolean {
  return bytes[at + SATELLITES]! !== 0 && Math.abs(i32(bytes, at + LAT)) <= DEGREES_90 && Math.abs(i32(bytes, at + LON)) <= DEGREES_180;
}
