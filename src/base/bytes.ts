/** Big-endian integers and hex text over plain byte arrays. Pure; used by every thread. No views, no garbage per read. */
export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

export const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

export const i16 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) << 16) >> 16;

export const i32 = (bytes: Uint8Array, at: number): number => u32(bytes, at) | 0;

/** Unsigned 64 bits as a number; what is beyond 2^53 - 1 becomes 2^53 - 1. */
export function u64Clamped(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at);
  return high > 0x1f_ffff ? Number.MAX_SAFE_INTEGER : high * 0x1_0000_0000 + u32(bytes, at + 4);
}

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** `value`: an integer from 0 to 2^53 - 1. */
export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, Math.floor(value / 0x1_0000_0000));
  putU32(bytes, at + 4, value >>> 0);
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex of bytes[start .. end). */
export function toHex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let at = start; at < end; at++) text += HEX[bytes[at]!]!;
  return text;
}

function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Bytes of hex text (either case, no spaces), or the index of the first character that does not belong. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | number {
  const bytes = new Uint8Array(text.length >>> 1);
  for (let at = 0; at < text.length; at++) {
    const value = nibble(text.charCodeAt(at));
    if (value < 0) return at;
    bytes[at >>> 1] = (bytes[at >>> 1]! << 4) | value;
  }
  return text.length % 2 === 0 ? bytes : text.length;
}
