/**
 * Reads the store: pages of the journal, records of a device, devices. Owns a database connection and a private tail and
 * device fold, advanced from the log; one instance per reader thread. Every question is one short read transaction, in
 * which it first catches up: so what was committed before is in the answer, wherever a flush or a merge stands.
 */
import { asDeviceNo, asSeq, type DeviceId, type DeviceNo, type Seq } from "../base/brand.ts";
import type { Database, Statement } from "../platform/port.ts";
import { CommandReader } from "./commands.ts";
import { ConfigReader } from "./configs.ts";
import { DeviceFold } from "./device_fold.ts";
import { DeviceEntries } from "./device_entries.ts";
import { EntryView } from "./entry.ts";
import { FramePages } from "./frame_pages.ts";
import { HistoryReader } from "./history.ts";
import { QuarantineReader } from "./quarantine_reader.ts";
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
  StoreReader,
} from "./port.ts";
import { type ReaderLimits, RecordPages } from "./record_pages.ts";
import { oldestSeq, rebuild, SELECT_OLDEST } from "./recover.ts";
import { RowCache } from "./row_cache.ts";
import { RunTable } from "./runs.ts";
import { complete, flushedThrough, type Segment, SegmentTable } from "./segments.ts";
import { MovingTail, type Tail } from "./tail.ts";

const CACHE_BYTES = 16 << 20;
/** A pass that leaves more than this is followed by another: the journal copies the rest itself, and devices wait for it. */
const SMALL_REST_PAGES = 512;
const MOST_PASSES = 4;

/** What the questions look into; valid inside the read transaction. */
export interface ReadView {
  readonly tail: Tail;
  /** Complete segments, oldest first. */
  readonly segments: readonly Segment[];
  readonly flushed: number;
  readonly oldest: number;
  readonly seq: Seq;
}

export class SqliteStoreReader implements StoreReader {
  readonly #db: Database;
  readonly #limits: ReaderLimits;
  readonly #committed: () => number;
  #fold = new DeviceFold();
  readonly #table: SegmentTable;
  readonly #log: Statement;
  readonly #sizes: Statement;
  readonly #page: Statement;
  readonly #copyLog: Statement;
  readonly #logState: Statement;
  readonly #begun: Statement;
  readonly #oldest: Statement;
  readonly #ended: Statement;
  readonly #entries: DeviceEntries;
  readonly #records: RecordPages;
  readonly #frames: FramePages;
  readonly #rows: RowCache;
  readonly #history: HistoryReader;
  readonly #commands: CommandReader;
  readonly #configs: ConfigReader;
  readonly #quarantine: QuarantineReader;
  readonly #view = new EntryView();
  readonly #tails = new MovingTail();
  #segments: readonly Segment[] = [];
  #version = -1;
  #flushed = 0;
  #nextSeq = 1;

