/** Everything that follows the journal through EntrySource, each with the means to commit and to leave it behind. */
import { assert } from "../../src/base/assert.ts";
import { asSeq } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import { PagedEntries, RingEntries } from "../../src/engine/http/entries.ts";
import { ReaderClient } from "../../src/engine/http/queries.ts";
import { ReaderDesk } from "../../src/engine/reader/desk.ts";
import { here } from "./here.ts";
import { BroadcastProducer, createBroadcast } from "../../src/ring/broadcast.ts";
import { createRing } from "../../src/ring/layout.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import { openStore, prepareReading } from "../../src/store/open.ts";
import type { EntrySource, Row } from "../../src/store/port.ts";
import { SqliteStoreReader } from "../../src/store/reader.ts";
import { Board, createBoard } from "../../src/wire/board.ts";
import { type Entry, MemoryStore } from "./memory_store.ts";

export interface SourceHarness {
  readonly source: EntrySource;
  commit(entries: readonly Entry[]): void;
  /** Makes the source lose its oldest entries; commits more if that is what it takes. */
  lose(more: () => readonly Entry[]): void;
  /** The rows committed so far. */
  readonly rows: readonly Row[];
  readonly committed: number;
  stop(): void;
}

export interface PagingOptions {
  readonly ringBytes: number;
  readonly startPosition: number;
  readonly pageBytes: number;
  /** A reader over a real store instead of over memory. */
  readonly sqlite?: boolean;
}

/** A real store whose log rows are put there by hand, and the reader over it. */
function sqliteStore(pageBytes: number) {
  const platform = here;
  const directory = platform.temporaryDirectory("berth-entries-");
  const open = () => platform.openDatabase(`${directory}/berth.db`, { readOnly: false });
  const opened = openStore({ path: directory, checkpointBytes: 1 << 20, newEpoch: "e1", open });
  assert(opened.ok, "the store opens");
  const writing = opened.value;
  // The log may be forgotten before the reader has seen who device 1 is.
  writing.exec("INSERT INTO device (no, id) VALUES (1, 'A')");
  const reading = open();
  prepareReading(reading);
  const reader = new SqliteStoreReader(reading, limitsWith({ pageBytes }));
  const insert = writing.prepare("INSERT INTO log (seq, next_seq, at, body) VALUES (?, ?, 0, ?)");
  return {
    reader,
    append: (row: Row, nextSeq: number): void => void insert.run(row.seq, nextSeq, row.body),
    forget: (seq: number): void => void writing.prepare("DELETE FROM log WHERE seq < ?").run(seq),
    remove(): void {
      reader.close();
      writing.close();
      platform.removeTree(directory);
    },
  };
}

/** Reader paging: client and desk over real rings, taking turns on one event loop. */
export function pagingHarness({ ringBytes, startPosition, pageBytes, sqlite = false }: PagingOptions): SourceHarness {
  const limits = limitsWith({ pageBytes });
  const bells = new SharedArrayBuffer(2 * BELL_BYTES);
  const board = new Board(createBoard());
  board.setOldest(asSeq(1));
  const store = new MemoryStore(pageBytes);
  const real = sqlite ? sqliteStore(pageBytes) : null;
  const line = { queries: createRing(ringBytes, startPosition), results: createRing(ringBytes, startPosition) };
  const desk = new ReaderDesk([{ ...line, bell: new Bell(bells, 0) }], real?.reader ?? store, board, limits, {
    monoMs: () => performance.now(),
    rest: () => {},
  });
  const client = new ReaderClient([{ ...line, bell: new Bell(bells, 1) }], limits);
  const turns = setInterval(() => {
    for (let worked = true; worked;) {
      worked = desk.round() || client.hasWork();
      client.drain();
    }
  }, 0);
  return {
    source: new PagedEntries(client, () => Promise.resolve()),
    commit(entries) {
      const row = store.append(entries);
      real?.append(row, store.nextSeq);
      board.setCommitted(asSeq(store.nextSeq - 1));
    },
    lose(more) {
      this.commit(more());
      real?.forget(store.rows.at(-1)!.seq);
      store.forget(store.rows.at(-1)!.seq);
      board.setOldest(store.rows.at(-1)!.seq);
    },
    rows: store.rows,
    get committed() {
      return board.committed();
    },
    stop() {
      clearInterval(turns);
      real?.remove();
    },
  };
}

/** The broadcast ring. */
export function ringHarness(ringBytes: number, pageBytes: number): SourceHarness {
  const board = new Board(createBoard());
  const memory = createBroadcast(ringBytes);
  const producer = new BroadcastProducer(memory, []);
  const store = new MemoryStore(pageBytes);
  const commit = (entries: readonly Entry[]): void => {
    const row = store.append(entries);
    board.setCommitted(asSeq(store.nextSeq - 1));
    producer.append(row.seq, row.body);
    producer.publish();
  };
  return {
    source: new RingEntries(memory, pageBytes, () => board.committed()),
    commit,
    lose(more) {
      for (let bytes = 0; bytes <= 2 * ringBytes; bytes += store.rows.at(-1)!.body.length) commit(more());
    },
    rows: store.rows,
    get committed() {
      return board.committed();
    },
    stop: () => {},
  };
}
