/**
 * What each byte of a data field (codec 8, 8E, 16) means, in order, for people who look at it: also of one that cannot be decoded, as far
 * as it makes sense. Pure; cold path.
 */
import { i16, i32, toHex, u16, u64Clamped } from "../../base/bytes.ts";
import { CODEC_16, CODEC_8, CODEC_8E, codecName } from "./codec_id.ts";

export interface LayoutField {
  readonly at: number;
  readonly length: number;
  readonly name: string;
  /** What the bytes say; of an IO value and of what makes no sense, "". */
  readonly value: string;
  /** The record it belongs to, from 0; null: to the frame. */
  readonly record: number | null;
  /** Of an IO value: its id, and its bytes without that. */
  readonly io: { readonly id: number; readonly hex: string } | null;
  /** The decoder stops here. */
  readonly isOdd: boolean;
}

/** Every byte is in exactly one of them. */
export function layoutOf(data: Uint8Array): readonly LayoutField[] {
  const walk = new Walk(data);
  walk.all();
  return walk.fields;
}

class Walk {
  readonly fields: LayoutField[] = [];
  readonly #data: Uint8Array;
  #at = 0;
  #record: number | null = null;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  all(): void {
    const data = this.#data;
    const end = data.length - 1;
    if (
      !this.#field(1, "codec", (at) => codecName(data[at]!) === "other" ? `${data[at]!}, not known` : codecName(data[at]!), data.length)
    ) return;
    const codec = data[0]!;
    const isKnown = codec === CODEC_8 || codec === CODEC_8E || codec === CODEC_16;
    if (!isKnown) return this.#rest("not understood");
    if (!this.#field(1, "records", (at) => String(data[at]!), data.length)) return;
    for (let i = 0; i < data[1]!; i++) {
      this.#record = i;
      if (!this.#oneRecord(codec, end)) return this.#rest("the record goes on beyond its frame");
    }
    this.#record = null;
    if (this.#at < end) this.#add(end - this.#at, "follows the last record", "", null, true);
    const isSame = data[end] === data[1] && data[1] !== 0;
    if (this.#at < data.length) {
      this.#add(1, "records, once more", isSame ? String(data[end]!) : `${data[end]!}, not ${data[1]!}`, null, !isSame);
    }
  }

  #oneRecord(codec: number, end: number): boolean {
    const data = this.#data;
    const wideId = codec !== CODEC_8;
    const wideCount = codec === CODEC_8E;
    const idWidth = wideId ? 2 : 1;
    const countWidth = wideCount ? 2 : 1;
    const number = (width: number) => (at: number): string => String(width === 2 ? u16(data, at) : data[at]!);
    const fixed: readonly (readonly [number, string, (at: number) => string])[] = [
      [8, "time", (at) => timeText(u64Clamped(data, at))],
      [1, "priority", number(1)],
      [4, "longitude", (at) => `${i32(data, at) / 1e7}°`],
      [4, "latitude", (at) => `${i32(data, at) / 1e7}°`],
      [2, "altitude", (at) => `${i16(data, at)} m`],
      [2, "angle", (at) => `${u16(data, at)}°`],
      [1, "satellites", number(1)],
      [2, "speed", (at) => `${u16(data, at)} km/h`],
      [idWidth, "event", (at) => (number(idWidth)(at) === "0" ? "0, periodic" : `IO ${number(idWidth)(at)}`)],
      ...(codec === CODEC_16 ? [[1, "generation", number(1)] as const] : []),
      [countWidth, "IO values", number(countWidth)],
    ];
    for (const [length, name, value] of fixed) if (!this.#field(length, name, value, end)) return false;
    for (let width = 1; width <= 8; width *= 2) {
      if (!this.#group(width, idWidth, countWidth, end)) return false;
    }
    return !wideCount || this.#group(0, idWidth, countWidth, end);
  }

  /** IO values of so many bytes each; 0: each states its length. */
  #group(width: number, idWidth: number, countWidth: number, end: number): boolean {
    const data = this.#data;
    const count = (at: number): number => countWidth === 2 ? u16(data, at) : data[at]!;
    const name = width === 0 ? "values of any length" : `values of ${width === 1 ? "1 byte" : `${width} bytes`}`;
    if (!this.#field(countWidth, name, (at) => String(count(at)), end)) return false;
    for (let left = count(this.#at - countWidth); left > 0; left--) {
      const head = idWidth + (width === 0 ? 2 : 0);
      if (this.#at + head > end) return false;
      const length = width === 0 ? u16(data, this.#at + idWidth) : width;
      if (this.#at + head + length > end) return false;
      const id = idWidth === 2 ? u16(data, this.#at) : data[this.#at]!;
      const from = this.#at + head;
      this.#add(head + length, `IO ${id}`, "", { id, hex: toHex(data, from, from + length) }, false);
    }
    return true;
  }

  /** False: it does not fit before `end`. */
  #field(length: number, name: string, value: (at: number) => string, end: number): boolean {
    if (this.#at + length > end) return false;
    this.#add(length, name, value(this.#at), null, false);
    return true;
  }

  #rest(name: string): void {
    if (this.#at < this.#data.length) this.#add(this.#data.length - this.#at, name, "", null, true);
  }

  #add(length: number, name: string, value: string, io: LayoutField["io"], isOdd: boolean): void {
    this.fields.push({ at: this.#at, length, name, value, record: this.#record, io, isOdd });
    this.#at += length;
  }
}

const LAST_DATE_MS = 8.64e15;
const timeText = (ms: number): string => ms <= LAST_DATE_MS ? new Date(ms).toISOString() : String(ms);
