/**
 * IP addresses as text and as bytes, and networks as `10.0.0.0/8`. An IPv4 address that comes in an IPv6 form is an IPv4 address
 * here: it counts against the same bounds, whatever it came by. Pure.
 */

const V4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;
const WORD = /^[0-9a-fA-F]{1,4}$/;
const WORDS = 8;
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

export interface Network {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** How many bits of them count. */
  readonly bits: number;
}

/** The 4 or 16 bytes of an address; null: it is none. */
export function parseIp(text: string): readonly number[] | null {
  if (!text.includes(":")) return parseFour(text);
  const words = parseWords(text);
  return words === null ? null : unmapped(words.flatMap((word) => [word >> 8, word & 0xff]));
}

/** `bytes`: 4 or 16 from `at` on. As RFC 5952 writes them: the longest run of two or more zero words becomes `::`. */
export function formatIp(bytes: ArrayLike<number>, at: number, length: 4 | 16): string {
  const all = unmapped(Array.from({ length }, (_, i) => bytes[at + i]!));
  return all.length === 4 ? all.join(".") : formatWords(Array.from({ length: WORDS }, (_, i) => (all[2 * i]! << 8) | all[2 * i + 1]!));
}

/** `10.0.0.0/8`, or one address. Null: it is neither, or bits are set that do not count. */
export function parseNetwork(text: string): Network | null {
  const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = parseIp(address);
  if (bytes === null) return null;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bits > bytes.length * 8) return null;
  return bytes.every((byte, i) => (byte & ~maskOf(bits, i) & 0xff) === 0) ? { bytes, bits } : null;
}

export function isWithin(networks: readonly Network[], address: string): boolean {
  const bytes = parseIp(address);
  return bytes !== null &&
    networks.some((one) => one.bytes.length === bytes.length && bytes.every((byte, i) => (byte & maskOf(one.bits, i)) === one.bytes[i]));
}

/** The bits of byte `i` that a prefix of `bits` covers. */
const maskOf = (bits: number, i: number): number => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff;

function parseFour(text: string): readonly number[] | null {
  if (!V4.test(text)) return null;
  const bytes = text.split(".").map(Number);
  // No leading zero: 010 is 8 to some and 10 to others.
  return bytes.every((byte) => byte <= 255) && bytes.join(".") === text ? bytes : null;
}

function parseWords(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":").flatMap(wordsOf)));
  if (left!.includes(-1) || right?.includes(-1) === true) return null;
  // Only the last part may be written as IPv4.
  if (/\..*:/.test(text)) return null;
  if (right === undefined) return left!.length === WORDS ? left! : null;
  const missing = WORDS - left!.length - right.length;
  return missing > 0 ? [...left!, ...new Array<number>(missing).fill(0), ...right] : null;
}

function wordsOf(part: string): number[] {
  if (WORD.test(part)) return [parseInt(part, 16)];
  const four = parseFour(part);
  return four === null ? [-1] : [(four[0]! << 8) | four[1]!, (four[2]! << 8) | four[3]!];
}

const unmapped = (bytes: readonly number[]): readonly number[] =>
  bytes.length === 16 && MAPPED.every((byte, i) => bytes[i] === byte) ? bytes.slice(12) : bytes;

function formatWords(words: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < words.length; i++) {
    let end = i;
    while (end < words.length && words[end] === 0) end++;
    if (end - i > bestLength) [best, bestLength] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  return best < 0 ? hex(words) : `${hex(words.slice(0, best))}::${hex(words.slice(best + bestLength))}`;
}
