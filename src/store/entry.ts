/**
 * The entries inside the body of a log row, in order: frames of records and events. Pure. Written by the journal, read
 * by readers, http threads and recovery. Little-endian, unaligned, every entry starts with its own length.
 *
 *   frame   0 length u32 · 4 kind u8 = 1 · 5 flags u8 · 6 n u8 (records in the data) · 7 best u8 (255: none)
 *           8 device u32 · 12 newCount u32 · 16 fence f64 · 24 receivedAt f64 · 32 minTime f64 · 40 maxTime f64
 *           48 mask u8 × ceil(n / 8), only with flag partial: bit i set = record i is new · data (codec id .. second count)
 *   event   0 length u32 · 4 kind u8 = 2 · 5 event u8 · 6 u16 0
 *           8 device u32 · 12 u32 0 · 16 fence f64 · 24 at f64 · 32 JSON (UTF-8), an object
 *
 * Seq: a row's first entry has the row's seq; a frame takes newCount, an event takes 1. Record i's seq is the frame's
 * plus the number of new records before it. minTime and maxTime cover the new records; best names a new record or none.
 */
import { broken } from "../base/assert.ts";
import { asDeviceNo, asFence, type DeviceNo, type Fence } from "../base/brand.ts";

export const ENTRY_FRAME = 1;
export const ENTRY_EVENT = 2;
export const FRAME_ENTRY_HEADER = 48;
const EVENT_ENTRY_HEADER = 32;
export const NO_BEST = 255;

/** Some records of the frame were stored before: a mask follows the header. */
export const FLAG_PARTIAL = 1;
/** Stored beside a live owner (UDP) or decoded again later: skips the floor, never moves position, owner or state. */
export const FLAG_UNFENCED = 2;

/** Sent while two live devices fought for the identity: kept and told as such, never moves position. */
export const FLAG_QUARANTINED = 4;

/** Came out of a frame kept raw, long after it arrived. Always with FLAG_UNFENCED. */
export const FLAG_REDECODED = 8;

/** Kinds of journal events; the index is the stored number. Append only. */
export const EVENT_KINDS = [
  "",
  "connected",
  "replaced",
  "disconnected",
  "refused",
  "quarantined",
  "conflict",
  "command",
  "config",
  "message",
] as const;
export type EventKind = Exclude<(typeof EVENT_KINDS)[number], "">;
const MESSAGE = EVENT_KINDS.indexOf("message");
const CHANNEL_AT = '{"channel":"'.length;
const QUOTE = 0x22;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A cursor over entries: set it on one with `load`, then read fields. One object serves a whole scan: no garbage. */
export class EntryView {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  #view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));

  /** Points at the body `bytes` (kept, not copied), on its entry at `at`. */
  over(bytes: Uint8Array, at = 0): this {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = at;
    return this;
  }

  /** Stands on the entry at `at`. False at the end of the body. @throws AssertionError on a length that leaves the body. */
  load(at: number): boolean {
    this.at = at;
    if (at >= this.bytes.length) return false;
    const { length } = this;
    if (length < EVENT_ENTRY_HEADER || at + length > this.bytes.length) broken(`log entry at ${at} leaves its row`);
    return true;
  }

