/**
 * Fixed binary layouts for the messages of the control rings, declared once and read and written from the declaration.
 * Little-endian, unaligned, strings as u16 length + UTF-8 (≤ 1,024 bytes, longer ones are cut),
 * texts as u32 length + UTF-8 (≤ 32 KiB: what a device or a person wrote).
 */
import { asciiCodes, asciiText, SHORT_TEXT } from "../base/ascii.ts";
import { broken } from "../base/assert.ts";

export type FieldType = "u8" | "u16" | "u32" | "f64" | "str" | "text" | "bool";
export type Fields = Readonly<Record<string, FieldType>>;
export type ValueOf<T extends FieldType> = T extends "str" | "text" ? string : T extends "bool" ? boolean : number;
export type StructOf<F extends Fields> = { -readonly [Name in keyof F]: ValueOf<F[Name]> };

export interface Struct<F extends Fields> {
  /** Most bytes this value can take; reserve this much. */
  size(value: StructOf<F>): number;
  /** The same for a value whose strings have `characters` characters in all. */
  sizeWith(characters: number): number;
  write(view: DataView<ArrayBufferLike>, at: number, value: StructOf<F>): number;
  read(view: DataView<ArrayBufferLike>, at: number): StructOf<F>;
}

const STRING_MAX = 1024;
/** Hex of the longest response. */
const TEXT_MAX = 32 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function writeString(view: DataView<ArrayBufferLike>, at: number, text: string): number {
  let length = Math.min(text.length, STRING_MAX);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      const bytes = encoder.encode(text).subarray(0, STRING_MAX);
      new Uint8Array(view.buffer, view.byteOffset + at + 2, bytes.length).set(bytes);
      length = bytes.length;
      break;
    }
    view.setUint8(at + 2 + i, code);
  }
  view.setUint16(at, length, true);
  return 2 + length;
}

function readString(view: DataView<ArrayBufferLike>, at: number, length: number): string {
  if (length <= SHORT_TEXT) {
    const codes = asciiCodes(length);
    let highest = 0;
    for (let i = 0; i < length; i++) {
      const code = view.getUint8(at + i);
      codes[i] = code;
      highest |= code;
    }
    if (highest <= 0x7f) return asciiText(codes);
  }
  return decoder.decode(new Uint8Array(view.buffer, view.byteOffset + at, length).slice());
}

/** Cold path: encoded to be measured, and again to be written. */
const encodeText = (text: string): Uint8Array => encoder.encode(text).subarray(0, TEXT_MAX);

function writeText(view: DataView<ArrayBufferLike>, at: number, text: string): number {
  const bytes = encodeText(text);
  view.setUint32(at, bytes.length, true);
  new Uint8Array(view.buffer, view.byteOffset + at + 4, bytes.length).set(bytes);
  return 4 + bytes.length;
}

const WIDTH = { u8: 1, u16: 2, u32: 4, f64: 8, bool: 1 } as const;

/** Declares a layout. Field order is the order on the wire. */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  const plan = Object.entries(fields) as [string, FieldType][];
  let fixed = 0;
  for (const [, type] of plan) fixed += type === "str" ? 2 : type === "text" ? 4 : WIDTH[type];
  type Loose = Record<string, number | string | boolean>;
  return {
    sizeWith: (characters) => fixed + characters * 3,
    size(value) {
      let bytes = fixed;
      for (const [name, type] of plan) {
        if (type === "str") bytes += Math.min(((value as Loose)[name] as string).length * 3, STRING_MAX);
        else if (type === "text") bytes += encodeText((value as Loose)[name] as string).length;
      }
      return bytes;
    },
    write(view, start, value) {
      let at = start;
      for (const [name, type] of plan) {
        const field = (value as Loose)[name];
        if (field === undefined) broken(`struct field ${name} is missing`);
        if (type === "str") at += writeString(view, at, field as string);
        else if (type === "text") at += writeText(view, at, field as string);
        else {
          if (type === "u8") view.setUint8(at, field as number);
          else if (type === "bool") view.setUint8(at, field === true ? 1 : 0);
          else if (type === "u16") view.setUint16(at, field as number, true);
          else if (type === "u32") view.setUint32(at, field as number, true);
          else view.setFloat64(at, field as number, true);
          at += WIDTH[type];
        }
      }
      return at;
    },
    read(view, start) {
      let at = start;
      const value: Loose = {};
      for (const [name, type] of plan) {
        if (type === "str") {
          const length = view.getUint16(at, true);
          value[name] = readString(view, at + 2, length);
          at += 2 + length;
        } else if (type === "text") {
          const length = view.getUint32(at, true);
          value[name] = decoder.decode(new Uint8Array(view.buffer, view.byteOffset + at + 4, length).slice());
          at += 4 + length;
        } else {
          value[name] = type === "u8"
            ? view.getUint8(at)
            : type === "bool"
            ? view.getUint8(at) === 1
            : type === "u16"
            ? view.getUint16(at, true)
            : type === "u32"
            ? view.getUint32(at, true)
            : view.getFloat64(at, true);
          at += WIDTH[type];
        }
      }
      return value as StructOf<F>;
    },
  };
}
