/** Everything that follows the journal through EntrySource, each with the means to commit and to leave it behind. */
import { asSeq } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import { PagedEntries, RingEntries } from "../../src/engine/http_entries.ts";
import { ReaderClient } from "../../src/engine/http_queries.ts";
import { ReaderDesk } from "../../src/engine/reader_desk.ts";
import { BroadcastProducer, createBroadcast } from "../../src/ring/broadcast.ts";
import { createRing } from "../../src/ring/layout.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import type { EntrySource, Row } from "../../src/store/port.ts";
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
}

/** Reader paging: client and desk over real rings, taking turns on one event loop. */
export function pagingHarness({ ringBytes, startPosition, pageBytes }: PagingOptions): SourceHarness {
  const limits = limitsWith({ pageBytes });
  const bells = new SharedArrayBuffer(2 * BELL_BYTES);
  const board = new Board(createBoard());
  board.setOldest(asSeq(1));
  const store = new MemoryStore(pageBytes);
  const line = { queries: createRing(ringBytes, startPosition), results: createRing(ringBytes, startPosition) };
  const desk = new ReaderDesk([{ ...line, bell: new Bell(bells, 0) }], store, board, limits, {
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
      store.append(entries);
      board.setCommitted(asSeq(store.nextSeq - 1));
    },
    lose(more) {
      this.commit(more());
      store.forget(store.rows.at(-1)!.seq);
      board.setOldest(store.rows.at(-1)!.seq);
    },
    rows: store.rows,
    get committed() {
      return board.committed();
    },
    stop: () => clearInterval(turns),
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
