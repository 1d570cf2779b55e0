/**
 * The journal's core: takes events and frames into a batch, commits it in one transaction, and only then lets the tail,
 * coverage and devices know. One instance per store, owned by the journal thread; tests drive it in process.
 *
 *   begin → event / frame … → commit          and between two commits: upkeep slices (upkeep.ts)
 *
 * A failed commit drops the batch's frames; events and what goes with them stay queued, in order, for the next one.
 */
import { assert } from "../base/assert.ts";
import { asSeq, type DeviceId, type DeviceNo, type Fence, type Seq } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Database, Statement } from "../platform/port.ts";
import { Batch } from "./batch.ts";
import { DeviceFold } from "./device_fold.ts";
import { DeviceTable } from "./device_row.ts";
import { coverEntry } from "./cover_entry.ts";
import { Duplicates, type StoredFrames } from "./duplicates.ts";
import { EntryView, eventEntry, type EventKind } from "./entry.ts";
import { EventQueue, type Queued } from "./event_queue.ts";
import { FrameStep, type Standing } from "./frame_step.ts";
import type { HistoryChange } from "./history.ts";
import type { IncomingFrame } from "./incoming_frame.ts";
import { Ledger, type LedgerDevice } from "./ledger.ts";
import type { Row } from "./port.ts";
import { Quarantine } from "./quarantine.ts";
import { oldestKept, rebuild } from "./recover.ts";
import { RowCache } from "./row_cache.ts";
import { RunTable } from "./runs.ts";
import { complete, flushedThrough, type Segment, SegmentTable } from "./segments.ts";
import { SimulatedFailure, type SqlFailure, sqlFailure } from "./sql_error.ts";
import { Tails } from "./tails.ts";

/** Rows of the log kept in memory for comparing; and how many a block of bodies has room for. */
const CACHE_BYTES = 32 << 20;
const BLOCK_ROWS = 16;
const PROBE = "INSERT INTO meta (key, value) VALUES ('probe', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1";
const RESERVE_FENCES = "UPDATE meta SET value = ? WHERE key = 'fence_reserved'";

/** Passes a fault point; true: fail there. */
export type Probe = (point: string) => boolean;

export type Committed = { readonly ok: true } | { readonly ok: false; readonly failure: SqlFailure };

export class Journal implements StoredFrames {
  readonly db: Database;
  readonly limits: Limits;
  readonly ledger = new Ledger();
  readonly fold = new DeviceFold(this.ledger.ids);
  readonly batch: Batch;
  readonly runs: RunTable;
  readonly segmentTable: SegmentTable;
  readonly deviceTable: DeviceTable;
  readonly rows: RowCache;
  readonly quarantine: Quarantine;
  readonly duplicates: Duplicates;
  readonly tails: Tails;
  /** Complete segments, oldest first. */
  segments: readonly Segment[] = [];
  /** All of them, those being written and dead ones too. */
  allSegments: readonly Segment[] = [];
  flushed = 0;
  oldest = 1;
  nextSeq = 1;
  /** Rows of the last commit, for the broadcast ring. */
  readonly lastRows: Row[] = [];
  /** Bytes of their bodies. */
  lastBytes = 0;
  /** Records and duplicates of the batch under way. */
  newRecords = 0;
  duplicateRecords = 0;
  readonly #frames: FrameStep;
  readonly #probe: Probe;
  readonly #view = new EntryView();
  readonly #queue: EventQueue;
  readonly #bodies: Uint8Array[] = [];
  #fenceBlock: number | null = null;
  readonly #insertRow: Statement;
  readonly #begun: Statement;
  readonly #ended: Statement;

