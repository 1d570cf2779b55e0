/** A StoreReader over an array of rows: what the out side is tested against, and what a store must agree with. */
import { asDeviceNo, asFence, asSeq, type DeviceId, type DeviceNo, type Fence, type Seq } from "../../src/base/brand.ts";
import { recordEnd } from "../../src/codec/teltonika/avl.ts";
import { DeviceFold } from "../../src/store/device_fold.ts";
import { EntryView, eventEntry, type EventKind, frameEntryBytes, writeFrameEntry } from "../../src/store/entry.ts";
import type {
  DeviceState,
  EntriesAnswer,
  FramesPage,
  QuarantinePage,
  QuarantineQuery,
  RecordsAnswer,
  RecordsQuery,
  Row,
  StoredBadFrame,
  StoredCommand,
  StoredConfig,
  StoredConflict,
  StoredQuarantined,
  StoredRecord,
  StoreReader,
} from "../../src/store/port.ts";
import { recordStart } from "../../src/store/record_walk.ts";
import { avlData, avlRecord, type RecordShape } from "./avl_data.ts";

/** An entry and how many seqs it takes. */
export interface Entry {
  readonly bytes: Uint8Array;
  readonly seqs: number;
}

export function frameOf(
  device: number,
  fence: number,
  shapes: readonly RecordShape[],
  receivedAt = 1_700_000_000_000,
  isNew?: readonly boolean[],
): Entry {
  const { data } = avlData(0x08, shapes.map((shape) => avlRecord(0x08, shape)));
  const fresh = isNew ?? shapes.map(() => true);
  const newCount = fresh.filter(Boolean).length;
  const mask = new Uint8Array((shapes.length + 7) >>> 3);
  fresh.forEach((yes, i) => yes && (mask[i >>> 3]! |= 1 << (i & 7)));
  const times = shapes.map((shape) => shape.time);
  let best = 255;
  shapes.forEach((shape, i) => {
    if (fresh[i] && shape.satellites !== 0 && (best === 255 || shape.time >= shapes[best]!.time)) best = i;
  });
  const bytes = new Uint8Array(frameEntryBytes(shapes.length, newCount < shapes.length, data.length));
  const at = writeFrameEntry(
    new DataView(bytes.buffer),
    0,
    {
      device: asDeviceNo(device),
      fence: asFence(fence),
      receivedAt,
      n: shapes.length,
      newCount,
      best,
      minTime: Math.min(...times),
      maxTime: Math.max(...times),
      unfenced: false,
      quarantined: false,
      redecoded: false,
    },
    data.length,
    mask,
  );
  bytes.set(data, at);
  return { bytes, seqs: newCount };
}

export function eventOf(kind: EventKind, device: number, fence: number, payload: Record<string, unknown>, at = 1_700_000_000_000): Entry {
  return { bytes: eventEntry(kind, asDeviceNo(device), asFence(fence), at, payload), seqs: 1 };
}

export const connectedOf = (device: number, id: string, fence: number): Entry =>
  eventOf("connected", device, fence, {
    id,
    at: 1_700_000_000_000,
    transport: "tcp",
    origin: { address: "127.0.0.1", port: 4000 + device, clientInstance: "" },
  });

/** One row of several entries. */
export function rowOf(seq: number, entries: readonly Entry[]): Row {
  const body = new Uint8Array(entries.reduce((sum, entry) => sum + entry.bytes.length, 0));
  let at = 0;
  for (const entry of entries) {
    body.set(entry.bytes, at);
    at += entry.bytes.length;
  }
  return { seq: asSeq(seq), body };
}

interface Placed {
  readonly seq: number;
  readonly seqs: number;
  readonly device: DeviceNo;
  readonly body: Uint8Array;
}

