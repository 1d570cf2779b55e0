/**
 * Identities by number and numbers by identity, for as many as a fleet has. An identity of up to 15 digits, as an IMEI, is kept as
 * the number it is: eight bytes and a place in an index, no text and no object. Any other keeps its text. Pure; owned by one
 * thread. Nothing is ever taken out.
 */
import { broken } from "./assert.ts";

const BLOCK_BITS = 10;
const BLOCK = 1 << BLOCK_BITS;
const MOST_DIGITS = 15;
const FIRST_SLOTS = 64;
/** Full slots of four, at most: looking for an unknown identity ends at the first empty one. */
const MOST_FULL = 3 / 4;
const LOW_DIGITS = 8;
const LOW = 1e8;
const ZERO = 0x30;
/** In the place of an identity that is no such number. */
const TEXT = -1;

export class IdTable {
  /** Of identity `no`: a 1 in front of its digits, so that leading zeros count; TEXT; or 0 when it is not in use. In blocks. */
  readonly #keys: Float64Array[] = [];
  /** Numbers by the hash of their keys, open addressing; 0 is an empty slot. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #numbers = 0;
  readonly #texts = new Map<number, string>();
  readonly #byText = new Map<string, number>();
  #end = 1;

  get size(): number {
    return this.#numbers + this.#texts.size;
  }
  /** Above the highest number in use; 1 when there is none. */
  get end(): number {
    return this.#end;
  }

  has(no: number): boolean {
    return this.#keyOf(no) !== 0;
  }

  /** The number of `id`, or 0. */
  find(id: string): number {
    const key = digitsOf(id);
    return key === TEXT ? this.#byText.get(id) ?? 0 : this.#slots[this.#slotOf(key)]!;
  }

  /** The identity with number `no`, or "". Its text is made anew with every call. */
  name(no: number): string {
    const key = this.#keyOf(no);
    if (key === 0) return "";
    return unpackId(key === TEXT ? this.#texts.get(no)! : key);
  }

  /** Number and identity must both be new. */
  set(no: number, id: string): void {
    if (no < 1 || this.has(no) || this.find(id) !== 0) broken(`identity ${id} cannot have number ${no}`);
    const key = digitsOf(id);
    for (let block = this.#keys.length; block <= no >>> BLOCK_BITS; block++) this.#keys.push(new Float64Array(BLOCK));
    this.#keys[no >>> BLOCK_BITS]![no & (BLOCK - 1)] = key;
    if (no >= this.#end) this.#end = no + 1;
    if (key === TEXT) {
      this.#texts.set(no, id);
      this.#byText.set(id, no);
      return;
    }
    this.#numbers++;
    if (this.#numbers > this.#slots.length * MOST_FULL) this.#grow();
    this.#slots[this.#slotOf(key)] = no;
  }

  /** Gives `id` the next number. */
  add(id: string): number {
    const no = this.#end;
    this.set(no, id);
    return no;
  }

  /** In order of their numbers. */
  *names(): IterableIterator<string> {
    for (let no = 1; no < this.#end; no++) if (this.has(no)) yield this.name(no);
  }

  #keyOf(no: number): number {
    const block = this.#keys[no >>> BLOCK_BITS];
    return block === undefined ? 0 : block[no & (BLOCK - 1)]!;
  }

  /** Where `key` stands in the index, or where it would. */
  #slotOf(key: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = hashOf(key) & mask;
    for (let no = slots[at]!; no !== 0 && this.#keyOf(no) !== key; no = slots[at]!) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) this.#slots[this.#slotOf(this.#keyOf(old[i]!))] = old[i]!;
  }
}

/** An identity in few bytes, where one is kept with each of many things: as the number it is, or else its text. */
export function packId(id: string): number | string {
  const key = digitsOf(id);
  return key === TEXT ? id : key;
}

/** Made anew with every call. */
export const unpackId = (packed: number | string): string => (typeof packed === "number" ? String(packed).slice(1) : packed);

/** The digits of `id` behind a 1, as a number; TEXT when it is none, or too long for one. In two halves, as integers are faster. */
function digitsOf(id: string): number {
  const { length } = id;
  if (length === 0 || length > MOST_DIGITS) return TEXT;
  const middle = Math.max(0, length - LOW_DIGITS);
  let high = 1;
  for (let i = 0; i < middle; i++) {
    const digit = id.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return TEXT;
    high = high * 10 + digit;
  }
  let low = 0;
  let scale = 1;
  for (let i = middle; i < length; i++) {
    const digit = id.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return TEXT;
    low = low * 10 + digit;
    scale *= 10;
  }
  return high * scale + low;
}

/** Neighbours in number shall not be neighbours in the index; the low bits decide. */
function hashOf(key: number): number {
  const high = Math.floor(key / LOW) | 0;
  const low = (key - high * LOW) | 0;
  let hash = Math.imul(high, 0x9e3779b1) ^ low;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
