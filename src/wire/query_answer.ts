/**
 * The blobs reader threads answer with: a kind byte, then the answer's parts in the order written here. The shapes are
 * those of store/port.ts, which this layer does not know; they fit by structure.
 */
import { asDeviceId, asDeviceNo, asFence, asSeq, type DeviceId, type DeviceNo, type Fence, type Seq } from "../base/brand.ts";
import { assertNever } from "../base/assert.ts";
import { type Transport, TRANSPORTS } from "./control.ts";
import { BlobReader, BlobWriter } from "./query_blob.ts";

export interface AnswerRow {
  readonly seq: Seq;
  readonly body: Uint8Array;
}

export interface AnswerRecord {
  readonly seq: Seq;
  readonly fence: Fence;
  readonly receivedAt: number;
  readonly quarantined: boolean;
  readonly unfenced: boolean;
  readonly redecoded: boolean;
  readonly codec: number;
  readonly bytes: Uint8Array;
}

export interface AnswerDevice {
  readonly no: DeviceNo;
  readonly id: DeviceId;
  connected: boolean;
  fence: Fence;
  transport: Transport;
  address: string;
  port: number;
  clientInstance: string;
  since: number;
  lastSeenAt: number;
  lastByteAt: number;
  records: number;
  position: { readonly seq: Seq; readonly time: number; readonly codec: number; readonly bytes: Uint8Array } | null;
}

export interface AnswerConflict {
  readonly seq: number;
  /** As the journal wrote it. */
  readonly json: string;
  readonly acknowledgedAt: number | null;
}

/** A frame's bytes; `json`: all else of its row. */
export interface AnswerRaw {
  readonly json: string;
  readonly bytes: Uint8Array;
}

export type Answer =
  | { readonly kind: "rows"; readonly rows: readonly AnswerRow[]; readonly next: Seq }
  | { readonly kind: "behind"; readonly oldest: Seq }
  | { readonly kind: "page"; readonly records: readonly AnswerRecord[]; readonly next: string | null }
  | { readonly kind: "unknown_device" }
  | { readonly kind: "bad_after" }
  | { readonly kind: "too_many"; readonly matches: number }
  /** Devices as of `seq`; `next`: the number to ask above for more, or null at the end. */
  | { readonly kind: "devices"; readonly devices: readonly AnswerDevice[]; readonly seq: Seq; readonly next: DeviceNo | null }
  /** JSON of each takeover, newest first. */
  | { readonly kind: "history"; readonly takeovers: readonly string[] }
  /** Newest first. */
  | { readonly kind: "conflicts"; readonly conflicts: readonly AnswerConflict[] }
  /** JSON of the command's row; null: there is none. */
  | { readonly kind: "command"; readonly json: string | null }
  /** JSON of each command's row, newest first. */
  | { readonly kind: "commands"; readonly rows: readonly string[] }
  /** JSON of the newest configuration's row; null: there is none. */
  | { readonly kind: "config"; readonly json: string | null }
  /** Frames of a device, newest first. */
  | { readonly kind: "frames"; readonly frames: readonly AnswerRaw[]; readonly more: boolean }
  /** Frames kept raw, and those of wrong CRC, newest first. `more`: there are older ones. */
  | { readonly kind: "quarantine"; readonly frames: readonly AnswerRaw[]; readonly more: boolean; readonly bad: readonly AnswerRaw[] }
  /** The reader did not reach what was committed in time, or the store cannot be read now. */
  | { readonly kind: "busy"; readonly reason: string };

const KINDS: readonly Answer["kind"][] = [
  "rows",
  "behind",
  "page",
  "unknown_device",
  "bad_after",
  "too_many",
  "devices",
  "busy",
  "history",
  "conflicts",
  "command",
  "config",
  "quarantine",
  "frames",
  "commands",
];

/** The answer as a blob. `out` is empty before and after. */
export function encodeAnswer(answer: Answer, out: BlobWriter): Uint8Array<ArrayBuffer> {
  out.u8(KINDS.indexOf(answer.kind));
  switch (answer.kind) {
    case "rows":
      out.f64(answer.next).u32(answer.rows.length);
      for (const row of answer.rows) out.f64(row.seq).bytes(row.body);
      break;
    case "behind":
      out.f64(answer.oldest);
      break;
    case "page":
      out.u8(answer.next === null ? 0 : 1).text(answer.next ?? "").u32(answer.records.length);
      for (const r of answer.records) out.f64(r.seq).f64(r.fence).f64(r.receivedAt).u8(marksOf(r)).u8(r.codec).bytes(r.bytes);
      break;
    case "unknown_device":
    case "bad_after":
      break;
    case "too_many":
      out.f64(answer.matches);
      break;
    case "devices":
      out.f64(answer.seq).u32(answer.next ?? 0).u32(answer.devices.length);
      for (const device of answer.devices) writeDevice(out, device);
      break;
    case "busy":
      out.text(answer.reason);
      break;
    case "history":
      out.u32(answer.takeovers.length);
      for (const json of answer.takeovers) out.text(json);
      break;
    case "conflicts":
      out.u32(answer.conflicts.length);
      for (const { seq, json, acknowledgedAt } of answer.conflicts) out.f64(seq).text(json).f64(acknowledgedAt ?? Number.NaN);
      break;
    case "commands":
      out.u32(answer.rows.length);
      for (const json of answer.rows) out.text(json);
      break;
    case "command":
    case "config":
      out.text(answer.json ?? "");
      break;
    case "frames":
    case "quarantine":
      out.u8(answer.more ? 1 : 0);
      for (const frames of answer.kind === "frames" ? [answer.frames] : [answer.frames, answer.bad]) {
        out.u32(frames.length);
        for (const { json, bytes } of frames) out.text(json).bytes(bytes);
      }
      break;
    default:
      assertNever(answer, "answer");
  }
  return out.take();
}

