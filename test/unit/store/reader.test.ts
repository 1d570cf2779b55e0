/** What a reader answers, over a store made by the journal's own core. */
import { afterAll, expect, test } from "bun:test";
import { asDeviceId, asDeviceNo, asSeq } from "../../../src/base/brand.ts";
import { EntryView } from "../../../src/store/entry.ts";
import type { RecordsQuery } from "../../../src/store/port.ts";
import { here } from "../../support/here.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const MINUTE = 60_000;
const A = asDeviceId("a");
const query = (changes: Partial<RecordsQuery> = {}): RecordsQuery => ({
  device: A,
  from: null,
  to: null,
  limit: 100,
  after: null,
  order: "seq",
  ...changes,
});

/** Seq 1 connected, 2-4 a frame, 5-6 a frame, in one row. */
function filled(limits = {}): StoreBench {
  const bench = new StoreBench(limits);
  const device = bench.connect("a");
  bench.send(device, [NOW + 3 * MINUTE, NOW + 2 * MINUTE, NOW + MINUTE]);
  bench.send(device, [NOW - MINUTE, NOW]);
  bench.commit();
  return bench;
}

const seqsOf = (answer: ReturnType<ReturnType<StoreBench["reader"]>["records"]>): number[] | string =>
  answer.kind === "page" ? answer.records.map((record) => record.seq) : answer.kind;

test("entries begin with the entry that holds the asked position", () => {
  const reader = filled().reader();
  for (const [from, first] of [[1, 1], [2, 2], [3, 2], [4, 2], [5, 5], [6, 5]] as const) {
    const answer = reader.entries(asSeq(from));
    expect(answer.kind === "rows" && answer.rows[0]!.seq as number).toBe(first);
    expect(answer.kind === "rows" && answer.next as number).toBe(7);
  }
  expect(reader.entries(asSeq(7))).toEqual({ kind: "rows", rows: [], next: asSeq(7) });
});

test("a page of entries is bounded by bytes and goes on where it ended", () => {
  const bench = filled({ pageBytes: 1 });
  bench.send(bench.journal.ledger.byId(A)!, [NOW + 10 * MINUTE]);
  bench.commit();
  const reader = bench.reader();
  const first = reader.entries(asSeq(1));
  expect(first).toMatchObject({ kind: "rows", next: 7 });
  expect(reader.entries(asSeq(7))).toMatchObject({ kind: "rows", rows: [{ seq: 7 }], next: 8 });
});

test("a position that retention has passed is behind", () => {
  const bench = filled();
  bench.slices();
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  expect(bench.reader().entries(asSeq(1))).toEqual({ kind: "behind", oldest: asSeq(7) });
  expect(bench.reader().deviceEntries(A, asSeq(1))).toEqual({ kind: "behind", oldest: asSeq(7) });
});

test("records page by seq and by time, within times", () => {
  const reader = filled().reader();
  expect(seqsOf(reader.records(query()))).toEqual([2, 3, 4, 5, 6]);
  expect(seqsOf(reader.records(query({ order: "time" })))).toEqual([5, 6, 4, 3, 2]);
  expect(seqsOf(reader.records(query({ from: NOW, to: NOW + 2 * MINUTE })))).toEqual([3, 4, 6]);
  const first = reader.records(query({ limit: 2 }));
  expect(first).toMatchObject({ kind: "page", next: "s4" });
  expect(seqsOf(reader.records(query({ after: "s4" })))).toEqual([4, 5, 6]);
  const byTime = reader.records(query({ limit: 2, order: "time" }));
  expect(byTime).toMatchObject({ kind: "page", next: `t${NOW}.6` });
  expect(seqsOf(reader.records(query({ order: "time", after: `t${NOW}.6` })))).toEqual([4, 3, 2]);
});

test("a query that cannot be answered says why", () => {
  const reader = filled({ sortedMatches: 4 }).reader();
  expect(reader.records(query({ device: asDeviceId("nobody") }))).toEqual({ kind: "unknown_device" });
  for (const after of ["", "5", "sx", `t${NOW}.6`]) expect(reader.records(query({ after }))).toEqual({ kind: "bad_after" });
  expect(reader.records(query({ order: "time", after: "s4" }))).toEqual({ kind: "bad_after" });
  expect(reader.records(query({ order: "time" }))).toEqual({ kind: "too_many", matches: 5 });
});

