/** Any chunking and any pausing of any valid stream gives the same logins, frames and pings; and records survive the round trip. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeStream } from "../../src/codec/codec.ts";
import { encodeData, encodeFrame, encodeLogin, encodeMessage } from "../../src/codec/encode.ts";
import { Next } from "../../src/codec/framer.ts";
import type { AvlRecord } from "../../src/codec/record.ts";
import type { AvlCodecName } from "../../src/codec/teltonika/codec_id.ts";
import { dataText, framerStream } from "../fuzz/codec_stream.ts";

const LIMIT = 32_768;

const hexOf = (...bytes: number[]): fc.Arbitrary<string> =>
  fc.constantFrom(...bytes).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })).map((value) => value.toHex());

function recordOf(codec: AvlCodecName): fc.Arbitrary<AvlRecord> {
  const id = fc.integer({ min: 0, max: codec === "8" ? 0xff : 0xffff });
  const value = codec === "8E" ? hexOf(0, 1, 2, 3, 4, 8, 17, 300) : hexOf(1, 2, 4, 8);
  const degrees = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((raw) => raw / 1e7);
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const u8 = fc.integer({ min: 0, max: 0xff });
  return fc.record({
    time: fc.maxSafeNat(),
    priority: u8,
    lon: degrees,
    lat: degrees,
    altitude: fc.integer({ min: -0x8000, max: 0x7fff }),
    angle: u16,
    satellites: u8,
    speed: u16,
    eventId: id,
    generationType: codec === "16" ? u8 : fc.constant(null),
    io: fc.array(fc.tuple(id.map(String), value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  });
}

const recordsOf = (codec: AvlCodecName): fc.Arbitrary<AvlRecord[]> => fc.array(recordOf(codec), { minLength: 1, maxLength: 5 });
const avlFrame = fc.constantFrom<AvlCodecName[]>("8", "8E", "16").chain((codec) =>
  recordsOf(codec).map((records) => {
    const data = encodeData(codec, records);
    return { bytes: encodeFrame(data), items: [`frame ${dataText(data, 0, data.length)}`] };
  })
);
const messageFrame = fc.tuple(fc.constantFrom("12", "13", "14", "15"), fc.uint8Array({ maxLength: 40 })).map(([codec, payload]) => ({
  bytes: encodeFrame(encodeMessage(codec as "12", { type: 6, payload, imei: "352093081452251" })),
  items: ["frame unknown_codec"],
}));
const pings = fc.integer({ min: 1, max: 3 }).map((count) => ({
  bytes: new Uint8Array(count).fill(0xff),
  items: Array<string>(count).fill("ping"),
}));
const imei = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 15, maxLength: 15 }).map((digits) => digits.join(""));
const stream = fc.tuple(imei, fc.array(fc.oneof({ weight: 4, arbitrary: avlFrame }, messageFrame, pings), { maxLength: 8 })).map((
  [id, parts],
) => ({
  bytes: Uint8Array.from([encodeLogin(id), ...parts.map((part) => part.bytes)].flatMap((bytes) => [...bytes])),
  items: [`login ${id}`, ...parts.flatMap((part) => part.items), "rest 0"],
}));
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2000 })), { minLength: 1, maxLength: 30 });
const answers = fc.array(fc.constantFrom<Next[]>(Next.go, Next.pause, Next.again), { minLength: 1, maxLength: 20 });

function chunks(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + sizes[i % sizes.length]!);
    out.push(bytes.slice(at, end));
    at = end;
  }
  return out;
}

describe("framing", () => {
  test("of any chunking of any valid stream gives the same items", () => {
    fc.assert(
      fc.property(stream, cuts, ({ bytes, items }, sizes) => {
        expect(framerStream(chunks(bytes, sizes), LIMIT)).toEqual(items);
      }),
      { numRuns: 400 },
    );
  });

  test("with any pauses gives the same items", () => {
    fc.assert(
      fc.property(stream, cuts, answers, ({ bytes, items }, sizes, plan) => {
        let turn = 0;
        // The last answer is always go, so that every plan ends.
        const next = (): Next => [...plan, Next.go][turn++ % (plan.length + 1)]!;
        expect(framerStream(chunks(bytes, sizes), LIMIT, next)).toEqual(items);
      }),
      { numRuns: 400 },
    );
  });
});

describe("records", () => {
  for (const codec of ["8", "8E", "16"] as const) {
    test(`of codec ${codec} decode to what was encoded`, () => {
      fc.assert(
        fc.property(recordsOf(codec), (records) => {
          expect(decodeStream(encodeFrame(encodeData(codec, records)), LIMIT)).toEqual([{ codec, imei: null, records, crc: "ok" }]);
        }),
        { numRuns: 200 },
      );
    });
  }
});
