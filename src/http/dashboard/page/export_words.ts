/** The command and the address that give the records of a range to somebody who wants them as a file. Pure. */

/** Where the command looks by itself. */
const DEFAULT_URL = "http://127.0.0.1:8080";

export interface Wanted {
  readonly id: string;
  readonly from: number;
  /** Null: no end. */
  readonly to: number | null;
}

/** As a shell takes it whatever is in it. */
const quoted = (text: string): string => (/^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");

export function exportCommand({ id, from, to }: Wanted, format: "gpx" | "csv" | "ndjson", origin: string): string {
  const until = to === null ? "" : ` --to ${iso(to)}`;
  const url = origin === DEFAULT_URL ? "" : ` --url ${quoted(origin)}`;
  return `berth export ${quoted(id)} --from ${iso(from)}${until} --format ${format}${url} > ${quoted(`${id}.${format}`)}`;
}

export function recordsPath({ id, from, to }: Wanted): string {
  const until = to === null ? "" : `&to=${to}`;
  return `/v1/devices/${encodeURIComponent(id)}/records?order=time&from=${Math.max(0, from)}${until}&limit=1000`;
}
