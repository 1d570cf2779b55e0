/** Undecodable frames: kept once, counted, bounded, released, forgotten, decoded again. */
import { afterAll, expect, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { replay } from "../../../src/engine/journal/quarantine.ts";
import { MIGRATIONS } from "../../../src/store/migrations.ts";
import { hash64 } from "../../../src/store/hash.ts";
import { IncomingFrame } from "../../../src/store/incoming_frame.ts";
import type { QuarantineOutcome, Undecodable } from "../../../src/store/quarantine.ts";
import { Redecoder } from "../../../src/store/redecode.ts";
import { avlData, avlRecord } from "../../support/avl_data.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const frame = (device: number, ...bytes: number[]): Undecodable => ({
  device,
  reason: "unknown_codec",
  codec: 7,
  at: NOW,
  fence: 1024,
  origin: { address: "192.0.2.1", port: 4711 },
  bytes: Uint8Array.from(bytes),
});
const rows = (bench: StoreBench) => bench.db.prepare("SELECT device, count, hex(bytes) AS hex FROM quarantine ORDER BY id").all();
/** As the journal takes one: the first one with an event, whose seq is its id. */
function take(bench: StoreBench, one: Undecodable): QuarantineOutcome {
  const { journal } = bench;
  const outcome = journal.quarantine.take(one, journal.batch.nextSeq);
  const device = journal.ledger.byNo(one.device as never);
  if (outcome === "first" && device !== undefined) {
    expect(journal.frameEvent("quarantined", device, one.fence as never, one.at, {})).toBe(journal.quarantine.id);
  }
  return outcome;
}
const start = (limits = {}): StoreBench => {
  const bench = new StoreBench(limits);
  for (const id of ["A", "B", "C"]) bench.connect(id);
  bench.commit();
  return bench;
};
const standing = ({ journal }: StoreBench) => [journal.quarantine.held, journal.quarantine.bytes];

test("a frame is kept once, and counted in this batch and the next", () => {
  const bench = start();
  expect([take(bench, frame(1, 9)), take(bench, frame(1, 9)), take(bench, frame(2, 9))]).toEqual(["first", "repeat", "first"]);
  bench.commit();
  expect(take(bench, frame(1, 9))).toBe("repeat");
  bench.commit();
  expect(rows(bench)).toEqual([{ device: 1, count: 3, hex: "09" }, { device: 2, count: 1, hex: "09" }]);
  expect(standing(bench)).toEqual([2, 2]);
});

test("a failed commit keeps nothing of its batch", () => {
  const bench = start();
  const { quarantine } = bench.journal;
  take(bench, frame(1, 9));
  bench.probe = (point) => point === "journal.commit";
  expect(bench.journal.commit().ok).toBe(false);
  bench.probe = () => false;
  expect([quarantine.pending, ...standing(bench)]).toEqual([false, 0, 0]);
  expect(take(bench, frame(1, 9))).toBe("first");
});

test("beyond the number per device, or the bytes in all, frames are not kept", () => {
  const bench = start({ quarantinePerDevice: 2, quarantineBytes: 6 });
  expect([1, 2, 3].map((byte) => take(bench, frame(1, byte)))).toEqual(["first", "first", "full"]);
  bench.commit();
  expect(take(bench, frame(1, 4))).toBe("full");
  expect([take(bench, frame(2, 1, 1, 1)), take(bench, frame(3, 1, 1)), take(bench, frame(3, 1))]).toEqual(["first", "full", "first"]);
  bench.commit();
  expect([bench.journal.quarantine.full, ...standing(bench)]).toEqual([3, 4, 6]);
});

test("a hundred frames of a device are kept as it comes, and no more", () => {
  const bench = start();
  const outcomes = Array.from({ length: 105 }, (_, i) => take(bench, frame(1, i, 1)));
  bench.commit();
  expect(outcomes).toEqual([...Array.from({ length: 100 }, () => "first" as const), ...Array.from({ length: 5 }, () => "full" as const)]);
  expect(bench.count("SELECT count(*) FROM quarantine")).toBe(100);
});

