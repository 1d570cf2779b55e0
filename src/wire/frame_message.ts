/**
 * One complete frame on its way from a codec worker to the journal, in a ring (kind = FrameKind): what the journal needs of it when
 * nothing is in doubt, then the raw data field untouched. What it needs of single records it reads from there, which is rare.
 *
 *   0   conn u32        4  n u8   5  codec u8   6  best u8   7  fault u8
 *   8   receivedAt f64  (wall ms)
 *   16  minTime f64     24 maxTime f64          (record times, ms, clamped to 2^53 - 1)
 *   32  dataLength u32  36 flags u32            (1: record times strictly rise or strictly fall)
 *   40  data u8 × dataLength                    (codec id .. second count: what the CRC covers)
 *
 * `best` is the record that would be the device's last position if all were new (255: none has a fix): the greatest
 * time ≤ receivedAt + futureMs among records with satellites ≠ 0, |lat| ≤ 90°, |lon| ≤ 180°; ties: the later record.
 * For kinds other than `frame`, n is the declared count, and data is as received.
 */
export const FrameKind = {
  /** A decoded AVL frame (codec 8, 8E, 16). Verdict kept: n is acknowledged. */
  frame: 1,
  /** Valid CRC, not decodable. Kept raw. Verdict quarantined: the connection is closed unanswered. */
  undecodable: 2,
  /** Codec 12-15 with a valid CRC. Kept raw as an unsolicited `command` event. Never answered. */
  command: 3,
  /** Wrong CRC. The last ten are kept to look at. No verdict is waited for. */
  badCrc: 4,
  /** What an application publishes, from an http thread: data is the event's JSON. Verdict kept: it is on the disk. */
  message: 5,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const FRAME_HEADER = 40;
export const NO_BEST = 255;
/** Of the flags: no two records of the frame can be equal. */
export const FLAG_ORDERED = 1;
/** Above this a view of the data and one call cost less than copying it byte by byte. */
const LONG = 64;

export const frameMessageBytes = (dataLength: number): number => FRAME_HEADER + dataLength;
export const dataAt = (message: number): number => message + FRAME_HEADER;

export interface FrameHeader {
  conn: number;
  n: number;
  codec: number;
  best: number;
  fault: number;
  receivedAt: number;
  minTime: number;
  maxTime: number;
  dataLength: number;
  flags: number;
}

/** The parts of a ring's memory that a message is written into. */
interface RingMemory {
  readonly view: DataView<ArrayBufferLike>;
  readonly bytes: Uint8Array;
}

/** Writes the header at `at`. The data is written by the caller, behind it. */
export function writeFrameHeader(view: DataView<ArrayBufferLike>, at: number, h: Readonly<FrameHeader>): void {
  view.setUint32(at, h.conn, true);
  view.setUint8(at + 4, h.n);
  view.setUint8(at + 5, h.codec);
  view.setUint8(at + 6, h.best);
  view.setUint8(at + 7, h.fault);
  view.setFloat64(at + 8, h.receivedAt, true);
  view.setFloat64(at + 16, h.minTime, true);
  view.setFloat64(at + 24, h.maxTime, true);
  view.setUint32(at + 32, h.dataLength, true);
  view.setUint32(at + 36, h.flags, true);
}

/** What a frame says of its records; the columns it was read into have it. */
interface FrameRecords {
  readonly n: number;
  readonly codec: number;
  readonly best: number;
  readonly minTime: number;
  readonly maxTime: number;
  readonly ordered: boolean;
}

/** Writes the message of kind `frame`, data[start .. start + length), at `at`; `h` is used again. */
export function writeFrame(
  ring: RingMemory,
  at: number,
  h: FrameHeader,
  conn: number,
  receivedAt: number,
  records: FrameRecords,
  data: Uint8Array,
  start: number,
  length: number,
): void {
  h.conn = conn;
  h.n = records.n;
  h.codec = records.codec;
  h.best = records.best;
  h.fault = 0;
  h.receivedAt = receivedAt;
  h.minTime = records.minTime;
  h.maxTime = records.maxTime;
  h.dataLength = length;
  h.flags = records.ordered ? FLAG_ORDERED : 0;
  writeFrameHeader(ring.view, at, h);
  copy(data, start, length, ring.bytes, dataAt(at));
}

/** Writes the message of a frame that goes as it came, data[start .. start + length), at `at`; `h` is used again. */
export function writeRawFrame(
  ring: RingMemory,
  at: number,
  h: FrameHeader,
  from: { readonly conn: number; readonly fault: number; readonly receivedAt: number },
  data: Uint8Array,
  start: number,
  length: number,
): void {
  h.conn = from.conn;
  h.n = data[start + 1]!;
  h.codec = data[start]!;
  h.best = NO_BEST;
  h.fault = from.fault;
  h.receivedAt = from.receivedAt;
  h.minTime = 0;
  h.maxTime = 0;
  h.dataLength = length;
  h.flags = 0;
  writeFrameHeader(ring.view, at, h);
  copy(data, start, length, ring.bytes, dataAt(at));
}

/** A short frame is copied without making a view of it. */
function copy(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length > LONG) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

/** Reads the header at `at` into `h`, which the caller reuses: no garbage per frame. */
export function readFrameHeader(view: DataView<ArrayBufferLike>, at: number, h: FrameHeader): void {
  h.conn = view.getUint32(at, true);
  h.n = view.getUint8(at + 4);
  h.codec = view.getUint8(at + 5);
  h.best = view.getUint8(at + 6);
  h.fault = view.getUint8(at + 7);
  h.receivedAt = view.getFloat64(at + 8, true);
  h.minTime = view.getFloat64(at + 16, true);
  h.maxTime = view.getFloat64(at + 24, true);
  h.dataLength = view.getUint32(at + 32, true);
  h.flags = view.getUint32(at + 36, true);
}

export const emptyFrameHeader = (): FrameHeader => ({
  conn: 0,
  n: 0,
  codec: 0,
  best: NO_BEST,
  fault: 0,
  receivedAt: 0,
  minTime: 0,
  maxTime: 0,
  dataLength: 0,
  flags: 0,
});

/** Why a frame of kind `undecodable` or `badCrc` is one; also the `reason` of a quarantine row and the metric label. */
export const FRAME_FAULTS = ["none", "crc_mismatch", "unknown_codec", "count_mismatch", "truncated_inside", "trailing_bytes"] as const;
export type FrameFault = (typeof FRAME_FAULTS)[number];

/** Verdicts of the journal on frames. All others than `kept` travel as ranges on the exception ring. */
export const Verdict = {
  /** Stored now or a duplicate of what is stored: acknowledge. */
  kept: 0,
  /** The commit failed: close without an answer. */
  failed: 1,
  /** A higher fence owns the device: close without an answer. */
  refused: 2,
  /** Kept raw, not acknowledged: close without an answer. */
  quarantined: 3,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** A message of an exception ring: frames whose end position is in (from, to] of that worker's frame ring. 12 bytes. */
export const EXCEPTION_BYTES = 12;
