/**
 * One stored record's bytes into the object people and programs read (RECORD of the HTTP interface). Pure; used where records
 * leave the gateway: http threads, the command line. Never on the way in.
 */
import { assert } from "../base/assert.ts";
import { i16, i32, toHex, u16, u64Clamped } from "../base/bytes.ts";
import { CODEC_16, CODEC_8, CODEC_8E } from "./teltonika/codec_id.ts";
import { RECORD_FIXED, recordEnd } from "./teltonika/avl.ts";

export interface AvlRecord {
  /** ms since 1970 UTC by the device's clock, at most 2^53 - 1. */
  readonly time: number;
  /** 0 low, 1 high, 2 panic; others as received. */
  readonly priority: number;
  /** Degrees, 7 decimals. The last valid ones when `satellites` is 0. */
  readonly lon: number;
  readonly lat: number;
  /** Metres. */
  readonly altitude: number;
  /** Degrees clockwise from north. */
  readonly angle: number;
  /** 0: no fix. */
  readonly satellites: number;
  /** km/h. */
  readonly speed: number;
  /** 0: periodic. */
  readonly eventId: number;
  /** 0-7 in codec 16, else null. */
  readonly generationType: number | null;
  /** Decimal id → big-endian hex as on the wire; its length is the value's width. */
  readonly io: Readonly<Record<string, string>>;
}

/** Counts what a RECORD cannot show. */
export interface RecordTally {
  /** IO ids that came again in one record; the last value is kept. */
  repeatedIds: number;
}

/**
 * The record at bytes[start], of codec 8, 8E or 16 (`codec` is the id byte). The bytes went through `parseAvl` before.
 * @throws AssertionError when they did not.
 */
export function decodeRecord(codec: number, bytes: Uint8Array, start = 0, tally?: RecordTally): AvlRecord {
  assert(codec === CODEC_8 || codec === CODEC_8E || codec === CODEC_16, `codec ${codec} has no records`);
  assert(bytes.length - start > RECORD_FIXED && recordEnd(codec, bytes, start, bytes.length) > 0, `record at ${start} is incomplete`);
  const at = start + RECORD_FIXED;
  return {
    time: u64Clamped(bytes, start),
    priority: bytes[start + 8]!,
    lon: i32(bytes, start + 9) / 1e7,
    lat: i32(bytes, start + 13) / 1e7,
    altitude: i16(bytes, start + 17),
    angle: u16(bytes, start + 19),
    satellites: bytes[start + 21]!,
    speed: u16(bytes, start + 22),
    eventId: codec === CODEC_8 ? bytes[at]! : u16(bytes, at),
    generationType: codec === CODEC_16 ? bytes[at + 2]! : null,
    io: decodeIo(codec, bytes, at, tally),
  };
}

function decodeIo(codec: number, bytes: Uint8Array, at: number, tally: RecordTally | undefined): Record<string, string> {
  const wideId = codec !== CODEC_8;
  const wideCount = codec === CODEC_8E;
  const io: Record<string, string> = {};
  let p = at + (wideId ? 2 : 1) + (wideCount ? 2 : 1) + (codec === CODEC_16 ? 1 : 0);
  // Five groups: values of 1, 2, 4, 8 bytes, and in codec 8E values that state their length.
  for (let width = 1; width <= (wideCount ? 16 : 8); width *= 2) {
    let left = wideCount ? u16(bytes, p) : bytes[p]!;
    p += wideCount ? 2 : 1;
    for (; left > 0; left--) {
      const id = wideId ? u16(bytes, p) : bytes[p]!;
      p += wideId ? 2 : 1;
      let length = width;
      if (width === 16) {
        length = u16(bytes, p);
        p += 2;
      }
      if (tally !== undefined && io[id] !== undefined) tally.repeatedIds++;
      io[id] = toHex(bytes, p, p + length);
      p += length;
    }
  }
  return io;
}