export function decodeAnswer(blob: Uint8Array<ArrayBuffer>): Answer {
  const from = new BlobReader(blob);
  const kind = KINDS[from.u8()]!;
  switch (kind) {
    case "rows": {
      const next = asSeq(from.f64());
      return { kind, next, rows: many(from, () => ({ seq: asSeq(from.f64()), body: from.bytes() })) };
    }
    case "behind":
      return { kind, oldest: asSeq(from.f64()) };
    case "page": {
      const more = from.u8() === 1;
      const text = from.text();
      return { kind, next: more ? text : null, records: many(from, () => readRecord(from)) };
    }
    case "unknown_device":
    case "bad_after":
      return { kind };
    case "too_many":
      return { kind, matches: from.f64() };
    case "devices": {
      const seq = asSeq(from.f64());
      const next = from.u32();
      return { kind, seq, next: next === 0 ? null : asDeviceNo(next), devices: many(from, () => readDevice(from)) };
    }
    case "busy":
      return { kind, reason: from.text() };
    case "history":
      return { kind, takeovers: many(from, () => from.text()) };
    case "conflicts":
      return { kind, conflicts: many(from, () => readConflict(from)) };
    case "commands":
      return { kind, rows: many(from, () => from.text()) };
    case "command":
    case "config": {
      const json = from.text();
      return { kind, json: json === "" ? null : json };
    }
    case "frames":
    case "quarantine": {
      const more = from.u8() === 1;
      const frames = many(from, () => readRaw(from));
      return kind === "frames" ? { kind, frames, more } : { kind, frames, more, bad: many(from, () => readRaw(from)) };
    }
    default:
      return assertNever(kind, "answer kind");
  }
}

function many<T>(from: BlobReader, read: () => T): T[] {
  const items: T[] = [];
  for (let left = from.u32(); left > 0; left--) items.push(read());
  return items;
}

function readConflict(from: BlobReader): AnswerConflict {
  const [seq, json, acknowledgedAt] = [from.f64(), from.text(), from.f64()];
  return { seq, json, acknowledgedAt: Number.isNaN(acknowledgedAt) ? null : acknowledgedAt };
}

const readRaw = (from: BlobReader): AnswerRaw => ({ json: from.text(), bytes: from.bytes() });

const marksOf = (r: AnswerRecord): number => (r.quarantined ? 1 : 0) | (r.redecoded ? 2 : 0) | (r.unfenced ? 4 : 0);

function readRecord(from: BlobReader): AnswerRecord {
  const [seq, fence, receivedAt, marks] = [asSeq(from.f64()), asFence(from.f64()), from.f64(), from.u8()];
  const told = { quarantined: (marks & 1) !== 0, redecoded: (marks & 2) !== 0, unfenced: (marks & 4) !== 0 };
  return { seq, fence, receivedAt, ...told, codec: from.u8(), bytes: from.bytes() };
}

function writeDevice(out: BlobWriter, d: AnswerDevice): void {
  out.u32(d.no).text(d.id).u8(d.connected ? 1 : 0).f64(d.fence).u8(TRANSPORTS.indexOf(d.transport));
  out.text(d.address).u32(d.port).text(d.clientInstance).f64(d.since).f64(d.lastSeenAt).f64(d.lastByteAt).f64(d.records);
  const p = d.position;
  if (p === null) out.u8(0);
  else out.u8(1).f64(p.seq).f64(p.time).u8(p.codec).bytes(p.bytes);
}

/** Position bytes are copied: a device state lives long, its answer's blob need not. */
function readDevice(from: BlobReader): AnswerDevice {
  return {
    no: asDeviceNo(from.u32()),
    id: asDeviceId(from.text()),
    connected: from.u8() === 1,
    fence: asFence(from.f64()),
    transport: TRANSPORTS[from.u8()] ?? "tcp",
    address: from.text(),
    port: from.u32(),
    clientInstance: from.text(),
    since: from.f64(),
    lastSeenAt: from.f64(),
    lastByteAt: from.f64(),
    records: from.f64(),
    position: from.u8() === 0 ? null : { seq: asSeq(from.f64()), time: from.f64(), codec: from.u8(), bytes: from.bytes().slice() },
  };
}
