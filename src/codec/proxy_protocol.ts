/**
 * The header a balancer puts before a connection's bytes to say who is behind it: HAProxy's PROXY protocol, version 1 (a line) and
 * 2 (binary). Takes it in whatever fragments it comes and keeps no more of it than an address needs. Pure; owned by the codec worker.
 *
 *   v1  PROXY TCP4 SOURCE DESTINATION PORT PORT\r\n      at most 107 bytes
 *   v2  | signature 12 | version, command 1 | family 1 | length 2 | addresses 12, 36 or 216 | TLVs, skipped |
 */
import { formatIp, parseIp } from "../base/ip_address.ts";

/** Which headers are taken. */
export const PROXY_VERSIONS = ["v1", "v2", "required"] as const;
/** `required`: either version. */
export type ProxyVersions = (typeof PROXY_VERSIONS)[number];

/** `no_header`: something else came, or the other version. */
export type ProxyFault = "no_header" | "malformed" | "too_long";

export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

const V1_PREFIX = "PROXY ";
const V1_MAX = 107;
const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2_FIXED = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
/** Bytes of two addresses and two ports by family; unspecified: none, the length says how many to pass over. */
const V2_ADDRESSES = [0, 12, 36, 216] as const;
const INET = 1;
const INET6 = 2;
const PROTOCOLS = 2;
const CR = 13;
const LF = 10;
const UPPER_P = 0x50;

export class ProxyHeader {
  readonly #versions: ProxyVersions;
  readonly #maxBytes: number;
  /** Of version 2; version 1 has one line. */
  #isBinary = false;
  #held = new Uint8Array(V1_MAX);
  #length = 0;
  /** Version 2: bytes of the header still to come of which nothing is kept. */
  #skip = 0;
  #isDone = false;
  #fault: ProxyFault | null = null;
  #source: ProxySource | null = null;

  /** `maxBytes`: of a header of version 2, all its TLVs included. */
  constructor(versions: ProxyVersions, maxBytes: number) {
    this.#versions = versions;
    this.#maxBytes = maxBytes;
  }

  /** The whole header has come. */
  get isDone(): boolean {
    return this.#isDone;
  }
  /** Why it is none. Nothing after it counts. */
  get fault(): ProxyFault | null {
    return this.#fault;
  }
  /** Who is behind the balancer; null: it speaks for itself, or does not know. */
  get source(): ProxySource | null {
    return this.#source;
  }

  /** Takes what belongs to the header; returns how many bytes that were. */
  push(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.#isDone && this.#fault === null) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, bytes.length - at);
        at += passed;
        this.#skip -= passed;
        this.#isDone = this.#skip === 0;
      } else {
        this.#held[this.#length++] = bytes[at++]!;
        if (this.#length === 1) this.#begin();
        else if (this.#isBinary) this.#binary();
        else this.#line();
      }
    }
    return at;
  }

  #begin(): void {
    this.#isBinary = this.#held[0] === V2_SIGNATURE[0];
    if (this.#isBinary ? this.#versions === "v1" : this.#versions === "v2" || this.#held[0] !== UPPER_P) this.#fault = "no_header";
  }

  #line(): void {
    const held = this.#held;
    const last = this.#length - 1;
    if (last < V1_PREFIX.length) {
      if (held[last] !== V1_PREFIX.charCodeAt(last)) this.#fault = "no_header";
    } else if (held[last] === LF) {
      if (held[last - 1] === CR) this.#readLine(String.fromCharCode(...held.subarray(V1_PREFIX.length, last - 1)));
      else this.#fault = "malformed";
    } else if (this.#length === V1_MAX) this.#fault = "too_long";
  }

  #readLine(text: string): void {
    const words = text.split(" ");
    const [family, source = "", destination = "", sourcePort = "", destinationPort = ""] = words;
    // What follows UNKNOWN is to be ignored.
    if (family === "UNKNOWN") return this.#end(null);
    const length = family === "TCP4" ? 4 : family === "TCP6" ? 16 : 0;
    const isV6 = (address: string): boolean => address.includes(":");
    const from = parseIp(source);
    const fits = words.length === 5 && length > 0 && isV6(source) === (length === 16) && isV6(destination) === (length === 16) &&
      parseIp(destination) !== null && isPort(sourcePort) && isPort(destinationPort);
    if (!fits || from === null) this.#fault = "malformed";
    else this.#end({ address: formatIp(from, 0, from.length === 4 ? 4 : 16), port: Number(sourcePort) });
  }

  #binary(): void {
    const held = this.#held;
    const last = this.#length - 1;
    if (last < V2_SIGNATURE.length) {
      if (held[last] !== V2_SIGNATURE[last]) this.#fault = "no_header";
      return;
    }
    if (this.#length < V2_FIXED) return;
    const [command, family, length] = [held[12]!, held[13]!, (held[14]! << 8) | held[15]!];
    if (this.#length === V2_FIXED) this.#fault = this.#faultOf(command, family, length);
    if (this.#fault !== null) return;
    const source = command === LOCAL ? 0 : family >> 4;
    const addresses = source === INET || source === INET6 ? V2_ADDRESSES[source] : 0;
    if (this.#length < V2_FIXED + addresses) return;
    const size = source === INET ? 4 : 16;
    if (addresses > 0) {
      const at = V2_FIXED + 2 * size;
      this.#source = { address: formatIp(held, V2_FIXED, size), port: (held[at]! << 8) | held[at + 1]! };
    }
    this.#skip = length - addresses;
    if (this.#skip === 0) this.#isDone = true;
  }

  #faultOf(command: number, family: number, length: number): ProxyFault | null {
    if (V2_FIXED + length > this.#maxBytes) return "too_long";
    if (command === LOCAL) return null;
    const needs = V2_ADDRESSES[family >> 4];
    if (command !== PROXY || needs === undefined || (family & 15) > PROTOCOLS || length < needs) return "malformed";
    return null;
  }

  #end(source: ProxySource | null): void {
    this.#source = source;
    this.#isDone = true;
  }
}

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
