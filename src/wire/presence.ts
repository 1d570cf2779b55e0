/**
 * When each connection was last heard and how many of its frames wait for a verdict, in memory shared with the registry: the
 * evidence it puts into a takeover and into its answer about one device, without asking anybody.
 *
 *   place of (ring, slot)  | last byte, wall ms f64 | last ack, wall ms f64 | connection | frames in flight | rtt, µs | retransmissions |
 *
 * The last acknowledgement of the peer's kernel, rtt and retransmissions are samples (engine/codec/sampler.ts); 0: none yet.
 *
 * A codec worker writes the places of its own ring: at most one store a field per read and per wake. The registry reads. A
 * place is believed only while it names the connection that is asked about, as slots are used again.
 */
import { type ConnId, connSlot } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";

const PLACE_BYTES = 32;
const FLOATS = PLACE_BYTES / 8;
const WORDS = PLACE_BYTES / 4;
/** Of the floats. */
const LAST_ACK = 1;
/** Of the words. */
const CONN = 4;
const IN_FLIGHT = 5;
const RTT_US = 6;
const RETRANSMITS = 7;
/** The place is being taken, or was never used. */
const NEVER = 0;

/** A connection's id has 16 bits for its slot. */
const MAX_SLOTS = 1 << 16;

/** The bound of one worker's connection table. */
export const connectionSlots = ({ connections, loginSockets }: Pick<Limits, "connections" | "loginSockets">): number =>
  Math.min(MAX_SLOTS, connections + loginSockets);

/** `rings` × `slots` places. Memory that no connection ever used is not touched. */
export const createPresence = (rings: number, slots: number): SharedArrayBuffer => new SharedArrayBuffer(rings * slots * PLACE_BYTES);

/** One ring's places, written by its worker alone. */
export class PresenceWriter {
  readonly #floats: Float64Array<SharedArrayBuffer>;
  readonly #words: Uint32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer, ring: number, slots: number) {
    this.#floats = new Float64Array(memory, ring * slots * PLACE_BYTES, slots * FLOATS);
    this.#words = new Uint32Array(memory, ring * slots * PLACE_BYTES, slots * WORDS);
  }

  /** A new connection has the slot. */
  open(conn: ConnId, at: number): void {
    const slot = connSlot(conn);
    this.#floats[slot * FLOATS] = NEVER;
    this.#words[slot * WORDS + IN_FLIGHT] = 0;
    this.sample(slot, 0, 0, 0);
    Atomics.store(this.#words, slot * WORDS + CONN, conn);
    this.#floats[slot * FLOATS] = at;
  }
  heard(slot: number, at: number): void {
    this.#floats[slot * FLOATS] = at;
  }
  inFlight(slot: number, frames: number): void {
    this.#words[slot * WORDS + IN_FLIGHT] = frames;
  }
  sample(slot: number, lastAckAt: number, rttUs: number, retransmits: number): void {
    this.#floats[slot * FLOATS + LAST_ACK] = lastAckAt;
    this.#words[slot * WORDS + RTT_US] = rttUs;
    this.#words[slot * WORDS + RETRANSMITS] = retransmits;
  }
}

/** All rings' places, for reading. */
export class Presence {
  readonly #floats: Float64Array<SharedArrayBuffer>;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #slots: number;
  /** Of the connection found last; all 0 when it was not found. */
  lastByteAt = 0;
  inFlight = 0;
  lastAckAt = 0;
  rttUs = 0;
  retransmits = 0;

  constructor(memory: SharedArrayBuffer, slots: number) {
    this.#floats = new Float64Array(memory);
    this.#words = new Uint32Array(memory);
    this.#slots = slots;
  }

  /** Fills the fields for this connection. False when it is gone or its ring has no places. */
  find(ring: number, conn: number): boolean {
    this.#clear();
    const place = ring * this.#slots + connSlot(conn as ConnId);
    const at = place * WORDS + CONN;
    if (at >= this.#words.length || Atomics.load(this.#words, at) !== conn) return false;
    this.lastByteAt = this.#floats[place * FLOATS]!;
    this.inFlight = this.#words[place * WORDS + IN_FLIGHT]!;
    this.lastAckAt = this.#floats[place * FLOATS + LAST_ACK]!;
    this.rttUs = this.#words[place * WORDS + RTT_US]!;
    this.retransmits = this.#words[place * WORDS + RETRANSMITS]!;
    // The slot may have gone to another one meanwhile.
    const found = this.lastByteAt !== NEVER && Atomics.load(this.#words, at) === conn;
    if (!found) this.#clear();
    return found;
  }

  #clear(): void {
    this.lastByteAt = 0;
    this.inFlight = 0;
    this.lastAckAt = 0;
    this.rttUs = 0;
    this.retransmits = 0;
  }
}
