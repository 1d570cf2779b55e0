/** Flush, merge, retention and sweep, slice by slice over a real file. */
import { afterAll, expect, test } from "bun:test";
import { asDeviceId } from "../../../src/base/brand.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const MINUTE = 60_000;

/** One record a frame, a minute apart. */
function many(bench: StoreBench, id: string, from: number, count: number): number {
  const device = bench.journal.ledger.byId(asDeviceId(id)) ?? bench.connect(id);
  let fresh = 0;
  for (let i = 0; i < count; i++) fresh += bench.send(device, [NOW + (from + i) * MINUTE]);
  bench.commit();
  return fresh;
}

function seqsOf(bench: StoreBench, id: string): number[] {
  const reader = bench.reader();
  const seqs: number[] = [];
  for (let after: string | null = null;;) {
    const page = reader.records({ device: asDeviceId(id), from: null, to: null, limit: 1000, after, order: "seq" });
    if (page.kind !== "page") throw new Error(page.kind);
    seqs.push(...page.records.map((record) => record.seq));
    if (page.next === null) return seqs;
    after = page.next;
  }
}

test("a device with more references than a run row holds has several rows, merged in order, and is compared through them", () => {
  const bench = new StoreBench({ mergeFanIn: 2, futureMs: 365 * 86_400_000 });
  expect(many(bench, "a", 0, 5000)).toBe(5000);
  bench.slices();
  expect(bench.count("SELECT count(*) FROM run")).toBe(3);
  many(bench, "a", 5000, 5000);
  bench.slices();
  expect(bench.journal.segments.map(({ level, entries }) => ({ level, entries }))).toEqual([{ level: 1, entries: 10_001 }]);
  expect(bench.count("SELECT count(*) FROM run")).toBe(5);
  expect(bench.count("SELECT max(part) FROM run")).toBe(4);
  expect(seqsOf(bench, "a")).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 2));
  expect(many(bench, "a", 0, 200) + many(bench, "a", 9900, 100)).toBe(0);
}, 60_000);

test("retention deletes whole rows from the front, and runs below the oldest seq", () => {
  const bench = new StoreBench({ rowBytes: 1024, mergeFanIn: 16 });
  many(bench, "old", 0, 50);
  bench.slices();
  many(bench, "b", 0, 50);
  bench.slices();
  const { journal } = bench;
  const runs = bench.count("SELECT count(*) FROM run");
  bench.upkeep.wish({ before: 0, excessBytes: 4000 }, false);
  expect(bench.slices()).toContain("journal.retention_slice");
  expect(journal.oldest).toBeGreaterThan(1);
  expect(bench.count("SELECT min(seq) FROM log")).toBe(journal.oldest);
  expect(seqsOf(bench, "old").every((seq) => seq >= journal.oldest)).toBe(true);
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  expect(bench.count("SELECT count(*) FROM log")).toBe(0);
  expect(bench.count("SELECT count(*) FROM run")).toBe(0);
  expect(runs).toBe(2);
  expect(journal.oldest).toBe(journal.nextSeq);
});

test("an emptied store goes on with the next seq, and takes again what it no longer has", () => {
  const bench = new StoreBench();
  many(bench, "a", 0, 10);
  bench.slices();
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  const next = bench.journal.nextSeq;
  bench.reopen();
  expect(bench.journal.nextSeq).toBe(next);
  expect(many(bench, "a", 0, 10)).toBe(10);
  expect(seqsOf(bench, "a")[0]).toBe(next);
  expect(bench.journal.fold.byId(asDeviceId("a"))!.records).toBe(20);
});

test("rows that no run refers to are not deleted: a flush comes first", () => {
  const bench = new StoreBench();
  many(bench, "a", 0, 10);
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  expect(bench.slices(false)).toEqual(["journal.flush_slice", "journal.retention_slice", "journal.merge_slice"]);
});

test("a merge leaves out references to rows that are gone", () => {
  const bench = new StoreBench({ rowBytes: 1024, mergeFanIn: 2 });
  many(bench, "a", 0, 40);
  bench.slices();
  bench.upkeep.wish({ before: 0, excessBytes: 2000 }, false);
  bench.slices();
  const kept = seqsOf(bench, "a");
  bench.upkeep.wish({ before: 0, excessBytes: 0 }, false);
  many(bench, "a", 40, 10);
  bench.slices();
  expect(bench.journal.segments.map((s) => s.level)).toEqual([1]);
  expect(bench.count("SELECT sum(length(refs)) / 28 FROM run")).toBe(kept.length + 10);
  expect(seqsOf(bench, "a").length).toBe(kept.length + 10);
});

test("a segment that a crash left unfinished is deleted, and its log rows are flushed again", () => {
  const bench = new StoreBench({ sliceRows: 2 });
  for (const id of ["a", "b", "c", "d"]) bench.connect(id);
  bench.commit();
  expect(bench.upkeep.round(NOW, true)?.failure).toBe(null);
  expect(bench.count("SELECT count(*) FROM segment WHERE state = 0")).toBe(1);
  bench.reopen();
  expect(bench.journal.tails.live.refs.count).toBe(4);
  bench.slices();
  expect(bench.journal.allSegments.map((s) => s.state)).toEqual([1]);
  expect(bench.count("SELECT count(*) FROM run")).toBe(4);
  expect([...bench.journal.fold].map((device) => device.connected)).toEqual([true, true, true, true]);
});

test("free pages go back to the disk when asked for", () => {
  const bench = new StoreBench({ rowBytes: 8192 });
  for (let i = 0; i < 10; i++) many(bench, "a", i * 1000, 1000);
  bench.slices();
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  const pages = bench.count("PRAGMA page_count");
  expect(bench.count("PRAGMA freelist_count")).toBeGreaterThan(50);
  bench.upkeep.wish({ before: 0, excessBytes: 0 }, true);
  expect(bench.slices()).toEqual(["journal.retention_slice"]);
  expect(bench.count("PRAGMA page_count")).toBeLessThan(pages - 50);
});

test("a tail that is worth it is flushed when nothing new has come for a while, and followed by readers", () => {
  const bench = new StoreBench({ flushRestBytes: 2000, flushRestMs: 300 });
  const reader = bench.reader();
  many(bench, "a", 0, 10);
  expect(bench.journal.tails.live.bytes).toBeLessThan(2000);
  expect(bench.slices(false, NOW + 10_000)).toEqual([]);
  many(bench, "a", 10, 50);
  expect(bench.slices(false, NOW + 299)).toEqual([]);
  reader.advance();
  expect(reader.tailBytes).toBe(bench.journal.tails.live.bytes);
  expect(bench.slices(false, NOW + 300)).toContain("journal.flush_slice");
  expect(bench.journal.tails.live.bytes).toBe(0);
  expect(bench.slices(false, NOW + 100_000)).toEqual([]);
  reader.advance();
  expect(reader.tailBytes).toBe(0);
  reader.shrink();
  expect(seqsOf(bench, "a")).toHaveLength(60);
});