export class MemoryStore implements StoreReader {
  readonly commands = new Map<string, StoredCommand>();
  readonly rows: Row[] = [];
  readonly fold = new DeviceFold();
  readonly #placed: Placed[] = [];
  /** Seq after everything appended. */
  nextSeq = 1;
  oldest = 1;
  checkpoints = 0;
  /** Makes `advance` stop short, as a store that cannot be read does. */
  stuckAt = Infinity;
  readonly #pageBytes: number;
  #seq = 0;

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  get seq(): Seq {
    return asSeq(this.#seq);
  }

  /** What the journal does. */
  append(entries: readonly Entry[]): Row {
    const row = rowOf(this.nextSeq, entries);
    this.rows.push(row);
    this.nextSeq += entries.reduce((sum, entry) => sum + entry.seqs, 0);
    return row;
  }

  /** Forgets everything below `seq`. */
  forget(seq: number): void {
    this.oldest = seq;
  }

  advance(committed: Seq): void {
    const view = new EntryView();
    for (const row of this.rows) {
      let seq: number = row.seq;
      view.over(row.body);
      for (let at = 0; view.load(at); at += view.length) {
        if (seq > this.#seq && seq <= committed && seq <= this.stuckAt) {
          this.fold.apply(view, asSeq(seq));
          this.#placed.push({ seq, seqs: view.seqs, device: view.deviceNo, body: row.body.slice(at, at + view.length) });
          this.#seq = seq + view.seqs - 1;
        }
        seq += view.seqs;
      }
    }
  }

  entries(from: Seq): EntriesAnswer {
    if (from < this.oldest) return { kind: "behind", oldest: asSeq(this.oldest) };
    return { kind: "rows", ...this.#page((placed) => placed.seq + placed.seqs > from, from) };
  }

  deviceEntries(device: DeviceId, from: Seq): EntriesAnswer {
    if (from < this.oldest) return { kind: "behind", oldest: asSeq(this.oldest) };
    const no = this.fold.byId(device)?.no;
    return { kind: "rows", ...this.#page((placed) => placed.device === no && placed.seq + placed.seqs > from, asSeq(this.#seq + 1)) };
  }

  #page(wanted: (placed: Placed) => boolean, end: Seq): { rows: Row[]; next: Seq } {
    const rows: Row[] = [];
    let bytes = 0;
    let next: number = end;
    for (const placed of this.#placed) {
      if (!wanted(placed)) continue;
      if (bytes >= this.#pageBytes) return { rows, next: asSeq(placed.seq) };
      rows.push({ seq: asSeq(placed.seq), body: placed.body });
      bytes += placed.body.length;
      next = Math.max(end, placed.seq + placed.seqs);
    }
    return { rows, next: asSeq(next) };
  }

  devices(after: DeviceNo, limit: number): readonly DeviceState[] {
    return this.fold.above(after, limit);
  }

  records(query: RecordsQuery): RecordsAnswer {
    const device = this.fold.byId(query.device);
    if (device === undefined) return { kind: "unknown_device" };
    const after = query.after === null ? 0 : Number(query.after);
    if (!Number.isInteger(after)) return { kind: "bad_after" };
    const all = this.#recordsOf(device.no).filter((each) => (query.from ?? -1) <= each.time && each.time <= (query.to ?? Infinity));
    if (query.order === "time") all.sort((a, b) => a.time - b.time || a.record.seq - b.record.seq);
    const page = all.slice(after, after + query.limit).map((each) => each.record);
    return { kind: "page", records: page, next: after + page.length < all.length ? String(after + page.length) : null };
  }

  #recordsOf(no: DeviceNo): { time: number; record: StoredRecord }[] {
    const found: { time: number; record: StoredRecord }[] = [];
    const view = new EntryView();
    for (const placed of this.#placed) {
      if (placed.device !== no || !view.over(placed.body).load(0) || !view.isFrame) continue;
      let seq = placed.seq;
      for (let i = 0; i < view.n; i++) {
        if (!view.isNew(i)) continue;
        const at = recordStart(view.bytes, view.dataAt, i);
        const codec = view.bytes[view.dataAt]!;
        const bytes = view.bytes.slice(at, recordEnd(codec, view.bytes, at, view.bytes.length));
        const time = Number(new DataView(bytes.buffer).getBigUint64(0));
        found.push({
          time,
          record: {
            seq: asSeq(seq),
            fence: view.fence as Fence,
            receivedAt: view.time,
            quarantined: view.isQuarantined,
            unfenced: view.isUnfenced,
            redecoded: view.isRedecoded,
            codec,
            bytes,
          },
        });
        seq++;
      }
    }
    return found;
  }

  /** It keeps entries only. */
  history(device: DeviceId): readonly string[] | null {
    return this.fold.byId(device) === undefined ? null : [];
  }

  conflicts(): readonly StoredConflict[] {
    return [];
  }

  command(id: string): StoredCommand | null {
    return this.commands.get(id) ?? null;
  }

  commandsOf(device: string, before: string, limit: number): readonly StoredCommand[] {
    const all = [...this.commands.values()].filter((one) => one.device === device).reverse();
    return all.slice(before === "" ? 0 : all.findIndex(({ id }) => id === before) + 1).slice(0, limit);
  }

  commandByKey(device: string, key: string): StoredCommand | null {
    return [...this.commands.values()].find((one) => one.device === device && one.key === key) ?? null;
  }

  config(): StoredConfig | null {
    return null;
  }

  frames(device: DeviceId, upTo: number, limit: number): FramesPage | null {
    const no = this.fold.byId(device)?.no;
    if (no === undefined) return null;
    const own = this.#placed.filter((placed) => placed.device === no && placed.seq <= upTo).reverse();
    const views = own.map(({ seq, body }) => ({ seq, view: new EntryView().over(body) })).filter(({ view }) => view.isFrame);
    const frames = views.slice(0, limit).map(({ seq, view }) => ({
      seq: asSeq(seq),
      fence: view.fence,
      receivedAt: view.time,
      records: view.n,
      newRecords: view.seqs,
      unfenced: view.isUnfenced,
      quarantined: view.isQuarantined,
      redecoded: view.isRedecoded,
      bytes: view.data,
    }));
    return { frames, more: views.length > limit };
  }

  /** What a test puts there, newest first. */
  readonly quarantine: StoredQuarantined[] = [];
  readonly bad: StoredBadFrame[] = [];

  quarantined(device: DeviceId | null, { upTo, limit, held }: QuarantineQuery): QuarantinePage {
    const all = this.quarantine.filter((one) =>
      one.id <= upTo && (device === null || one.device === device) && (!held || (one.releasedAt === null && one.records === 0))
    );
    return { frames: all.slice(0, limit), more: all.length > limit };
  }

  quarantinedOne(id: number): StoredQuarantined | null {
    return this.quarantine.find((one) => one.id === id) ?? null;
  }

  badFrames(): readonly StoredBadFrame[] {
    return this.bad;
  }

  checkpoint(): number {
    this.checkpoints++;
    return 0;
  }
  readonly tailBytes = 0;
  shrink(): void {}
  close(): void {
    this.rows.length = 0;
  }
}