  /** Total bytes of the entry; `at + length` is the next one. */
  get length(): number {
    return this.#view.getUint32(this.at, true);
  }
  /** Where the next entry begins. */
  get end(): number {
    return this.at + this.length;
  }
  get isFrame(): boolean {
    return this.bytes[this.at + 4] === ENTRY_FRAME;
  }
  get deviceNo(): DeviceNo {
    return asDeviceNo(this.#view.getUint32(this.at + 8, true));
  }
  get fence(): Fence {
    return asFence(this.#view.getFloat64(this.at + 16, true));
  }
  /** When the frame was read from the socket, or the event happened (wall ms). */
  get time(): number {
    return this.#view.getFloat64(this.at + 24, true);
  }
  /** How many seqs the entry takes. */
  get seqs(): number {
    return this.isFrame ? this.#view.getUint32(this.at + 12, true) : 1;
  }

  // Frames only.
  get flags(): number {
    return this.bytes[this.at + 5]!;
  }
  get isQuarantined(): boolean {
    return (this.flags & FLAG_QUARANTINED) !== 0;
  }
  get isUnfenced(): boolean {
    return (this.flags & FLAG_UNFENCED) !== 0;
  }
  get isRedecoded(): boolean {
    return (this.flags & FLAG_REDECODED) !== 0;
  }
  get n(): number {
    return this.bytes[this.at + 6]!;
  }
  get best(): number {
    return this.bytes[this.at + 7]!;
  }
  get minTime(): number {
    return this.#view.getFloat64(this.at + 32, true);
  }
  get maxTime(): number {
    return this.#view.getFloat64(this.at + 40, true);
  }
  isNew(record: number): boolean {
    return (this.flags & FLAG_PARTIAL) === 0 || (this.bytes[this.at + FRAME_ENTRY_HEADER + (record >>> 3)]! & (1 << (record & 7))) !== 0;
  }
  /** Where the raw data field (codec id .. second count) begins in `bytes`; it ends with the entry. */
  get dataAt(): number {
    return this.at + FRAME_ENTRY_HEADER + ((this.flags & FLAG_PARTIAL) === 0 ? 0 : (this.n + 7) >>> 3);
  }
  /** The raw data field, a view into the body. */
  get data(): Uint8Array {
    return this.bytes.subarray(this.dataAt, this.at + this.length);
  }

  // Events only.
  get event(): EventKind {
    return EVENT_KINDS[this.bytes[this.at + 5]!] as EventKind;
  }
  /** Of a `message`: the channel it was published on, which its JSON begins with. Of any other event "". */
  get channel(): string {
    if (this.bytes[this.at + 5] !== MESSAGE) return "";
    const from = this.at + EVENT_ENTRY_HEADER + CHANNEL_AT;
    return decoder.decode(this.bytes.slice(from, this.bytes.indexOf(QUOTE, from)));
  }
  /** The event's JSON text, without device and fence. */
  get json(): string {
    return decoder.decode(this.bytes.slice(this.at + EVENT_ENTRY_HEADER, this.at + this.length));
  }
}

export interface FrameEntry {
  device: DeviceNo;
  fence: Fence;
  receivedAt: number;
  n: number;
  newCount: number;
  best: number;
  minTime: number;
  maxTime: number;
  unfenced: boolean;
  quarantined: boolean;
  redecoded: boolean;
}

/** Bytes a frame entry takes. `partial`: newCount < n. */
export const frameEntryBytes = (n: number, partial: boolean, dataLength: number): number =>
  FRAME_ENTRY_HEADER + (partial ? (n + 7) >>> 3 : 0) + dataLength;

/**
 * Writes a frame entry's header (and mask) at `at`; the caller copies `dataLength` bytes of data to the returned offset.
 * `mask` is read only when some records are not new: bit i of byte i >>> 3.
 */
export function writeFrameEntry(
  view: DataView<ArrayBufferLike>,
  at: number,
  e: Readonly<FrameEntry>,
  dataLength: number,
  mask: Uint8Array,
): number {
  const partial = e.newCount < e.n;
  const length = frameEntryBytes(e.n, partial, dataLength);
  view.setUint32(at, length, true);
  view.setUint8(at + 4, ENTRY_FRAME);
  view.setUint8(
    at + 5,
    (partial ? FLAG_PARTIAL : 0) | (e.unfenced ? FLAG_UNFENCED : 0) | (e.quarantined ? FLAG_QUARANTINED : 0) |
      (e.redecoded ? FLAG_REDECODED : 0),
  );
  view.setUint8(at + 6, e.n);
  view.setUint8(at + 7, e.best);
  view.setUint32(at + 8, e.device, true);
  view.setUint32(at + 12, e.newCount, true);
  view.setFloat64(at + 16, e.fence, true);
  view.setFloat64(at + 24, e.receivedAt, true);
  view.setFloat64(at + 32, e.minTime, true);
  view.setFloat64(at + 40, e.maxTime, true);
  let data = at + FRAME_ENTRY_HEADER;
  if (partial) { for (let i = 0; i < (e.n + 7) >>> 3; i++) view.setUint8(data++, mask[i]!); }
  return data;
}

/** One event entry, complete. `payload` must not hold `device` or `fence`: they stand in the header. */
export function eventEntry(
  event: EventKind,
  device: DeviceNo,
  fence: Fence,
  at: number,
  payload: Readonly<Record<string, unknown>>,
): Uint8Array {
  return jsonEventEntry(event, device, fence, at, encoder.encode(JSON.stringify(payload)));
}

/** JSON of a message's event. `channel` holds nothing that JSON escapes, `data` is JSON. */
export const messageJson = (channel: string, at: number, data: string): string => `{"channel":"${channel}","at":${at},"data":${data}}`;

/** The same with the payload's JSON made by somebody else. It is copied. */
export function jsonEventEntry(event: EventKind, device: DeviceNo, fence: Fence, at: number, json: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(EVENT_ENTRY_HEADER + json.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint8(4, ENTRY_EVENT);
  view.setUint8(5, EVENT_KINDS.indexOf(event));
  view.setUint32(8, device, true);
  view.setFloat64(16, fence, true);
  view.setFloat64(24, at, true);
  bytes.set(json, EVENT_ENTRY_HEADER);
  return bytes;
}
