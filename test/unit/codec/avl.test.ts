/** The columnar parser: what counts as a fault and which, what is only odd, and which record is the position. */
import { describe, expect, test } from "bun:test";
import { encodeData } from "../../../src/codec/encode.ts";
import { type AvlRecord, decodeRecord } from "../../../src/codec/record.ts";
import { AvlColumns, Fault, isInvalid, parseAvl, recordEnd } from "../../../src/codec/teltonika/avl.ts";
import {
  type AvlCodecName,
  CODEC_16,
  CODEC_NAMES,
  codecId,
  CodecKind,
  codecKind,
  codecName,
} from "../../../src/codec/teltonika/codec_id.ts";
import { FRAME_FAULTS, NO_BEST } from "../../../src/wire/frame_message.ts";

const NOW = 1_700_000_000_000;
const CODECS: readonly AvlCodecName[] = ["8", "8E", "16"];
/** Offsets in a record. */
const PRIORITY = 8;
const LATITUDE = 13;

const record = (changes: Partial<AvlRecord> = {}): AvlRecord => ({
  time: NOW,
  priority: 0,
  lon: 25.2797,
  lat: 54.6872,
  altitude: -12,
  angle: 90,
  satellites: 9,
  speed: 60,
  eventId: 0,
  generationType: null,
  io: { "21": "03", "66": "5e0f", "241": "0000601a", "78": "00000000000000ff" },
  ...changes,
});

const columns = new AvlColumns();
const parse = (data: Uint8Array): number => parseAvl(data, 0, data.length, NOW, columns);
const faultOf = (data: Uint8Array): string => FRAME_FAULTS[parse(data)]!;

describe("codec ids", () => {
  test("names and ids go both ways, and kinds part records from messages", () => {
    for (const name of CODEC_NAMES) if (name !== "other") expect(codecName(codecId(name))).toBe(name);
    expect(codecName(0x07)).toBe("other");
    expect([8, 0x8e, 16].map(codecKind)).toEqual([CodecKind.avl, CodecKind.avl, CodecKind.avl]);
    expect([12, 13, 14, 15].map(codecKind)).toEqual([CodecKind.command, CodecKind.command, CodecKind.command, CodecKind.command]);
    expect([7, 0, 11, 17, 0xff].map(codecKind)).toEqual(Array<CodecKind>(5).fill(CodecKind.unknown));
  });
});

describe("parseAvl", () => {
  for (const codec of CODECS) {
    test(`finds each fault of codec ${codec}`, () => {
      const data = encodeData(codec, [record(), record()]);
      const one = encodeData(codec, [record()]);
      expect(faultOf(data)).toBe("none");
      expect(faultOf(data.with(data.length - 1, 1))).toBe("count_mismatch");
      expect(columns.faultAt).toBe(data.length - 1);
      expect(faultOf(one.with(1, 2).with(one.length - 1, 2))).toBe("truncated_inside");
      expect(faultOf(data.with(1, 1).with(data.length - 1, 1))).toBe("trailing_bytes");
      expect(columns.faultAt).toBe(one.length - 1);
      expect(faultOf(Uint8Array.of(codecId(codec), 0, 0))).toBe("count_mismatch");
      expect(faultOf(Uint8Array.of(codecId(codec), 1, 1))).toBe("truncated_inside");
      expect(faultOf(data.with(0, 0x07))).toBe("unknown_codec");
      expect(columns).toMatchObject({ codec: 0x07, n: 2 });
    });

    test(`finds any cut inside a record of codec ${codec}`, () => {
      const data = encodeData(codec, [record()]);
      for (let length = 3; length < data.length; length++) {
        const cut = data.slice(0, length);
        cut[length - 1] = 1;
        expect(faultOf(cut)).toBe("truncated_inside");
      }
    });

    test(`takes 255 records of codec ${codec} without a value each`, () => {
      const data = encodeData(codec, Array.from({ length: 255 }, (_, i) => record({ io: {}, time: NOW - i })));
      expect(faultOf(data)).toBe("none");
      expect(columns).toMatchObject({ n: 255, minTime: NOW - 254, maxTime: NOW, best: 0, invalid: 0 });
      const size = { "8": 30, "8E": 38, "16": 32 }[codec];
      expect([...columns.offsets]).toEqual(Array.from({ length: 256 }, (_, i) => 2 + i * size));
    });
  }

  test("reads groups by their counts when the stated total lies", () => {
    const data = encodeData("8", [record()]);
    expect(faultOf(data.with(2 + 25, 200))).toBe("none");
  });

  test("reads values that state their length, also of no bytes and of many", () => {
    const data = encodeData("8E", [record({ io: { "256": "", "385": "ab".repeat(513), "1": "01" } })]);
    expect(faultOf(data)).toBe("none");
    expect(columns.offsets[1]).toBe(data.length - 1);
  });

  test("does not read on for ever when 65,535 values are announced", () => {
    const data = encodeData("8E", [record({ io: {} })]);
    data[data.length - 3] = 0xff;
    data[data.length - 2] = 0xff;
    expect(faultOf(data)).toBe("truncated_inside");
  });

  test("starts anywhere in the bytes and clamps times", () => {
    const data = encodeData("8", [record()]);
    data.fill(0xff, 2, 10);
    const bytes = new Uint8Array(data.length + 20);
    bytes.set(data, 7);
    expect(parseAvl(bytes, 7, data.length, NOW, columns)).toBe(Fault.none);
    expect(columns.times[0]).toBe(Number.MAX_SAFE_INTEGER);
    expect(columns).toMatchObject({ maxTime: Number.MAX_SAFE_INTEGER, best: NO_BEST, invalid: 1 });
  });
});

