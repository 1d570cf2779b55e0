/** Frames of a device as they came, newest first: over the tail, runs of every level, and what retention has left. */
import { afterAll, expect, test } from "bun:test";
import { asDeviceId } from "../../../src/base/brand.ts";
import type { SqliteStoreReader } from "../../../src/store/reader.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const A = asDeviceId("a");
const MINUTE = 60_000;

/** All frames, in pages of so many. */
function pages(reader: SqliteStoreReader, limit: number): { seqs: number[]; pages: number } {
  const seqs: number[] = [];
  let count = 0;
  for (let upTo = Number.MAX_SAFE_INTEGER;;) {
    const page = reader.frames(A, upTo, limit)!;
    count++;
    seqs.push(...page.frames.map(({ seq }) => seq as number));
    if (!page.more) return { seqs, pages: count };
    upTo = page.frames.at(-1)!.seq - 1;
  }
}

test("every frame once, newest first, wherever a flush or a merge stands", () => {
  const bench = new StoreBench({ flushFrames: 4, mergeFanIn: 2, sliceRows: 1 });
  const [a, b] = [bench.connect("a"), bench.connect("b")];
  const sent: number[] = [];
  for (let i = 0; i < 40; i++) {
    sent.unshift(bench.journal.batch.nextSeq);
    bench.send(a, [NOW + 2 * i * MINUTE, NOW + (2 * i + 1) * MINUTE]);
    bench.send(b, [NOW + i * MINUTE]);
    if (i % 7 === 0) bench.journal.event("command", a, 1 as never, NOW, {});
    bench.commit();
    if (i % 3 === 0) bench.upkeep.round(NOW);
    if (i % 10 === 9) expect(pages(bench.reader(), 3).seqs).toEqual(sent);
  }
  bench.slices();
  bench.send(a, [NOW - MINUTE]);
  sent.unshift(bench.journal.batch.nextSeq - 1);
  bench.commit();
  const reader = bench.reader();
  expect(bench.journal.segments.some(({ level }) => level > 0)).toBe(true);
  expect(pages(reader, 41)).toEqual({ seqs: sent, pages: 1 });
  expect(pages(reader, 10)).toEqual({ seqs: sent, pages: 5 });
  // A page holds one frame at least.
  const small = bench.reader({ pageBytes: 1 });
  expect(pages(small, 10).pages).toBe(41);
  bench.upkeep.wish({ before: NOW + 1, excessBytes: 0 }, false);
  bench.slices();
  expect(pages(bench.reader(), 10).seqs).toEqual([]);
});

test("a frame says what of it was new, and holds the bytes that came", () => {
  const bench = new StoreBench();
  const device = bench.connect("a");
  bench.send(device, [NOW, NOW + 1]);
  bench.send(device, [NOW + 1, NOW + 2], NOW + 9);
  bench.send(device, [NOW + 1, NOW + 2]);
  bench.commit();
  const reader = bench.reader();
  const { frames, more } = reader.frames(A, 1e9, 9)!;
  expect(frames.map(({ seq, records, newRecords, receivedAt, fence }) => [seq as number, records, newRecords, receivedAt, fence as number]))
    .toEqual([
      [4, 2, 1, NOW + 9, 1024],
      [2, 2, 2, NOW, 1024],
    ]);
  expect([more, frames[0]!.bytes[0], frames[0]!.bytes[1], frames[0]!.bytes.at(-1)]).toEqual([false, 8, 2, 2]);
  expect(reader.frames(asDeviceId("nobody"), 1e9, 9)).toBe(null);
});
