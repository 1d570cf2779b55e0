/** One contract for everything the journal is followed through: reader paging and the broadcast ring. */
import { afterEach, describe, expect, test } from "bun:test";
import { asSeq, type Seq } from "../../src/base/brand.ts";
import { EntryView } from "../../src/store/entry.ts";
import type { EntriesAnswer, Row } from "../../src/store/port.ts";
import { pagingHarness, ringHarness, type SourceHarness } from "../support/entry_sources.ts";
import { connectedOf, type Entry, eventOf, frameOf } from "../support/memory_store.ts";

/** The entries of rows: their seq, and their bytes as text. */
function entriesOf(rows: readonly Row[]): { seq: number; text: string }[] {
  const found: { seq: number; text: string }[] = [];
  const view = new EntryView();
  for (const row of rows) {
    let seq: number = row.seq;
    view.over(row.body);
    for (let at = 0; view.load(at); at += view.length) {
      found.push({ seq, text: row.body.subarray(at, at + view.length).toHex() });
      seq += view.seqs;
    }
  }
  return found;
}

let clock = 1_700_000_000_000;
const frame = (records: number, isNew?: readonly boolean[]): Entry =>
  frameOf(1, 1024, Array.from({ length: records }, () => ({ time: clock += 1000 })), clock, isNew);

function rowsOf(answer: EntriesAnswer): Extract<EntriesAnswer, { kind: "rows" }> {
  if (answer.kind !== "rows") throw new Error(`Cannot use ${JSON.stringify(answer)}: expected rows`);
  return answer;
}

/** Follows from `from` until nothing more comes. */
async function follow(harness: SourceHarness, from: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (let next = asSeq(from);;) {
    const answer = rowsOf(await harness.source.entries(next));
    if (answer.rows.length === 0) {
      expect(answer.next).toBe(next);
      return rows;
    }
    expect(answer.next).toBeGreaterThan(next);
    rows.push(...answer.rows);
    next = answer.next;
  }
}

const implementations: [string, () => SourceHarness][] = [
  ["reader paging", () => pagingHarness({ ringBytes: 64 * 1024, startPosition: 0, pageBytes: 4096 })],
  ["reader paging, smallest rings about to wrap", () => pagingHarness({ ringBytes: 4096, startPosition: 0xffff_f000, pageBytes: 8192 })],
  ["reader paging over SQLite", () => pagingHarness({ ringBytes: 64 * 1024, startPosition: 0, pageBytes: 4096, sqlite: true })],
  ["broadcast ring", () => ringHarness(64 * 1024, 4096)],
  ["broadcast ring, small", () => ringHarness(16 * 1024, 1024)],
];

describe.each(implementations)("entries of %s", (_name, make) => {
  let harness: SourceHarness;
  const fresh = (): SourceHarness => harness = make();
  afterEach(() => harness.stop());

  test("nothing committed is nothing, at the same position", async () => {
    expect(await fresh().source.entries(asSeq(1))).toEqual({ kind: "rows", rows: [], next: asSeq(1) });
  });

  test("every entry comes, in order, without a hole", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024), frame(3)]);
    for (let i = 0; i < 30; i++) harness.commit(i % 3 === 0 ? [frame(2), frame(4, [true, false, true, true]), frame(1)] : [frame(5)]);
    harness.commit([eventOf("disconnected", 1, 1024, { reason: "closed" })]);
    expect(entriesOf(await follow(harness, 1))).toEqual(entriesOf(harness.rows));
  });

  test("what is committed later comes later", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024)]);
    expect(entriesOf(await follow(harness, 1))).toEqual(entriesOf(harness.rows));
    const next = harness.committed + 1;
    expect(await follow(harness, next)).toEqual([]);
    harness.commit([frame(2)]);
    expect(entriesOf(await follow(harness, next))).toEqual(entriesOf(harness.rows.slice(1)));
  });

  test("a position inside a frame gives that frame whole", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024), frame(4), frame(2)]);
    // seq 1 connected, 2-5 the first frame, 6-7 the second.
    const answer = rowsOf(await harness.source.entries(asSeq(4)));
    expect(entriesOf(answer.rows).map((entry) => entry.seq)).toEqual([2, 6]);
    expect(answer.next).toBe(asSeq(8));
  });

  test("a position inside a frame of which some records are new gives that frame whole", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024), frame(6, [true, false, false, true, true, false]), frame(1)]);
    const answer = rowsOf(await harness.source.entries(asSeq(3)));
    expect(entriesOf(answer.rows).map((entry) => entry.seq)).toEqual([2, 5]);
  });

  test("one who starts in the middle gets the rest", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024)]);
    harness.commit([frame(3)]);
    harness.commit([frame(1), frame(2)]);
    expect(entriesOf(await follow(harness, 6)).map((entry) => entry.seq)).toEqual([6]);
  });

  test("entries larger than a page come whole, one at a time", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024)]);
    harness.commit([frame(100)]);
    harness.commit([frame(100)]);
    expect(entriesOf(await follow(harness, 1))).toEqual(entriesOf(harness.rows));
  });

  test("a position older than the oldest is behind, and from the oldest on everything comes", async () => {
    fresh();
    harness.commit([connectedOf(1, "A", 1024), frame(3)]);
    harness.lose(() => [frame(20)]);
    const answer = await harness.source.entries(asSeq(1));
    if (answer.kind !== "behind") throw new Error(`Cannot use ${answer.kind}: expected behind`);
    expect(answer.oldest).toBeGreaterThan(1);
    expect(answer.oldest).toBeLessThanOrEqual(harness.committed + 1);
    harness.commit([frame(2)]);
    harness.commit([frame(1)]);
    const expected = entriesOf(harness.rows).filter((entry) => entry.seq >= answer.oldest);
    expect(entriesOf(await follow(harness, answer.oldest as Seq))).toEqual(expected);
  });
});