  /** `committed`: the newest seq that may be shown. Rows of a commit that is not on the disk yet can be seen in the file. */
  constructor(db: Database, limits: ReaderLimits, committed: () => number = () => Number.MAX_SAFE_INTEGER) {
    this.#db = db;
    this.#limits = limits;
    this.#committed = committed;
    this.#table = new SegmentTable(db);
    this.#log = db.prepare("SELECT seq, next_seq, at, body FROM log WHERE seq BETWEEN ? AND ? ORDER BY seq");
    this.#sizes = db.prepare(
      "SELECT seq, next_seq, length(body) AS bytes FROM log WHERE seq >= coalesce((SELECT max(seq) FROM log WHERE seq <= ?), 0) ORDER BY seq LIMIT ?",
    );
    this.#page = db.prepare("SELECT seq, body FROM log WHERE seq BETWEEN ? AND ? ORDER BY seq");
    this.#copyLog = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#logState = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#begun = db.prepare("BEGIN");
    this.#ended = db.prepare("COMMIT");
    this.#oldest = db.prepare(SELECT_OLDEST);
    this.#rows = new RowCache(db, CACHE_BYTES);
    const runs = new RunTable(db);
    this.#entries = new DeviceEntries(runs, this.#rows);
    this.#frames = new FramePages(runs, this.#rows, limits);
    this.#records = new RecordPages(this.#entries, limits);
    this.#history = new HistoryReader(db);
    this.#commands = new CommandReader(db);
    this.#configs = new ConfigReader(db);
    this.#quarantine = new QuarantineReader(db);
    this.#read(() => undefined, () => this.#rebuild());
  }

  get seq(): Seq {
    return asSeq(this.#nextSeq - 1);
  }

  advance(): void {
    this.#read(() => undefined);
  }

  entries(from: Seq): EntriesAnswer {
    return this.#read((view): EntriesAnswer => {
      if (from < view.oldest) return { kind: "behind", oldest: asSeq(view.oldest) };
      let bytes = 0;
      let first = 0;
      let last = -1;
      let next: number = from;
      for (const row of this.#sizes.all(from, this.#limits.pageRecords)) {
        if (Number(row["next_seq"]) <= from) continue;
        if (Number(row["next_seq"]) > view.seq + 1) break;
        if (last >= 0 && bytes + Number(row["bytes"]) > this.#limits.pageBytes) break;
        if (last < 0) first = Number(row["seq"]);
        last = Number(row["seq"]);
        bytes += Number(row["bytes"]);
        next = Number(row["next_seq"]);
      }
      const rows = this.#page.all(first, last).map((row) => this.#cut(Number(row["seq"]), row["body"] as Uint8Array, from));
      return { kind: "rows", rows, next: asSeq(next) };
    });
  }

  deviceEntries(device: DeviceId, from: Seq): EntriesAnswer {
    return this.#read((view): EntriesAnswer => {
      if (from < view.oldest) return { kind: "behind", oldest: asSeq(view.oldest) };
      const known = this.#fold.byId(device);
      const end = asSeq(view.seq + 1);
      if (known === undefined) return { kind: "rows", rows: [], next: end };
      const rows: Row[] = [];
      let bytes = 0;
      for (const found of this.#entries.from(view, known.no, from)) {
        const { body, at, seq } = found;
        if (bytes >= this.#limits.pageBytes || rows.length >= this.#limits.pageRecords) return { kind: "rows", rows, next: asSeq(seq) };
        const entry = this.#view.over(body, at);
        rows.push({ seq: asSeq(seq), body: body.subarray(at, entry.end) });
        bytes += entry.length;
      }
      return { kind: "rows", rows, next: end };
    });
  }

  records(query: RecordsQuery): RecordsAnswer {
    return this.#read((view) => {
      const known = this.#fold.byId(query.device);
      return known === undefined ? { kind: "unknown_device" } : this.#records.page(view, known.no, query);
    });
  }

  devices(after: DeviceNo, limit: number): readonly DeviceState[] {
    return this.#fold.above(after, limit);
  }

  history(device: DeviceId, limit: number): readonly string[] | null {
    return this.#read(() => {
      const known = this.#fold.byId(device);
      return known === undefined ? null : this.#history.takeovers(known.no, this.seq, limit);
    });
  }

  conflicts(from: number, to: number, limit: number): readonly StoredConflict[] {
    return this.#read(() => this.#history.conflicts(from, Math.min(to, this.seq), limit));
  }

  command(id: string): StoredCommand | null {
    return this.#read(() => this.#commands.byId(id));
  }

  commandsOf(device: string, before: string, limit: number): readonly StoredCommand[] {
    return this.#read(() => this.#commands.ofDevice(device, before, limit));
  }

  commandByKey(device: string, key: string): StoredCommand | null {
    return this.#read(() => this.#commands.byKey(device, key));
  }

  config(device: string): StoredConfig | null {
    return this.#read(() => this.#configs.of(device, this.seq));
  }

  frames(device: DeviceId, upTo: number, limit: number): FramesPage | null {
    return this.#read((view) => {
      const known = this.#fold.byId(device);
      return known === undefined ? null : this.#frames.page(view, known.no, upTo, limit);
    });
  }

  quarantined(device: DeviceId | null, query: QuarantineQuery): QuarantinePage {
    return this.#read(() => {
      const no = device === null ? null : this.#fold.byId(device)?.no;
      if (no === undefined) return { frames: [], more: false };
      return this.#quarantine.page(no, { ...query, upTo: Math.min(query.upTo, this.seq) }, this.#limits.pageBytes, this.#nameOf);
    });
  }

  quarantinedOne(id: number): StoredQuarantined | null {
    return this.#read(() => this.#quarantine.one(id, this.seq, this.#nameOf));
  }

  badFrames(): readonly StoredBadFrame[] {
    return this.#read(() => this.#quarantine.badFrames(this.#nameOf));
  }

  readonly #nameOf = (no: number): string | null => this.#fold.byNo(asDeviceNo(no))?.id ?? null;

  checkpoint(): number {
    for (let passes = 1;; passes++) {
      this.#copyLog.get();
      const row = this.#logState.get();
      const left = Math.max(0, Number(row?.["log"] ?? 0) - Number(row?.["checkpointed"] ?? 0));
      if (left <= SMALL_REST_PAGES || passes === MOST_PASSES) return left;
    }
  }

  get tailBytes(): number {
    return this.#tails.live.bytes;
  }

  shrink(): void {
    this.#tails.giveBack();
    this.#db.exec("PRAGMA shrink_memory");
  }

  close(): void {
    this.#db.close();
  }

  /** The row from the entry that holds `from` on. */
  #cut(rowSeq: number, body: Uint8Array, from: number): Row {
    if (rowSeq >= from) return { seq: asSeq(rowSeq), body };
    const view = this.#view.over(body);
    let seq = rowSeq;
    let at = 0;
    for (; view.load(at) && seq + view.seqs <= from; at = view.end) seq += view.seqs;
    return { seq: asSeq(seq), body: body.subarray(at) };
  }

  #read<T>(question: (view: ReadView) => T, first?: () => void): T {
    this.#begun.run();
    try {
      first?.();
      const oldest = this.#catchUp();
      return question({ tail: this.#tails.live, segments: this.#segments, flushed: this.#flushed, oldest, seq: this.seq });
    } finally {
      this.#ended.run();
    }
  }

  /** Folds in what was committed since, and follows flushes and merges. Returns the oldest seq kept. */
  #catchUp(): number {
    // The first read fixes what this transaction sees; the word is looked at after it, so it covers every flush that is seen.
    const version = this.#table.version();
    const oldest = oldestSeq(this.#oldest, Number.POSITIVE_INFINITY);
    // Retention has passed this reader, or it was stopped for long: what it missed is in the devices' rows and in runs.
    if (oldest > this.#nextSeq && this.#committed() >= this.#nextSeq) this.#rebuild();
    for (const row of this.#log.iterate(this.#nextSeq, this.#committed())) {
      this.#tails.live.addRow(asSeq(Number(row["seq"])), Number(row["at"]), row["body"] as Uint8Array, this.#view, this.#fold);
      this.#nextSeq = Number(row["next_seq"]);
    }
    this.#fold.settle();
    if (version !== this.#version) {
      this.#version = version;
      const all = this.#table.load();
      this.#segments = complete(all);
      this.#flushed = Math.max(this.#flushed, flushedThrough(all));
      this.#tails.forget(asSeq(this.#flushed), this.#view);
    }
    const kept = Math.min(oldest, this.#nextSeq);
    this.#rows.forgetBelow(kept);
    return kept;
  }

  #rebuild(): void {
    const fold = new DeviceFold();
    const rebuilt = rebuild(this.#db, { fold, upTo: this.#committed() });
    if (rebuilt.nextSeq < this.#nextSeq) return;
    this.#fold = fold;
    this.#tails.live = rebuilt.tail;
    this.#nextSeq = rebuilt.nextSeq;
    this.#flushed = Math.max(this.#flushed, flushedThrough(rebuilt.segments));
  }
}
