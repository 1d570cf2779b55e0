/**
 * The JSON of a `connected` event of a usual tracker, read where it lies: a storm of connects would else leave thousands of texts
 * and objects behind in every thread that follows the journal, of which nothing stays. Pure. Written as the journal writes it, with
 * an identity of digits and an IPv4 address; anything else is for JSON.parse.
 */
import { asciiCodes, asciiText } from "../base/ascii.ts";
import { type Transport, TRANSPORTS } from "../wire/control.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const AT = bytesOf('{"at":');
const ID = bytesOf(',"id":"');
const TRANSPORT = bytesOf('","transport":"');
const ORIGIN = bytesOf('","origin":{"address":"');
const PORT = bytesOf('","port":');
const END = bytesOf(',"clientInstance":""}}');
const NAMES = TRANSPORTS.map(bytesOf);

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
/** A longer number would not be exact. */
const MOST_DIGITS = 15;
const MOST_PORT = 0xffff;

export class ConnectedJson {
  transport: Transport = "tcp";
  /** As packIpv4 gives it; never 0. */
  address = 0;
  port = 0;
  #bytes: Uint8Array = END;
  #at = 0;
  #number = 0;
  #idAt = 0;
  #idEnd = 0;

  /** Reads bytes[at .. end). False: it is not of that form, and the fields mean nothing. */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = at;
    if (!this.#skip(AT) || !this.#integer() || !this.#skip(ID)) return false;
    this.#idAt = this.#at;
    if (!this.#digits()) return false;
    this.#idEnd = this.#at;
    if (!this.#skip(TRANSPORT) || !this.#name() || !this.#skip(ORIGIN) || !this.#ipv4()) return false;
    if (!this.#skip(PORT) || !this.#integer() || this.#number > MOST_PORT) return false;
    this.port = this.#number;
    return this.#skip(END) && this.#at === end;
  }

  /** The identity's text, made anew. Before the bytes change. */
  get id(): string {
    const codes = asciiCodes(this.#idEnd - this.#idAt);
    for (let i = 0; i < codes.length; i++) codes[i] = this.#bytes[this.#idAt + i]!;
    return asciiText(codes);
  }

  #skip(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#at + i] !== expected[i]) return false;
    this.#at += expected.length;
    return true;
  }

  #digits(): boolean {
    const from = this.#at;
    this.#number = 0;
    for (let code = this.#bytes[this.#at]!; code >= ZERO && code <= NINE; code = this.#bytes[this.#at]!) {
      this.#number = this.#number * 10 + code - ZERO;
      this.#at++;
    }
    return this.#at > from && this.#at - from <= MOST_DIGITS;
  }

  /** Without leading zeros. */
  #integer(): boolean {
    const from = this.#at;
    return this.#digits() && (this.#bytes[from] !== ZERO || this.#at - from === 1);
  }

  #name(): boolean {
    const found = NAMES.findIndex((name) => this.#skip(name));
    this.transport = TRANSPORTS[found] ?? "tcp";
    return found >= 0;
  }

  #ipv4(): boolean {
    let bits = 0;
    for (let part = 0; part < 4; part++) {
      if (part > 0 && this.#bytes[this.#at++] !== DOT) return false;
      if (!this.#integer() || this.#number > 0xff) return false;
      bits = (bits << 8) | this.#number;
    }
    this.address = bits >>> 0;
    return bits !== 0;
  }
}