  constructor(db: Database, limits: Limits, probe: Probe, progress: (rows: number) => void = () => undefined) {
    this.db = db;
    this.limits = limits;
    this.#probe = probe;
    this.runs = new RunTable(db);
    this.segmentTable = new SegmentTable(db);
    this.deviceTable = new DeviceTable(db);
    this.rows = new RowCache(db, CACHE_BYTES);
    this.quarantine = new Quarantine(db, limits);
    this.tails = new Tails(BLOCK_ROWS * limits.rowBytes);
    this.batch = new Batch(limits, this.tails.blocks);
    this.duplicates = new Duplicates(this.runs, this.rows);
    this.#frames = new FrameStep(limits, this.batch, this.ledger, this.duplicates);
    this.#insertRow = db.prepare("INSERT INTO log (seq, next_seq, at, body) VALUES (?, ?, ?, ?)");
    this.#begun = db.prepare("BEGIN IMMEDIATE");
    this.#ended = db.prepare("COMMIT");
    this.#queue = new EventQueue(db, this.deviceTable, this.ledger.ids, limits);
    this.#rebuild(progress);
    this.batch.begin(this.nextSeq);
  }

  get committed(): Seq {
    return asSeq(this.nextSeq - 1);
  }
  get intervalJoins(): number {
    return this.#frames.joins;
  }
  get epoch(): string {
    return String(this.db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()!["value"]);
  }
  get fenceReserved(): number {
    return Number(this.db.prepare("SELECT value FROM meta WHERE key = 'fence_reserved'").get()!["value"]);
  }

  /** The device of that identity, new ones with the next number: their row is made with their first event. */
  device(id: DeviceId): { readonly device: LedgerDevice; readonly isNew: boolean } {
    const isNew = this.ledger.numberOf(id) === 0;
    return { device: this.ledger.byNo(isNew ? this.ledger.addNext(id) : this.ledger.numberOf(id))!, isNew };
  }

  /** A registry event. It is in every batch until one is committed. */
  event(
    kind: EventKind,
    device: Pick<LedgerDevice, "no"> | null,
    fence: Fence,
    at: number,
    payload: Readonly<Record<string, unknown>>,
    also: { readonly makes?: boolean; readonly floor?: number; readonly change?: HistoryChange } = {},
  ): void {
    const entry = eventEntry(kind, (device?.no ?? 0) as DeviceNo, fence, at, payload);
    this.#enqueue({ device, makes: also.makes ?? false, floor: also.floor ?? 0, entry, at, change: also.change ?? null });
  }

  /** A change of history that is no event. */
  changeHistory(device: LedgerDevice, change: HistoryChange, at: number): void {
    this.#enqueue({ device, makes: false, floor: 0, entry: null, at, change });
  }

  /** Raises the floor of a device: now in memory, with the next commit on disk. */
  raiseFloor(device: LedgerDevice, floor: number): void {
    this.#enqueue({ device, makes: false, floor, entry: null, at: 0, change: null });
  }

  /** Fence counters below `reserved` are on disk after the next commit. */
  reserveFences(reserved: number): void {
    this.#fenceBlock = reserved;
  }

  /** A frame that may be stored: how many of its records are new (0: all duplicates, nothing is written). */
  frame(frame: IncomingFrame, device: LedgerDevice, fence: Fence, standing: Standing = "owner"): number {
    const newCount = this.#frames.take(frame, device, fence, standing, this);
    this.newRecords += newCount;
    this.duplicateRecords += frame.header.n - newCount;
    return newCount;
  }

  /** An event that a frame made, and its seq: it goes with the frame when the commit fails. */
  frameEvent(kind: EventKind, device: LedgerDevice, fence: Fence, at: number, payload: Readonly<Record<string, unknown>>): number {
    return this.batch.event(device.no, eventEntry(kind, device.no, fence, at, payload), at);
  }

  /** Anything for a commit to do? */
  get hasWork(): boolean {
    return this.batch.rows.length > 0 || this.#queue.length > 0 || this.quarantine.pending || this.#fenceBlock !== null;
  }

  /** Commits the batch. On failure nothing has changed but that the batch's frames are gone. */
  commit(probing = false): Committed {
    const failure = this.transaction(
      () => {
        this.#write();
        if (probing) this.db.prepare(PROBE).run();
      },
      "journal.commit",
      "journal.before_commit",
    );
    if (failure === null) this.#merge();
    else this.#discard();
    this.#begin(failure === null);
    return failure === null ? { ok: true } : { ok: false, failure };
  }

