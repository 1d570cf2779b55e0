/**
 * Cuts what one TCP connection sends into its login, frames and pings, however it is fragmented or glued. Pure; one
 * Framer per connection, owned by the connection's codec worker; one sink serves all connections of a worker.
 *
 *   login   000F + 15 digits, once, first
 *   frame   00000000 | length u32 | data (length bytes: codec id .. second count) | 0000 | CRC-16 of the data
 *   ping    FF, between frames
 *
 * A frame that lies whole in a received chunk is handed over in place; only an incomplete rest is copied, into a buffer that
 * grows with the bytes received, never with the length declared. There is no way to find the next frame after a fault.
 */
import { asciiCodes, asciiText } from "../base/ascii.ts";
import { u16, u32 } from "../base/bytes.ts";
import { crc16 } from "../base/crc16.ts";

/** What the sink wants next. */
export const Next = {
  go: 0,
  /** Taken; wait for `resume` before the next item. */
  pause: 1,
  /** Not taken (no room); wait for `resume`, which offers the same item again. */
  again: 2,
  /** The connection is over: forget everything. */
  stop: 3,
} as const;
export type Next = (typeof Next)[keyof typeof Next];

/** Faults after which the connection can only be closed. Also metric labels. */
export type Violation = "bad_login" | "bad_preamble" | "bad_length" | "too_long";

/** `bytes` are valid during the call only. No call may push into or resume the same framer. */
export interface FrameSink<Context> {
  login(context: Context, imei: string): Next;
  /** A frame with a valid CRC: its data field is bytes[start .. start + length), length ≥ 3. Not parsed yet. */
  frame(context: Context, bytes: Uint8Array, start: number, length: number): Next;
  badCrc(context: Context, bytes: Uint8Array, start: number, length: number): Next;
  ping(context: Context, count: number): void;
  /** The framer has ended. `offset`: of the fault in its item; `value`: the wrong byte or length. See `violationText`. */
  violation(context: Context, fault: Violation, offset: number, value: number): void;
}

export const LOGIN_BYTES = 17;
export const IMEI_DIGITS = 15;
export const FRAME_OVERHEAD = 12;
const HEADER = 8;
const MIN_DATA = 3;
const PING = 0xff;
const EMPTY = new Uint8Array(0);

const State = { open: 0, paused: 1, ended: 2 } as const;

export class Framer<Context> {
  readonly #sink: FrameSink<Context>;
  readonly #context: Context;
  readonly #frameBytes: number;
  #state: (typeof State)[keyof typeof State] = State.open;
  #loggedIn: boolean;
  /** Received and not consumed: #held[#from .. #to). While open it is a proper beginning of one item, at 0. */
  #held: Uint8Array = EMPTY;
  #from = 0;
  #to = 0;

  /** `frameBytes`: longest data field. `loggedIn`: start behind the login, where one is not expected. */
  constructor(sink: FrameSink<Context>, context: Context, frameBytes: number, loggedIn = false) {
    this.#sink = sink;
    this.#context = context;
    this.#frameBytes = frameBytes;
    this.#loggedIn = loggedIn;
  }

  get paused(): boolean {
    return this.#state === State.paused;
  }
  get ended(): boolean {
    return this.#state === State.ended;
  }
  /** Bytes kept: an incomplete item, or while paused all that came since. The caller pauses the socket then. */
  get heldBytes(): number {
    return this.#to - this.#from;
  }

