/** Walking the raw records of a frame: where each starts, its time, its fix. */
import { expect, test } from "bun:test";
import { CODEC_16, CODEC_8, CODEC_8E } from "../../../src/codec/teltonika/codec_id.ts";
import { hasFix, recordStart, recordTime, sameBytes } from "../../../src/store/record_walk.ts";
import { avlData, avlRecord } from "../../support/avl_data.ts";

for (const codec of [CODEC_8, CODEC_8E, CODEC_16]) {
  test(`records of codec ${codec} are found again without their offsets`, () => {
    const { data, offsets } = avlData(codec, [
      avlRecord(codec, { time: 1000, io: { 1: 2, 3: 4 } }),
      avlRecord(codec, { time: 2 ** 40 + 5 }),
      avlRecord(codec, { time: 3000, io: { 66: 1 } }),
    ]);
    for (let i = 0; i <= 3; i++) {
      expect(recordStart(data, 0, i)).toBe(offsets[i]!);
    }
    expect(recordTime(data, offsets[1]!)).toBe(2 ** 40 + 5);
  });
}

test("the vendor's codec 8E record with variable elements ends where the frame does", () => {
  const hex =
    "8E010000016B412CEE000100000000000000000000000000000000010005000100010100010011001D00010010015E2C880002000B000000003544C87A000E000000001DD7E06A000001";
  const data = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  expect(recordStart(data, 0, 1)).toBe(data.length - 1);
});

test("a time beyond 2^53 - 1 is clamped", () => {
  expect(recordTime(new Uint8Array(8).fill(0xff), 0)).toBe(Number.MAX_SAFE_INTEGER);
});

test("a fix needs satellites and degrees that exist", () => {
  expect(hasFix(avlRecord(8, { time: 1 }), 0)).toBe(true);
  expect(hasFix(avlRecord(8, { time: 1, satellites: 0 }), 0)).toBe(false);
  expect(hasFix(avlRecord(8, { time: 1, lat: 900_000_001 }), 0)).toBe(false);
  expect(hasFix(avlRecord(8, { time: 1, lon: -1_800_000_001 }), 0)).toBe(false);
});

test("records are the same only byte for byte and in full", () => {
  const a = Uint8Array.of(9, 1, 2, 3);
  expect(sameBytes(a, 1, 4, Uint8Array.of(1, 2, 3), 0, 3)).toBe(true);
  expect(sameBytes(a, 1, 4, Uint8Array.of(1, 2, 4), 0, 3)).toBe(false);
  expect(sameBytes(a, 1, 4, Uint8Array.of(1, 2, 3, 4), 0, 4)).toBe(false);
});