describe("parseAvl keeps odd values", () => {
  const odd: [string, AvlRecord][] = [
    ["latitude 91", record({ lat: 91 })],
    ["longitude -180.1", record({ lon: -180.1 })],
    ["year 2100", record({ time: Date.parse("2100-01-01") })],
    ["priority 7", record({ priority: 7 })],
    ["angle 361", record({ angle: 361 })],
  ];
  for (const [what, value] of odd) {
    test(`and counts ${what}`, () => {
      expect(faultOf(encodeData("8", [record(), value]))).toBe("none");
      expect(columns.invalid).toBe(1);
    });
  }
  test("and counts generation type 8 of codec 16", () => {
    expect(faultOf(encodeData("16", [record({ generationType: 7 }), record({ generationType: 8 })]))).toBe("none");
    expect(columns.invalid).toBe(1);
  });
  test("and does not count what is in range at its edges", () => {
    const edge = { lat: -90, lon: 180, angle: 360, priority: 2, time: NOW, satellites: 0 };
    expect(faultOf(encodeData("8", [record(edge), record({ ...edge, lat: 90, lon: -180, time: 0 })]))).toBe("none");
    expect(columns.invalid).toBe(0);
  });
  test("and each of them is told by its own bytes", () => {
    const odd16 = [...odd.map(([, value]) => value), record({ generationType: 8 })];
    const data = encodeData("16", [record(), ...odd16, record({ time: NOW })]);
    expect(faultOf(data)).toBe("none");
    const told = Array.from({ length: columns.n }, (_, i) => isInvalid(CODEC_16, data, columns.offsets[i]!, NOW));
    expect(told).toEqual([false, ...odd16.map(() => true), false]);
    expect(columns.invalid).toBe(odd16.length);
  });
});

describe("the best record", () => {
  const best = (...records: AvlRecord[]): number => (parse(encodeData("8", records)), columns.best);
  test("is the newest with a fix, in any order; the later of equals", () => {
    expect(best(record({ time: 3 }), record({ time: 2 }), record({ time: 1 }))).toBe(0);
    expect(best(record({ time: 1 }), record({ time: 3 }), record({ time: 2 }))).toBe(1);
    expect(best(record({ time: 3 }), record({ time: 3 }))).toBe(1);
    expect(best(record({ time: 0 }))).toBe(0);
  });
  test("has satellites, a place on earth, and is not of the future", () => {
    expect(best(record({ time: 1 }), record({ time: 2, satellites: 0 }))).toBe(0);
    expect(best(record({ time: 1 }), record({ time: 2, lat: 90.1 }))).toBe(0);
    expect(best(record({ time: 1 }), record({ time: 2, lon: 180.1 }))).toBe(0);
    expect(best(record({ time: 1 }), record({ time: NOW + 1 }))).toBe(0);
    expect(best(record({ time: 1 }), record({ time: NOW }))).toBe(1);
    expect(best(record({ satellites: 0 }), record({ time: NOW + 1 }))).toBe(NO_BEST);
  });
});

describe("decodeRecord", () => {
  for (const codec of CODECS) {
    test(`reads a record of codec ${codec} at its place`, () => {
      const sent = [
        record({ generationType: codec === "16" ? 5 : null }),
        record({ time: 7, lon: -100.3628933, lat: -0.0000001, generationType: codec === "16" ? 0 : null }),
      ];
      const data = encodeData(codec, sent);
      parse(data);
      expect(decodeRecord(data[0]!, data, columns.offsets[0])).toEqual(sent[0]!);
      expect(decodeRecord(data[0]!, data.subarray(columns.offsets[1], columns.offsets[2]))).toEqual(sent[1]!);
    });
  }

  test("keeps the last of a repeated id and counts it", () => {
    const data = encodeData("8", [record({ io: { "5": "01", "6": "02" } })]);
    const second = data.lastIndexOf(6);
    const tally = { repeatedIds: 0 };
    expect(decodeRecord(0x08, data.with(second, 5), 2, tally).io).toEqual({ "5": "02" });
    expect(tally.repeatedIds).toBe(1);
  });

  test("keeps values whose bytes look odd", () => {
    const data = encodeData("8", [record()]);
    data[2 + PRIORITY] = 200;
    data.set([0x7f, 0xff, 0xff, 0xff], 2 + LATITUDE);
    expect(decodeRecord(0x08, data, 2)).toMatchObject({ priority: 200, lat: 214.7483647, altitude: -12 });
  });

  test("asserts what was not parsed before", () => {
    const data = encodeData("8", [record()]);
    expect(() => decodeRecord(0x08, data.subarray(0, 40), 2)).toThrow("incomplete");
    expect(() => decodeRecord(0x0c, data, 2)).toThrow("has no records");
    expect(recordEnd(0x08, data, 2, data.length - 1)).toBe(data.length - 1);
    expect(recordEnd(0x08, data, 2, data.length - 2)).toBe(-1);
  });
});

describe("the order of record times", () => {
  const isOrdered = (...times: number[]): boolean => {
    expect(faultOf(encodeData("8", times.map((time) => record({ time }))))).toBe("none");
    return columns.ordered;
  };

  test("strictly rising or strictly falling is told, so that equal records are looked for in other frames only", () => {
    expect([isOrdered(NOW), isOrdered(1, 2, 3), isOrdered(3, 2, 1)]).toEqual([true, true, true]);
    expect([isOrdered(1, 1), isOrdered(1, 3, 2), isOrdered(3, 1, 2), isOrdered(1, 2, 2), isOrdered(2, 2, 1)]).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    // After one that was not, too.
    expect(isOrdered(5, 6)).toBe(true);
  });
});
