/**
 * Reads the records of a range out of `GET /v1/devices/{id}/records`, a bounded number of pages: where a range up to the newest
 * record holds more, its older part is left out, and that is told. Owned by the page.
 */
import { err, ok, type Result } from "../../../base/result.ts";
import type { StoredJson } from "../../schema.ts";
import { NO_END, type Range } from "./track.ts";

export type GetJson = (path: string) => Promise<Result<unknown, string>>;

export interface Read {
  readonly records: readonly StoredJson[];
  /** Read from here on; later than asked for when there were too many. */
  readonly from: number;
  /** And up to here; null: to the end of the range. */
  readonly until: number | null;
}

export const PAGE_RECORDS = 1000;
export const PAGES = 10;
/** A range is made shorter so often before the reader must choose. */
const TRIES = 12;
/** The gateway sorts so many records at most by time. */
const TOO_MANY = " answered 422 ";

interface Page {
  readonly records: readonly StoredJson[];
  readonly next: string | null;
}

/** Tells the pages apart from a fault. Null: more than can be sorted. */
async function pageOf(getJson: GetJson, path: string): Promise<Result<Page | null, string>> {
  const answer = await getJson(path);
  if (answer.ok) return ok(answer.value as Page);
  return answer.message.includes(TOO_MANY) ? ok(null) : answer;
}

/** The same range, so much shorter that what is left should fit: half as long at most, a quarter where it could not be sorted. */
function shorter(from: number, to: number, newest: number, records: readonly StoredJson[]): number {
  const end = Math.min(to, newest);
  const first = records[0];
  const last = records.at(-1);
  if (first === undefined || last === undefined || last.time <= first.time) return Math.ceil(end - (end - from) / 4);
  const perMs = records.length / (last.time - first.time);
  return Math.ceil(Math.min(end - 1, Math.max(end - (end - from) / 2, end - (0.8 * PAGES * PAGE_RECORDS) / perMs)));
}

/** `newest`: the time of the newest position, as far as is known. */
export async function readTrack(getJson: GetJson, id: string, range: Range, newest: number): Promise<Result<Read, string>> {
  let { from } = range;
  for (let tries = 0; tries < TRIES; tries++) {
    const read = await readPages(getJson, id, from, range.to);
    if (!read.ok) return read;
    const { records, next } = read.value;
    if (next === null) return ok({ records, from, until: null });
    // What was chosen by its ends is shown from its beginning.
    if (range.latestMs === null && records.length > 0) return ok({ records, from, until: records.at(-1)!.time });
    const later = shorter(from, range.to, newest, records);
    if (later <= from || later > range.to) return ok({ records, from, until: records.at(-1)?.time ?? from });
    from = later;
  }
  return err("too_many", "too many records: choose a shorter range");
}

/** Up to the bound. `next` "": more than can be sorted. */
async function readPages(getJson: GetJson, id: string, from: number, to: number): Promise<Result<Page, string>> {
  const records: StoredJson[] = [];
  let after = "";
  for (let page = 0; page < PAGES; page++) {
    const query = new URLSearchParams({ order: "time", limit: String(PAGE_RECORDS), from: String(from) });
    if (to !== NO_END) query.set("to", String(to));
    if (after !== "") query.set("after", after);
    const answer = await pageOf(getJson, `/v1/devices/${encodeURIComponent(id)}/records?${query.toString()}`);
    if (!answer.ok) return answer;
    if (answer.value === null) return ok({ records, next: "" });
    for (const record of answer.value.records) records.push(record);
    if (answer.value.next === null) return ok({ records, next: null });
    after = answer.value.next;
  }
  return ok({ records, next: after });
}
