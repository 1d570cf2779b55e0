/**
 * A slow second opinion on what a TCP stream says, written from the protocol's tables over the whole input at once: no code
 * of src/codec, no fragments, no columns. One line of text per item.
 */
const AVL = new Map([[0x08, "8"], [0x8e, "8E"], [0x10, "16"]]);

/** Four bits at a time: what each of sixteen nibbles does to the rest. */
const NIBBLES = Array.from({ length: 16 }, (_, nibble) => {
  let value = nibble;
  for (let bit = 0; bit < 4; bit++) value = value & 1 ? (value >>> 1) ^ 0xa001 : value >>> 1;
  return value;
});

function crc(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value = (value >>> 4) ^ NIBBLES[(value ^ byte) & 15]!;
    value = (value >>> 4) ^ NIBBLES[(value ^ (byte >>> 4)) & 15]!;
  }
  return value;
}

class End extends Error {}

/** Reads unsigned big-endian integers; throws `End` beyond the end. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get left(): number {
    return this.#bytes.length - this.at;
  }
  take(count: number): bigint {
    if (count > this.left) throw new End();
    let value = 0n;
    for (let i = 0; i < count; i++) value = value * 256n + BigInt(this.#bytes[this.at++]!);
    return value;
  }
  /** One or two bytes. */
  small(count: number): number {
    if (count > this.left) throw new End();
    const first = this.#bytes[this.at++]!;
    return count === 1 ? first : first * 256 + this.#bytes[this.at++]!;
  }
  skip(count: number): void {
    if (count > this.left) throw new End();
    this.at += count;
  }
}

/** Time of one record; the reader then stands behind it. */
function record(codec: string, from: Reader): bigint {
  const id = codec === "8" ? 1 : 2;
  const count = codec === "8E" ? 2 : 1;
  const time = from.take(8);
  from.skip(1 + 4 + 4 + 2 + 2 + 1 + 2);
  from.skip(id + (codec === "16" ? 1 : 0) + count);
  for (const width of [1, 2, 4, 8]) for (let left = from.small(count); left > 0; left--) from.skip(id + width);
  if (codec === "8E") {
    for (let left = from.small(2); left > 0; left--) {
      from.skip(2);
      from.skip(from.small(2));
    }
  }
  return time > 0x1fffffffffffffn ? 0x1fffffffffffffn : time;
}

/** A data field whose CRC is right: its records' times and places, or its fault. */
export function referenceData(data: Uint8Array): string {
  const codec = AVL.get(data[0]!);
  if (codec === undefined) return "unknown_codec";
  const n = data[1]!;
  if (n === 0 || n !== data.at(-1)) return "count_mismatch";
  const reader = new Reader(data.subarray(0, -1));
  reader.skip(2);
  const records: string[] = [];
  try {
    for (let i = 0; i < n; i++) {
      const at = reader.at;
      records.push(`${at}:${record(codec, reader)}`);
    }
  } catch (error) {
    if (error instanceof End) return "truncated_inside";
    throw error;
  }
  return reader.left > 0 ? "trailing_bytes" : `${codec} ${records.join(" ")}`;
}

function login(bytes: Uint8Array): string | null {
  for (let i = 0; i < Math.min(bytes.length, 17); i++) {
    const byte = bytes[i]!;
    if (i === 0 ? byte !== 0 : i === 1 ? byte !== 15 : byte < 48 || byte > 57) return `bad_login ${i} ${byte}`;
  }
  return bytes.length < 17 ? null : `login ${new TextDecoder().decode(bytes.subarray(2, 17))}`;
}

/** The fault in the (maybe unfinished) head of a frame. */
function headFault(bytes: Uint8Array, limit: number): string | null {
  for (let i = 0; i < Math.min(bytes.length, 4); i++) if (bytes[i] !== 0) return "bad_preamble";
  const head = new Uint8Array(8);
  head.set(bytes.subarray(0, 8));
  const least = new DataView(head.buffer).getUint32(4);
  if (least > limit) return "too_long";
  return bytes.length >= 8 && least < 3 ? "bad_length" : null;
}

/** Every item of what a connection sent, in order; the last line is the fault that ends it or the bytes left over. */
export function referenceStream(bytes: Uint8Array, limit: number): string[] {
  const items: string[] = [];
  const first = login(bytes);
  if (first === null) return [`rest ${bytes.length}`];
  items.push(first);
  if (!first.startsWith("login")) return items;
  let at = 17;
  while (at < bytes.length) {
    const rest = bytes.subarray(at);
    if (rest[0] === 0xff) {
      items.push("ping");
      at++;
      continue;
    }
    const fault = headFault(rest, limit);
    if (fault !== null) return [...items, fault];
    const length = rest.length < 8 ? 0 : new DataView(rest.buffer, rest.byteOffset).getUint32(4);
    if (rest.length < 8 || rest.length < length + 12) return [...items, `rest ${rest.length}`];
    const data = rest.subarray(8, 8 + length);
    const stated = new DataView(rest.buffer, rest.byteOffset).getUint32(8 + length);
    items.push(stated === crc(data) ? `frame ${referenceData(data)}` : "bad_crc");
    at += length + 12;
  }
  return [...items, "rest 0"];
}
