/**
 * What tells the records of one device from those of another that has its identity: the codec, and which IO elements its
 * periodic records have. A device's configuration decides both, and it does not change from one connection to the next.
 * Pure; runs in codec workers on the first frames of a connection, so no garbage.
 */
import { u16 } from "../base/bytes.ts";
import { CODEC_16, CODEC_8, CODEC_8E, codecName } from "./teltonika/codec_id.ts";
import { RECORD_FIXED } from "./teltonika/avl.ts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const mix = (hash: number, value: number): number => Math.imul(hash ^ value, FNV_PRIME);

/**
 * The shape of the record at bytes[at], which was parsed before: a hash over the ids of its IO elements and the widths of
 * their values, never 0. 0: the record was made by an event, and may have what others have not.
 */
export function recordShape(codec: number, bytes: Uint8Array, at: number): number {
  const wideId = codec !== CODEC_8;
  const wideCount = codec === CODEC_8E;
  const io = at + RECORD_FIXED;
  if ((wideId ? u16(bytes, io) : bytes[io]!) !== 0) return 0;
  let hash = FNV_OFFSET;
  let p = io + (wideId ? 2 : 1) + (wideCount ? 2 : 1) + (codec === CODEC_16 ? 1 : 0);
  for (let width = 1; width <= (wideCount ? 16 : 8); width *= 2) {
    let left = wideCount ? u16(bytes, p) : bytes[p]!;
    p += wideCount ? 2 : 1;
    hash = mix(hash, width);
    for (; left > 0; left--) {
      hash = mix(hash, wideId ? u16(bytes, p) : bytes[p]!);
      p += wideId ? 2 : 1;
      // The length of a value of variable length is not part of the shape.
      p += width === 16 ? 2 + u16(bytes, p) : width;
    }
  }
  return hash >>> 0 || 1;
}

/** As people see it: `8E/1f2e3d4c`, or the codec alone. Null: no record came. */
export const fingerprintText = (codec: number, shape: number): string | null =>
  codec === 0 ? null : shape === 0 ? codecName(codec) : `${codecName(codec)}/${shape.toString(16).padStart(8, "0")}`;