test("a released frame is acknowledged and still counted, after a restart too", () => {
  const bench = start();
  take(bench, frame(1, 9));
  bench.commit();
  bench.journal.quarantine.order("release", bench.journal.quarantine.id, NOW + 5);
  bench.commit();
  expect([take(bench, frame(1, 9)), ...standing(bench)]).toEqual(["released", 0, 1]);
  bench.commit();
  const heldIds = () => bench.reader().quarantined(null, { upTo: 1e9, limit: 9, held: true }).frames.map(({ id }) => id);
  expect(heldIds()).toEqual([]);
  expect(take(bench, frame(2, 9))).toBe("first");
  bench.commit();
  expect(heldIds()).toEqual([bench.journal.quarantine.id]);
  bench.journal.quarantine.order("forget", bench.journal.quarantine.id, NOW);
  bench.commit();
  bench.reopen();
  expect([take(bench, frame(1, 9)), ...standing(bench)]).toEqual(["released", 0, 1]);
  bench.commit();
  expect(rows(bench)).toEqual([{ device: 1, count: 3, hex: "09" }]);
  expect(bench.count("SELECT released_at FROM quarantine")).toBe(NOW + 5);
});

test("an order outlives a commit that fails, and is done once", () => {
  const bench = start();
  take(bench, frame(1, 9));
  bench.commit();
  bench.journal.quarantine.order("release", bench.journal.quarantine.id, NOW);
  bench.probe = (point) => point === "journal.commit";
  expect(bench.journal.commit().ok).toBe(false);
  bench.probe = () => false;
  expect([bench.journal.quarantine.pending, ...standing(bench)]).toEqual([true, 1, 1]);
  bench.commit();
  expect([bench.journal.quarantine.pending, ...standing(bench)]).toEqual([false, 0, 1]);
});

test("a frame that is forgotten makes room, and its number is not used again", () => {
  const bench = start({ quarantinePerDevice: 1 });
  take(bench, frame(1, 9));
  bench.commit();
  const { id } = bench.journal.quarantine;
  expect(take(bench, frame(1, 8))).toBe("full");
  bench.journal.quarantine.order("forget", id, NOW);
  bench.commit();
  expect(standing(bench)).toEqual([0, 0]);
  bench.reopen();
  expect(take(bench, frame(1, 8))).toBe("first");
  expect(bench.journal.quarantine.id).toBeGreaterThan(id);
});

test("retention takes frames nobody sends any more, and what they held", () => {
  const bench = start();
  take(bench, frame(1, 9));
  take(bench, { ...frame(1, 8, 8), at: NOW + 1000 });
  bench.commit();
  bench.send(bench.journal.ledger.byId("A" as never)!, [NOW]);
  bench.commit();
  bench.slices();
  bench.upkeep.wish({ before: NOW + 500, excessBytes: 0 }, false);
  bench.slices();
  expect(rows(bench)).toEqual([{ device: 1, count: 1, hex: "0808" }]);
  expect(standing(bench)).toEqual([1, 2]);
});

test("only the newest frames with a wrong CRC are kept", () => {
  const bench = new StoreBench({ crcFailuresKept: 3 });
  expect(limitsWith().crcFailuresKept).toBe(10);
  for (let i = 0; i < 5; i++) bench.journal.quarantine.crcFailure(frame(0, i));
  bench.commit();
  for (let i = 5; i < 7; i++) bench.journal.quarantine.crcFailure(frame(0, i));
  bench.commit();
  expect(bench.db.prepare("SELECT hex(bytes) AS hex FROM crc_failure ORDER BY id").all().map((row) => row["hex"])).toEqual([
    "04",
    "05",
    "06",
  ]);
  expect(bench.reader().badFrames().map((one) => [one.device, ...one.bytes])).toEqual([[null, 6], [null, 5], [null, 4]]);
});

test("a reader pages them newest first, of all devices or one, and not before their event is on the disk", () => {
  const bench = start();
  const ids: number[] = [];
  for (let i = 0; i < 5; i++) {
    take(bench, frame(1 + (i % 2), i, i));
    ids.push(bench.journal.quarantine.id);
    bench.commit();
  }
  const reader = bench.reader({ pageBytes: 5 });
  const idsOf = (device: string | null, upTo: number, limit: number) =>
    reader.quarantined(device as never, { upTo, limit, held: false }).frames.map((one) => one.id);
  expect(idsOf(null, 1e9, 10)).toEqual([ids[4]!, ids[3]!]);
  expect(idsOf(null, ids[3]! - 1, 10)).toEqual([ids[2]!, ids[1]!]);
  expect(idsOf(null, ids[1]! - 1, 10)).toEqual([ids[0]!]);
  expect(idsOf("B", 1e9, 1)).toEqual([ids[3]!]);
  expect([idsOf("B", ids[1]! - 1, 1), idsOf("nobody", 1e9, 9)]).toEqual([[], []]);
  expect(reader.quarantinedOne(ids[0]!)).toMatchObject({
    device: "A",
    fence: 1024,
    origin: { address: "192.0.2.1", port: 4711 },
    count: 1,
  });
  expect([
    reader.quarantined(null, { upTo: ids[1]!, limit: 2, held: false }).more,
    reader.quarantined("A" as never, { upTo: ids[2]!, limit: 1, held: false }).more,
  ]).toEqual([false, true]);
  const behind = bench.reader({}, () => ids[2]!);
  expect([behind.quarantinedOne(ids[2]!)?.id, behind.quarantinedOne(ids[3]!)]).toEqual([ids[2]!, null]);
});

