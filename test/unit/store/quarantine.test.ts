/** Undecodable frames: kept once, counted, bounded, released. */
import { afterAll, expect, test } from "bun:test";
import { hash64 } from "../../../src/store/hash.ts";
import type { Undecodable } from "../../../src/store/quarantine.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const frame = (device: number, ...bytes: number[]): Undecodable => ({
  device,
  reason: "unknown_codec",
  codec: 7,
  at: NOW,
  bytes: Uint8Array.from(bytes),
});
const rows = (bench: StoreBench) => bench.db.prepare("SELECT device, count, hex(bytes) AS hex FROM quarantine ORDER BY id").all();

test("a frame is kept once, and counted in this batch and the next", () => {
  const bench = new StoreBench();
  const { quarantine } = bench.journal;
  expect([quarantine.take(frame(1, 9)), quarantine.take(frame(1, 9)), quarantine.take(frame(2, 9))]).toEqual(["first", "repeat", "first"]);
  bench.commit();
  expect(quarantine.take(frame(1, 9))).toBe("repeat");
  bench.commit();
  expect(rows(bench)).toEqual([{ device: 1, count: 3, hex: "09" }, { device: 2, count: 1, hex: "09" }]);
});

test("a failed commit keeps nothing of its batch", () => {
  const bench = new StoreBench();
  const { quarantine } = bench.journal;
  quarantine.take(frame(1, 9));
  bench.probe = (point) => point === "journal.commit";
  expect(bench.journal.commit().ok).toBe(false);
  bench.probe = () => false;
  expect(quarantine.pending).toBe(false);
  expect(quarantine.take(frame(1, 9))).toBe("first");
});

test("beyond the number per device, or the bytes in all, frames are not kept", () => {
  const bench = new StoreBench({ quarantinePerDevice: 2, quarantineBytes: 6 });
  const { quarantine } = bench.journal;
  expect([1, 2, 3].map((byte) => quarantine.take(frame(1, byte)))).toEqual(["first", "first", "full"]);
  bench.commit();
  expect(quarantine.take(frame(1, 4))).toBe("full");
  expect([quarantine.take(frame(2, 1, 1, 1)), quarantine.take(frame(3, 1, 1)), quarantine.take(frame(3, 1))]).toEqual([
    "first",
    "full",
    "first",
  ]);
});

test("a released frame is acknowledged and still counted", () => {
  const bench = new StoreBench();
  const { quarantine } = bench.journal;
  quarantine.take(frame(1, 9));
  bench.commit();
  bench.db.exec("UPDATE quarantine SET released = 1");
  expect(quarantine.take(frame(1, 9))).toBe("released");
  bench.commit();
  expect(rows(bench)).toEqual([{ device: 1, count: 2, hex: "09" }]);
});

test("only the newest frames with a wrong CRC are kept", () => {
  const bench = new StoreBench({ crcFailuresKept: 3 });
  for (let i = 0; i < 5; i++) bench.journal.quarantine.crcFailure(frame(0, i));
  bench.commit();
  for (let i = 5; i < 7; i++) bench.journal.quarantine.crcFailure(frame(0, i));
  bench.commit();
  expect(bench.db.prepare("SELECT hex(bytes) AS hex FROM crc_failure ORDER BY id").all().map((row) => row["hex"])).toEqual([
    "04",
    "05",
    "06",
  ]);
});

test("hashes of near frames differ", () => {
  const hashes = new Set<string>();
  for (let a = 0; a < 256; a++) for (let b = 0; b < 64; b++) hashes.add(hash64(Uint8Array.of(a, b, 0)));
  expect(hashes.size).toBe(256 * 64);
  expect(hash64(Uint8Array.of(1))).toMatch(/^[0-9a-f]{16}$/);
});
