/**
 * A log row as the broker sees it: its events walked in order, each encoded only when a subscription matches, and kept
 * encoded while the row is in the window. Owned by an http thread.
 */
import { asSeq, type DeviceNo, type Seq } from "../../base/brand.ts";
import type { Limits } from "../../base/limits.ts";
import { type Batch, type EventRef, type Form, FORMS } from "../../broker/batch.ts";
import { deviceChannel } from "../../broker/channel.ts";
import { formatCursor } from "../../broker/cursor.ts";
import type { Page } from "../../broker/port.ts";
import { sseEvent } from "../../broker/sse_text.ts";
import { socketEvent } from "../../broker/ws_text.ts";
import { decodeRecord } from "../../codec/record.ts";
import { isInvalid, recordEnd } from "../../codec/teltonika/avl.ts";
import { EntryView } from "../../store/entry.ts";
import type { EntriesAnswer, Row } from "../../store/port.ts";
import { recordStart } from "../../store/record_walk.ts";

/** Turns rows into batches; one per http thread. */
export class BatchMaker {
  readonly #epoch: string;
  readonly #nameOf: (no: DeviceNo) => string;
  readonly #futureMs: number;
  readonly #view = new EntryView();

  /** `futureMs`: how far ahead of its arrival a record may be dated. */
  constructor(epoch: string, nameOf: (no: DeviceNo) => string, { futureMs }: Pick<Limits, "futureMs">) {
    this.#epoch = epoch;
    this.#nameOf = nameOf;
    this.#futureMs = futureMs;
  }

  /** `keep`: encoded events are kept with the batch, for rows that go into the window. */
  batch(row: Row, keep: boolean): Batch {
    let next: number = row.seq;
    const view = this.#view.over(row.body);
    for (let at = 0; view.load(at); at += view.length) next += view.seqs;
    return new RowBatch(row, asSeq(next), this.#epoch, this.#nameOf, this.#futureMs, keep ? new Map() : null);
  }
}

/**
 * A reader's answer as a page for the broker, up to `reached`: what the follower has not folded yet may be of devices
 * that have no name here, and would be taken for nobody's. It comes from the window in a moment.
 */
export function pageOf(answer: EntriesAnswer, reached: Seq, maker: BatchMaker): Page {
  if (answer.kind === "behind") return answer;
  const rows = answer.rows.filter((row) => row.seq <= reached);
  return { kind: "rows", next: asSeq(Math.min(answer.next, reached + 1)), batches: rows.map((row) => maker.batch(row, false)) };
}

class RowBatch implements Batch {
  readonly first: Seq;
  readonly next: Seq;
  readonly #row: Row;
  readonly #epoch: string;
  readonly #nameOf: (no: DeviceNo) => string;
  readonly #futureMs: number;
  readonly #kept: Map<number, Uint8Array> | null;

  constructor(
    row: Row,
    next: Seq,
    epoch: string,
    nameOf: (no: DeviceNo) => string,
    futureMs: number,
    kept: Map<number, Uint8Array> | null,
  ) {
    this.first = row.seq;
    this.next = next;
    this.#row = row;
    this.#epoch = epoch;
    this.#nameOf = nameOf;
    this.#futureMs = futureMs;
    this.#kept = kept;
  }

  get bytes(): number {
    return this.#row.body.length;
  }

  each(from: number, visit: (event: EventRef) => boolean): void {
    const walk = new Walk(this.#row.body, this.#epoch, this.#futureMs, this.#kept);
    const view = walk.view;
    let seq: number = this.first;
    for (let at = 0; view.load(at); at += view.length) {
      const seqs = view.seqs;
      if (seq + seqs > from) {
        walk.device = this.#nameOf(view.deviceNo);
        if (!walk.entry(seq, from, visit)) return;
      }
      seq += seqs;
    }
  }
}

/** The one event object of a walk. */
class Walk implements EventRef {
  readonly view = new EntryView();
  readonly #epoch: string;
  readonly #futureMs: number;
  readonly #kept: Map<number, Uint8Array> | null;
  seq = 0;
  device = "";
  kind = "";
  channel = "";
  #recordAt = 0;
  /** By form; of the event it stands on. */
  readonly #encoded: (Uint8Array | null)[] = FORMS.map(() => null);

  constructor(body: Uint8Array, epoch: string, futureMs: number, kept: Map<number, Uint8Array> | null) {
    this.view.over(body);
    this.#epoch = epoch;
    this.#futureMs = futureMs;
    this.#kept = kept;
  }

  /** Visits the events of the entry the view stands on whose seq is ≥ from. False when the visitor had enough. */
  entry(first: number, from: number, visit: (event: EventRef) => boolean): boolean {
    const view = this.view;
    this.seq = first;
    this.#encoded.fill(null);
    this.channel = "";
    if (!view.isFrame) {
      this.kind = view.event;
      this.channel = view.channel;
      return visit(this);
    }
    this.kind = "record";
    const dataAt = view.dataAt;
    const codec = view.bytes[dataAt]!;
    let at = recordStart(view.bytes, dataAt, 0);
    for (let i = 0; i < view.n; i++) {
      const end = recordEnd(codec, view.bytes, at, view.bytes.length);
      if (view.isNew(i)) {
        if (this.seq >= from) {
          this.#recordAt = at;
          this.#encoded.fill(null);
          if (!visit(this)) return false;
        }
        this.seq++;
      }
      at = end;
    }
    return true;
  }

  encoded(form: Form): Uint8Array {
    const at = FORMS.indexOf(form);
    const key = this.seq * FORMS.length + at;
    const encoded = this.#encoded[at] ?? this.#kept?.get(key) ?? this.#made(form);
    this.#kept?.set(key, encoded);
    return this.#encoded[at] = encoded;
  }

  #made(form: Form): Uint8Array {
    const id = formatCursor(this.#epoch, this.seq);
    if (form === "sse") return sseEvent(id, this.kind, this.#json());
    const own = this.channel === "" ? deviceChannel(this.device) : this.channel;
    return socketEvent(form === "ws_own" ? own : "devices", id, this.kind, this.#json(), this.view.time);
  }

  #json(): string {
    const { view, seq, device } = this;
    const fence = view.fence;
    if (view.isFrame) {
      const codec = view.bytes[view.dataAt]!;
      const record = decodeRecord(codec, view.bytes, this.#recordAt);
      const marks = {
        ...(isInvalid(codec, view.bytes, this.#recordAt, view.time + this.#futureMs) ? { invalid: true } : {}),
        ...(view.isQuarantined ? { quarantined: true } : {}),
        ...(view.isUnfenced ? { unfenced: true } : {}),
        ...(view.isRedecoded ? { redecoded: true } : {}),
      };
      return JSON.stringify({ ...record, seq, device, fence, receivedAt: view.time, ...marks });
    }
    const own = view.json;
    const rest = own === "{}" ? "}" : `,${own.slice(1)}`;
    return device === "" ? own : `{"device":${JSON.stringify(device)},"fence":${fence}${rest}`;
  }
}