  /** Runs `work` in a transaction; gives the database's failure, after rolling back. Anything else thrown is a bug. */
  transaction(work: () => void, point: string, before: string | null = null): SqlFailure | null {
    try {
      this.#begun.run();
      work();
      if (this.#probe(point) || (before !== null && this.#probe(before))) throw new SimulatedFailure(`fault point ${point}`);
      this.#ended.run();
      return null;
    } catch (error) {
      const failure = sqlFailure(error);
      if (failure === null) throw error;
      try {
        this.db.exec("ROLLBACK");
      } catch (rollback) {
        // SQLite has rolled back by itself after some failures; then there is no transaction to end.
        if (sqlFailure(rollback) === null) throw rollback;
      }
      return failure;
    }
  }

  /** After a job changed the segments. */
  reloadSegments(): void {
    this.allSegments = this.segmentTable.load();
    this.runs.cache.clear();
    this.segments = complete(this.allSegments);
    this.flushed = Math.max(this.flushed, flushedThrough(this.allSegments));
  }

  /** After a slice of retention: rows below `oldest` are gone. */
  trimmed(oldest: number): void {
    this.oldest = oldest;
    this.rows.forgetBelow(oldest);
  }

  #rebuild(progress: (rows: number) => void): void {
    const rebuilt = rebuild(this.db, {
      fold: this.fold,
      device: (row) => this.ledger.restore(row),
      entry: (view) => {
        const device = this.ledger.byNo(view.deviceNo);
        if (device !== undefined && view.isFrame) coverEntry(view, device, this.limits);
      },
      progress,
    });
    this.tails.live = rebuilt.tail;
    this.nextSeq = rebuilt.nextSeq;
    this.oldest = oldestKept(this.db, this.nextSeq);
    this.reloadSegments();
  }

  #enqueue(item: Queued): void {
    if (item.device !== null && item.floor > 0) this.ledger.raiseFloor(item.device.no, item.floor);
    this.#queue.add(item, this.batch);
  }

  #write(): void {
    const { batch } = this;
    for (let i = 0; i < batch.rows.length; i++) {
      const row = batch.rows[i]!;
      const body = batch.body(i);
      this.#bodies.push(body);
      this.#insertRow.run(row.seq, batch.rowNextSeq(i), row.at, body);
    }
    this.#queue.write();
    this.quarantine.write();
    if (this.#fenceBlock !== null) this.db.prepare(RESERVE_FENCES).run(this.#fenceBlock);
  }

  /** After COMMIT: the batch becomes part of what everything else is compared with. */
  #merge(): void {
    const { batch, fold, tails: { live: tail } } = this;
    const { refs } = batch;
    this.lastRows.length = 0;
    this.lastBytes = batch.used;
    let i = 0;
    for (let r = 0; r < batch.rows.length; r++) {
      const bounds = batch.rows[r]!;
      const body = this.#bodies[r]!;
      const row = tail.addBody(asSeq(bounds.seq), bounds.at, body, bounds.block);
      this.lastRows.push({ seq: asSeq(bounds.seq), body });
      this.#view.over(body);
      for (; i < refs.count && refs.row[i] === r; i++) {
        const offset = refs.offset[i]!;
        tail.refs.push(refs.device[i]!, row, offset, refs.seq[i]!, refs.min[i]!, refs.max[i]!);
        assert(this.#view.load(offset), "a batch entry begins inside its row");
        fold.apply(this.#view, asSeq(refs.seq[i]!));
      }
    }
    fold.settle();
    if (this.oldest === this.nextSeq && batch.rows.length > 0) this.oldest = batch.rows[0]!.seq;
    this.nextSeq = batch.nextSeq;
    this.#queue.clear();
    this.quarantine.merge();
    this.#fenceBlock = null;
    this.ledger.merge();
  }

  #discard(): void {
    this.lastRows.length = 0;
    this.ledger.discard();
  }

  #begin(committed: boolean): void {
    this.#bodies.length = 0;
    this.quarantine.clear();
    this.newRecords = 0;
    this.duplicateRecords = 0;
    if (committed) this.batch.begin(this.nextSeq);
    else this.batch.discard(this.nextSeq);
    this.#queue.again(this.batch);
  }
}
