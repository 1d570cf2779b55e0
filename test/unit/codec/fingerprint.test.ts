/** What tells the records of two devices apart: frames of the test's own encoder. */
import { expect, test } from "bun:test";
import { fingerprintText, recordShape } from "../../../src/codec/fingerprint.ts";
import { AvlColumns, Fault, parseAvl } from "../../../src/codec/teltonika/avl.ts";
import { CODEC_NAMES, type CodecName, encodeFrame, type IoValue, type TestRecord } from "../../support/frames.ts";

const RECORD: TestRecord = {
  time: 1_790_000_000_000,
  priority: 0,
  lonRaw: 252_800_000,
  latRaw: 546_900_000,
  altitude: 100,
  angle: 10,
  satellites: 9,
  speed: 50,
  eventId: 0,
  generationType: 3,
  io: [],
};
const io = (...values: readonly (readonly [id: number, hex: string])[]): IoValue[] => values.map(([id, hex]) => ({ id, hex }));
const USUAL = io([239, "01"], [66, "2f10"], [241, "00006100"], [78, "0000000000000001"]);

function shapes(codec: CodecName, records: readonly TestRecord[]): number[] {
  const bytes = encodeFrame(codec, records);
  const columns = new AvlColumns();
  const start = 8;
  expect(parseAvl(bytes, start, bytes.length - start - 4, Number.MAX_SAFE_INTEGER, columns)).toBe(Fault.none);
  return records.map((_, i) => recordShape(bytes[start]!, bytes, start + columns.offsets[i]!));
}
const shape = (codec: CodecName, more: Partial<TestRecord>): number => shapes(codec, [{ ...RECORD, ...more }])[0]!;

test.each([...CODEC_NAMES])("the shape of a record, codec %s, is that of its elements and not of what they say", (codec) => {
  const one = shape(codec, { io: USUAL });
  const other = io([239, "00"], [66, "ffff"], [241, "12345678"], [78, "ffffffffffffffff"]);
  expect(shape(codec, { io: other, latRaw: -5, speed: 0, satellites: 0, priority: 1, time: 7, generationType: 1 })).toBe(one);
  expect(shapes(codec, [{ ...RECORD, io: USUAL }, { ...RECORD, io: other }, { ...RECORD, io: [] }]).slice(0, 2)).toEqual([one, one]);
  const others = [[], USUAL.slice(1), io([240, "01"], [66, "2f10"], [241, "00006100"], [78, "0000000000000001"]), io([239, "0001"])];
  const all = [one, ...others.map((elements) => shape(codec, { io: elements }))];
  expect([new Set(all).size, all.includes(0)]).toEqual([all.length, false]);
});

test("the length of a value that states its length is no part of the shape", () => {
  expect(shape("8E", { io: io([10828, "010203"]) })).toBe(shape("8E", { io: io([10828, "01020304050607"]) }));
  expect(shape("8E", { io: io([10828, "010203"]) })).not.toBe(shape("8E", { io: [] }));
});

test.each([...CODEC_NAMES])("a record made by an event, codec %s, has no shape", (codec) => {
  expect(shape(codec, { eventId: 239, io: USUAL })).toBe(0);
});

test("a fingerprint is written as the codec and the shape, as far as they are known", () => {
  expect([fingerprintText(0x8e, 0x1f2e3d4c), fingerprintText(8, 1), fingerprintText(0x10, 0), fingerprintText(0, 5)]).toEqual([
    "8E/1f2e3d4c",
    "8/00000001",
    "16",
    null,
  ]);
});
