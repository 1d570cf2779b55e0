/** Exported records as text: each format by what a reader of it relies on. */
import { expect, test } from "bun:test";
import { type ExportedRecord, exportFormat } from "../../../src/cli/export_format.ts";

const T = Date.UTC(2026, 2, 1, 8, 0, 0);
const record = (changes: Partial<ExportedRecord> = {}): ExportedRecord => ({
  seq: 7,
  device: "356307042441013",
  fence: 2048,
  receivedAt: T + 500,
  time: T,
  priority: 0,
  lon: 25.2797,
  lat: 54.6872,
  altitude: 99,
  angle: 90,
  satellites: 12,
  speed: 54,
  eventId: 0,
  generationType: null,
  io: { 66: "5e0f", 21: "03" },
  ...changes,
});

const written = (name: "ndjson" | "csv" | "gpx", records: readonly ExportedRecord[]): string => {
  const format = exportFormat(name);
  return format.head("356307042441013") + records.map((each) => format.record(each)).join("") + format.tail();
};

test("ndjson is the records as the gateway gives them, one a line", () => {
  expect(written("ndjson", [record(), record({ seq: 8 })]).split("\n").filter(Boolean).map((line) => JSON.parse(line) as unknown))
    .toEqual([record(), record({ seq: 8 })]);
});

test("csv has a header, ISO times, and quotes what needs it", () => {
  const named = { 21: { name: "GSM Signal", value: 3 }, 66: { name: 'Ext "V", raw', value: 24.079, unit: "V" } };
  expect(written("csv", [record(), record({ named, unfenced: true, redecoded: true })])).toBe(
    "device,seq,time,lat,lon,altitude,angle,satellites,speed,priority,eventId,generationType,fence,receivedAt,marks,io\r\n" +
      "356307042441013,7,2026-03-01T08:00:00.000Z,54.6872,25.2797,99,90,12,54,0,0,,2048,2026-03-01T08:00:00.500Z,,21=03;66=5e0f\r\n" +
      '356307042441013,7,2026-03-01T08:00:00.000Z,54.6872,25.2797,99,90,12,54,0,0,,2048,2026-03-01T08:00:00.500Z,unfenced redecoded,"GSM Signal=3;Ext ""V"", raw=24.079 V"\r\n',
  );
});

test("a time that no calendar has stays a number", () => {
  expect(written("csv", [record({ time: Number.MAX_SAFE_INTEGER })])).toContain(",9007199254740991,");
});

test("gpx draws fixes only, and no line over a pause", () => {
  const text = written("gpx", [
    record(),
    record({ time: T + 60_000, satellites: 0 }),
    record({ time: T + 120_000, lat: 91 }),
    record({ time: T + 180_000, lat: 54.7 }),
    record({ time: T + 3_600_000, lat: 54.8 }),
    record({ time: Number.MAX_SAFE_INTEGER }),
  ]);
  expect(text.match(/<trkseg>[^]*?<\/trkseg>/g)?.map((segment) => segment.match(/lat="([^"]*)"/g))).toEqual([
    ['lat="54.6872"', 'lat="54.7"'],
    ['lat="54.8"'],
  ]);
  expect(text).toContain('<trkpt lat="54.6872" lon="25.2797"><ele>99</ele><time>2026-03-01T08:00:00.000Z</time><sat>12</sat></trkpt>');
  expect(text.endsWith("</trk>\n</gpx>\n")).toBe(true);
});

test("degrees are decimals without an exponent, and gpx has no 180 east", () => {
  const near = record({ lat: -5e-7, lon: 1e-7 });
  expect(written("gpx", [near, record({ lat: 0, lon: 180 })])).toMatch(/lat="-0\.0000005" lon="0\.0000001"[^]*lat="0" lon="-180"/);
  expect(written("csv", [near])).toContain(",-0.0000005,0.0000001,");
});

test("gpx of nothing is a track without segments, and names are escaped", () => {
  const format = exportFormat("gpx");
  const text = format.head("<a & b>") + format.tail();
  expect(text).toContain("<name>&lt;a &amp; b&gt;</name>");
  expect(text).not.toContain("trkseg");
});
