/**
 * What the store says when it is opened: devices as of their marks, segments, and the log rows no run refers to. Used by
 * the journal and by every reader, each into its own memory. Call inside a read transaction, or as the only writer.
 */
import { asSeq } from "../base/brand.ts";
import type { Database, Statement } from "../platform/port.ts";
import type { DeviceFold } from "./device_fold.ts";
import { type DeviceRow, DeviceTable } from "./device_row.ts";
import { EntryView } from "./entry.ts";
import { flushedThrough, type Segment, SegmentTable } from "./segments.ts";
import { Tail } from "./tail.ts";

export interface Rebuilt {
  readonly tail: Tail;
  readonly segments: readonly Segment[];
  readonly nextSeq: number;
}

export interface Rebuild {
  readonly fold: DeviceFold;
  /** Rows that begin above this seq are left out. */
  readonly upTo?: number;
  /** Called with every device row before any entry. */
  device?(row: DeviceRow): void;
  /** Called with every entry above the runs, after it was folded. */
  entry?(view: EntryView, seq: number): void;
  /** Called now and then with how many rows of the log were folded in. */
  progress?(rows: number): void;
}

const PROGRESS_ROWS = 1000;

export function rebuild(db: Database, into: Rebuild): Rebuilt {
  for (const row of new DeviceTable(db).load()) {
    into.fold.restore(row.state, row.mark, row.older);
    into.device?.(row);
  }
  const segments = new SegmentTable(db).load();
  const flushed = flushedThrough(segments);
  const tail = new Tail();
  const view = new EntryView();
  let nextSeq = Math.max(flushed + 1, Number(db.prepare("SELECT value FROM meta WHERE key = 'next_seq'").get()?.["value"] ?? 1));
  let rows = 0;
  const { upTo = Number.MAX_SAFE_INTEGER } = into;
  for (const row of db.prepare("SELECT seq, next_seq, at, body FROM log WHERE seq > ? AND seq <= ? ORDER BY seq").iterate(flushed, upTo)) {
    const body = row["body"] as Uint8Array;
    const seq = Number(row["seq"]);
    tail.addRow(asSeq(seq), Number(row["at"]), body, view, into.fold);
    if (into.entry !== undefined) {
      let own = seq;
      for (let at = 0; view.load(at); at = view.end) {
        into.entry(view, own);
        own += view.seqs;
      }
    }
    nextSeq = Math.max(nextSeq, Number(row["next_seq"]));
    into.fold.settle();
    if (++rows % PROGRESS_ROWS === 0) into.progress?.(rows);
  }
  return { tail, segments, nextSeq };
}

/** For `oldestSeq`: prepared once by who asks often, as a connection keeps its statements until it closes. */
export const SELECT_OLDEST = "SELECT min(seq) AS seq FROM log";

/** The oldest seq kept, or `nextSeq` when nothing is. */
export const oldestSeq = (select: Statement, nextSeq: number): number => Number(select.get()?.["seq"] ?? nextSeq);

export const oldestKept = (db: Database, nextSeq: number): number => oldestSeq(db.prepare(SELECT_OLDEST), nextSeq);