test("what a kept frame yields today is stored once, marked, beside whoever has the device now", () => {
  const bench = start();
  const device = bench.journal.ledger.byId("A" as never)!;
  const { data } = avlData(8, [NOW - 3, NOW - 2, NOW - 1].map((time) => avlRecord(8, { time })));
  take(bench, { ...frame(1), codec: 8, bytes: data });
  bench.send(device, [NOW - 2]);
  bench.commit();
  const { id } = bench.journal.quarantine;
  // Its connection is long gone.
  bench.journal.raiseFloor(device, 1024 * 99);
  const [decoder, incoming] = [new Redecoder(), new IncomingFrame()];
  const again = () => replay(bench.journal, id, NOW + 7, decoder, incoming);
  expect(again()).toEqual({ records: 3, stored: 2 });
  bench.probe = (point) => point === "journal.commit";
  expect(bench.journal.commit().ok).toBe(false);
  bench.probe = () => false;
  // Its records went with the batch, and so did the word that it was done.
  bench.commit();
  expect(bench.count("SELECT count(*) FROM quarantine WHERE replayed_at IS NOT NULL")).toBe(0);
  expect(again()).toEqual({ records: 3, stored: 2 });
  bench.commit();
  expect(again()).toEqual({ records: 3, stored: 0 });
  bench.commit();
  const reader = bench.reader();
  expect(reader.quarantinedOne(id)).toMatchObject({ replayedAt: NOW + 7, records: 3, stored: 2, releasedAt: null });
  expect(standing(bench)).toEqual([0, data.length]);
  const page = reader.records({ device: "A" as never, from: null, to: null, limit: 9, after: null, order: "seq" });
  if (page.kind !== "page") throw new Error(page.kind);
  expect(page.records.map((one) => [one.redecoded, one.fence as number])).toEqual([[false, 1024], [true, 1024], [true, 1024]]);
});

test("a frame that still cannot be decoded stays as it is", () => {
  const bench = start();
  take(bench, frame(1, 7, 1, 2));
  bench.commit();
  expect(replay(bench.journal, bench.journal.quarantine.id, NOW, new Redecoder(), new IncomingFrame())).toEqual({ records: 0, stored: 0 });
  bench.commit();
  expect(standing(bench)).toEqual([1, 3]);
});

test("hashes of near frames differ", () => {
  const hashes = new Set<string>();
  for (let a = 0; a < 256; a++) for (let b = 0; b < 64; b++) hashes.add(hash64(Uint8Array.of(a, b, 0)));
  expect(hashes.size).toBe(256 * 64);
  expect(hash64(Uint8Array.of(1))).toMatch(/^[0-9a-f]{16}$/);
});

test("a frame kept by a Berth that knew no releases is still there, and counted on", () => {
  const bench = start();
  take(bench, frame(1, 9));
  bench.commit();
  // What the newest change of its table added.
  const added = /ADD COLUMN (\w+)/g;
  const change = MIGRATIONS.findIndex((text) => text.includes("replayed_at"));
  bench.db.exec("DROP INDEX quarantine_held");
  for (const [, column] of MIGRATIONS[change]!.matchAll(added)) bench.db.exec(`ALTER TABLE quarantine DROP COLUMN ${column}`);
  bench.db.exec("DROP INDEX command_of_device");
  bench.db.exec(`PRAGMA user_version = ${change}`);
  bench.reopen();
  expect([take(bench, frame(1, 9)), ...standing(bench)]).toEqual(["repeat", 1, 1]);
  bench.commit();
  expect(bench.reader().quarantined(null, { upTo: 1e9, limit: 9, held: true }).frames).toMatchObject([{
    device: "A",
    count: 2,
    fence: 0,
    origin: null,
    releasedAt: null,
  }]);
});