test("entries of a device come from runs and tail alike", () => {
  const bench = filled();
  bench.slices();
  const other = bench.connect("b");
  bench.send(other, [NOW]);
  bench.send(bench.journal.ledger.byId(A)!, [NOW + 9 * MINUTE]);
  bench.commit();
  const reader = bench.reader();
  const rows = (from: number) => {
    const answer = reader.deviceEntries(A, asSeq(from));
    return answer.kind === "rows" ? answer.rows : [];
  };
  const seqs = (from: number): number[] => rows(from).map((row) => row.seq);
  expect(seqs(1)).toEqual([1, 2, 5, 9]);
  expect(seqs(4)).toEqual([2, 5, 9]);
  expect(seqs(7)).toEqual([9]);
  expect(reader.deviceEntries(A, asSeq(10))).toEqual({ kind: "rows", rows: [], next: asSeq(10) });
  const view = new EntryView().over(rows(9)[0]!.body);
  expect([view.load(0), view.isFrame, view.load(view.end)]).toEqual([true, true, false]);
});

test("a reader follows commits, a flush and a merge that come after it was opened", () => {
  const bench = filled({ mergeFanIn: 2 });
  const reader = bench.reader();
  const device = bench.journal.ledger.byId(A)!;
  for (let i = 0; i < 5; i++) {
    bench.send(device, [NOW + (20 + i) * MINUTE]);
    bench.commit();
    reader.advance();
    expect<number>(reader.seq).toBe(bench.journal.committed);
    if (i % 2 === 0) bench.slices();
    expect(seqsOf(reader.records(query()))).toEqual(Array.from({ length: 6 + i }, (_, k) => k + 2));
  }
  expect(reader.devices(asDeviceNo(0), 10)).toMatchObject([{ id: "a", records: 10, connected: true }]);
});

test("what is written and not yet on the disk is in no answer, and in all of them when it is", () => {
  const bench = filled();
  let committed = 6;
  const reader = bench.reader({}, () => committed);
  bench.send(bench.journal.ledger.byId(A)!, [NOW + 10 * MINUTE]);
  bench.commit();
  const look = () => [reader.entries(asSeq(7)), seqsOf(reader.records(query())), reader.devices(asDeviceNo(0), 10)[0]!.records, reader.seq];
  expect(look()).toEqual([{ kind: "rows", rows: [], next: asSeq(7) }, [2, 3, 4, 5, 6], 5, asSeq(6)]);
  committed = 7;
  expect(look()).toMatchObject([{ kind: "rows", rows: [{ seq: 7 }], next: 8 }, [2, 3, 4, 5, 6, 7], 6, 7]);
});

test("checkpoint passes copy the whole log", () => {
  const bench = filled();
  const reader = bench.reader();
  expect(reader.checkpoint()).toBe(0);
  bench.send(bench.journal.ledger.byId(A)!, [NOW + 10 * MINUTE]);
  bench.commit();
  expect(reader.checkpoint()).toBe(0);
});

test("a reader and a journal that go on for long prepare no further statements", () => {
  let prepared = 0;
  const openDatabase = here.openDatabase.bind(here);
  here.openDatabase = (path, options) => {
    const db = openDatabase(path, options);
    return { ...db, prepare: (sql) => (prepared++, db.prepare(sql)) };
  };
  try {
    const bench = filled();
    const device = bench.connect("b");
    const reader = bench.reader();
    const before = prepared;
    for (let i = 1; i <= 50; i++) {
      bench.send(device, [NOW + i * MINUTE]);
      bench.commit();
      bench.slices(false);
      reader.advance();
      reader.records(query());
      reader.entries(asSeq(1));
    }
    expect(before).toBeGreaterThan(0);
    expect([prepared - before, reader.seq as number]).toEqual([0, 57]);
  } finally {
    here.openDatabase = openDatabase;
  }
});

test("a reader that retention has passed knows the devices it has not seen, and goes on", () => {
  const bench = filled();
  const reader = bench.reader();
  expect(reader.seq).toBe(asSeq(6));
  const late = bench.connect("b");
  bench.send(late, [NOW + MINUTE]);
  bench.commit();
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  bench.send(late, [NOW + 2 * MINUTE], NOW + 2);
  bench.commit();
  expect(seqsOf(reader.records(query({ device: asDeviceId("b") })))).toEqual([9]);
  expect(reader.devices(asDeviceNo(0), 10).map(({ id, records }) => [id as string, records])).toEqual([["a", 5], ["b", 2]]);
  expect(reader.seq).toBe(asSeq(9));
});

test("a reader of a log that retention has emptied still reaches what was committed", () => {
  const bench = filled();
  const reader = bench.reader({}, () => bench.journal.committed);
  const late = bench.connect("b");
  bench.send(late, [NOW + MINUTE]);
  bench.commit();
  bench.slices();
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  reader.advance();
  expect([reader.seq, reader.devices(asDeviceNo(0), 10).length]).toEqual([asSeq(8), 2]);
});