  /** Takes a received chunk and gives the sink all that is complete. While paused it only keeps the bytes. */
  push(chunk: Uint8Array): void {
    if (this.#state === State.ended) return;
    let at = 0;
    if (this.#state === State.open && this.#to > 0) at = this.#complete(chunk);
    if (this.#isOpen()) at = this.#scan(chunk, at, chunk.length);
    if (this.#isEnded()) this.end();
    else if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Goes on after a pause, with the item that was not taken or the one behind. */
  resume(): void {
    if (this.#state !== State.paused) return;
    this.#state = State.open;
    this.#from = this.#scan(this.#held, this.#from, this.#to);
    if (this.#isEnded()) this.end();
    else if (this.#from === this.#to) this.#drop();
    else if (this.#isOpen()) {
      // Only a beginning is left: do not pin the memory of what was consumed.
      this.#held = this.#held.slice(this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
  }

  /** The connection is over. Everything pushed from now on is ignored. */
  end(): void {
    this.#state = State.ended;
    this.#drop();
  }

  // The state changes inside the sink's calls; asked through methods so that the compiler does not assume otherwise.
  #isOpen(): boolean {
    return this.#state === State.open;
  }
  #isEnded(): boolean {
    return this.#state === State.ended;
  }

  #drop(): void {
    this.#held = EMPTY;
    this.#from = 0;
    this.#to = 0;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#to - this.#from;
    const needed = length + end - start;
    if (this.#from > 0 || needed > this.#held.length) {
      const old = this.#held;
      if (needed > old.length) {
        let capacity = Math.max(64, old.length);
        while (capacity < needed) capacity *= 2;
        this.#held = new Uint8Array(capacity);
        this.#held.set(old.subarray(this.#from, this.#to));
      } else old.copyWithin(0, this.#from, this.#to);
      this.#from = 0;
      this.#to = length;
    }
    this.#held.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.#to);
    this.#to += end - start;
  }

  /** Completes the item begun in #held with as little of `chunk` as it needs; returns how much that was. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    while (this.#to > 0 && at < chunk.length && this.#isOpen()) {
      let size = LOGIN_BYTES;
      if (this.#loggedIn) size = this.#to < HEADER ? HEADER : FRAME_OVERHEAD + u32(this.#held, 4);
      const end = Math.min(at + size - this.#to, chunk.length);
      this.#keep(chunk, at, end);
      at = end;
      if (this.#scan(this.#held, 0, this.#to) > 0) this.#drop();
    }
    return at;
  }

  /** Gives the sink the items in bytes[at .. end) until one is incomplete or the state changes; returns where that is. */
  #scan(bytes: Uint8Array, at: number, end: number): number {
    let p = at;
    while (p < end && this.#state === State.open) {
      const from = p;
      if (!this.#loggedIn) p += this.#login(bytes, p, end);
      else if (bytes[p] === PING) {
        while (p < end && bytes[p] === PING) p++;
        this.#sink.ping(this.#context, p - from);
      } else p += this.#frame(bytes, p, end);
      if (p === from) break;
    }
    return p;
  }

  /** Each byte is checked as soon as it is there: HTTP and TLS are told by their first byte. */
  #login(bytes: Uint8Array, at: number, end: number): number {
    const have = Math.min(end - at, LOGIN_BYTES);
    for (let i = 0; i < have; i++) {
      const byte = bytes[at + i]!;
      const right = i === 0 ? byte === 0 : i === 1 ? byte === IMEI_DIGITS : byte >= 0x30 && byte <= 0x39;
      if (!right) return this.#violate("bad_login", i, byte);
    }
    if (have < LOGIN_BYTES) return 0;
    const digits = asciiCodes(IMEI_DIGITS);
    for (let i = 0; i < IMEI_DIGITS; i++) digits[i] = bytes[at + 2 + i]!;
    const used = this.#after(this.#sink.login(this.#context, asciiText(digits)), LOGIN_BYTES);
    if (used > 0) this.#loggedIn = true;
    return used;
  }

  #frame(bytes: Uint8Array, at: number, end: number): number {
    const have = end - at;
    if (have < HEADER) return this.#beginning(bytes, at, have);
    if (u32(bytes, at) !== 0) return this.#beginning(bytes, at, HEADER);
    const length = u32(bytes, at + 4);
    if (length < MIN_DATA) return this.#violate("bad_length", 4, length);
    if (length > this.#frameBytes) return this.#violate("too_long", 4, length);
    if (have < FRAME_OVERHEAD + length) return 0;
    const start = at + HEADER;
    const tail = start + length;
    const valid = u16(bytes, tail) === 0 && u16(bytes, tail + 2) === crc16(bytes, start, tail);
    const next = valid ? this.#sink.frame(this.#context, bytes, start, length) : this.#sink.badCrc(this.#context, bytes, start, length);
    return this.#after(next, FRAME_OVERHEAD + length);
  }

  /** Looks for a fault in the first `have` ≤ 8 bytes of a frame. */
  #beginning(bytes: Uint8Array, at: number, have: number): number {
    for (let i = 0; i < have && i < 4; i++) if (bytes[at + i] !== 0) return this.#violate("bad_preamble", i, bytes[at + i]!);
    let least = 0;
    for (let i = 4; i < HEADER; i++) least = least * 256 + (i < have ? bytes[at + i]! : 0);
    return least > this.#frameBytes ? this.#violate("too_long", 4, least) : 0;
  }

  #after(next: Next, size: number): number {
    if (this.#state === State.ended || next === Next.stop) {
      this.#state = State.ended;
      return size;
    }
    if (next !== Next.go) this.#state = State.paused;
    return next === Next.again ? 0 : size;
  }

  #violate(fault: Violation, offset: number, value: number): number {
    this.#state = State.ended;
    this.#sink.violation(this.#context, fault, offset, value);
    return 0;
  }
}

/** One plain sentence for the log. `frameBytes`: the limit the framer was given. */
export function violationText(fault: Violation, offset: number, value: number, frameBytes: number): string {
  switch (fault) {
    case "bad_login":
      return `Cannot read login: byte ${value} at offset ${offset} is not part of 000F and 15 digits`;
    case "bad_preamble":
      return `Cannot parse frame: preamble byte ${value} at offset ${offset} is not 0`;
    case "bad_length":
      return `Cannot parse frame: length ${value} is below ${MIN_DATA}`;
    case "too_long":
      return `Cannot parse frame: length ${value} exceeds ${frameBytes}`;
  }
}
