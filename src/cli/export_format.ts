/** Stored records as lines of a file: NDJSON, CSV (RFC 4180) and GPX 1.1. Pure. */
import type { NamedValue } from "../codec/io_value.ts";
import type { AvlRecord } from "../codec/record.ts";

/** A stored record as `GET /v1/devices/{id}/records` gives it. */
export interface ExportedRecord extends AvlRecord {
  readonly seq: number;
  readonly device: string;
  readonly fence: number;
  readonly receivedAt: number;
  readonly named?: Readonly<Record<string, NamedValue>> | undefined;
  readonly invalid?: boolean | undefined;
  readonly quarantined?: boolean | undefined;
  readonly unfenced?: boolean | undefined;
  readonly redecoded?: boolean | undefined;
}

/** Turns records into text: `head`, a piece per record, `tail`. */
export interface ExportFormat {
  /** GPX wants a track in order of time; the others take the journal's order. */
  readonly order: "seq" | "time";
  head(device: string): string;
  record(record: ExportedRecord): string;
  tail(): string;
}

export const EXPORT_FORMATS = ["ndjson", "csv", "gpx"] as const;
export type ExportFormatName = (typeof EXPORT_FORMATS)[number];

export function exportFormat(name: ExportFormatName): ExportFormat {
  return name === "csv" ? csv() : name === "gpx" ? gpx() : ndjson();
}

const ndjson = (): ExportFormat => ({
  order: "seq",
  head: () => "",
  record: (record) => `${JSON.stringify(record)}\n`,
  tail: () => "",
});

const COLUMNS = [
  "device",
  "seq",
  "time",
  "lat",
  "lon",
  "altitude",
  "angle",
  "satellites",
  "speed",
  "priority",
  "eventId",
  "generationType",
  "fence",
  "receivedAt",
] as const;
/** What makes a record another one than the good ones of the device's own connection. */
const MARKS = ["invalid", "quarantined", "unfenced", "redecoded"] as const;
const TIMES: ReadonlySet<string> = new Set(["time", "receivedAt"]);
const DEGREES: ReadonlySet<string> = new Set(["lat", "lon"]);

const csv = (): ExportFormat => ({
  order: "seq",
  head: () => `${COLUMNS.join(",")},marks,io\r\n`,
  record(record) {
    const cells = COLUMNS.map((column) => cell(cellText(column, record[column])));
    const marks = MARKS.filter((mark) => record[mark] === true).join(" ");
    return `${cells.join(",")},${marks},${cell(ioText(record))}\r\n`;
  },
  tail: () => "",
});

function cellText(column: string, value: string | number | null): string {
  if (typeof value !== "number") return value ?? "";
  return TIMES.has(column) ? isoTime(value) : DEGREES.has(column) ? decimal(value) : String(value);
}

const cell = (text: string): string => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** `66=5e0f;21=03`, and where a value is known by name `External Voltage=24.079 V`. */
function ioText({ io, named }: ExportedRecord): string {
  return Object.entries(io).map(([id, hex]) => {
    const known = named?.[id];
    return known === undefined ? `${id}=${hex}` : `${known.name}=${known.value}${known.unit === undefined ? "" : ` ${known.unit}`}`;
  }).join(";");
}

/** A pause longer than this begins a new segment: no line is drawn over it. */
const SEGMENT_GAP_MS = 10 * 60_000;
const LAST_YEAR_MS = 253_402_300_799_999;

function gpx(): ExportFormat {
  let last = Number.NaN;
  return {
    order: "time",
    head: (device) =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="Berth" xmlns="http://www.topografix.com/GPX/1/1">\n` +
      `<trk><name>${xml(device)}</name>\n`,
    record(record) {
      if (!hasPlace(record)) return "";
      const begins = Number.isNaN(last);
      const pauses = !begins && record.time - last > SEGMENT_GAP_MS;
      last = record.time;
      const open = begins ? "<trkseg>\n" : pauses ? "</trkseg>\n<trkseg>\n" : "";
      const { lat, lon, altitude, satellites } = record;
      return `${open}<trkpt lat="${decimal(lat)}" lon="${decimal(lon === 180 ? -180 : lon)}"><ele>${altitude}</ele><time>${
        isoTime(record.time)
      }</time><sat>${satellites}</sat></trkpt>\n`;
    },
    tail: () => `${Number.isNaN(last) ? "" : "</trkseg>\n"}</trk>\n</gpx>\n`,
  };
}

/** A track has only fixes, at places that exist and times a calendar has. */
const hasPlace = ({ satellites, lat, lon, time }: ExportedRecord): boolean =>
  satellites > 0 && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && time <= LAST_YEAR_MS;

/** Degrees without an exponent, which GPX does not have and spreadsheets misread: a ten-millionth is 0.0000001. */
const decimal = (value: number): string => Math.abs(value) >= 1e-6 || value === 0 ? String(value) : value.toFixed(7);

/** ISO 8601; what no calendar has stays a number. */
const isoTime = (ms: number): string => ms <= LAST_YEAR_MS ? new Date(ms).toISOString() : String(ms);

const XML: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&apos;" };
const xml = (text: string): string => text.replaceAll(/[<>&"']/g, (character) => XML[character]!);
