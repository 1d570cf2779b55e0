/** Pages of one device's records, in seq order or in order of record time. Reader threads. */
import { recordEnd } from "../codec/teltonika/avl.ts";
import { asSeq } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { DeviceEntries, FoundEntry, Where } from "./device_entries.ts";
import { EntryView } from "./entry.ts";
import type { RecordsAnswer, RecordsQuery, StoredRecord } from "./port.ts";
import { recordTime } from "./record_walk.ts";

export type ReaderLimits = Pick<Limits, "pageBytes" | "pageRecords" | "sortedMatches">;

const AFTER = /^s(\d{1,16})$|^t(\d{1,16})\.(\d{1,16})$/;

interface Match {
  readonly time: number;
  readonly record: StoredRecord;
}

export class RecordPages {
  readonly #entries: DeviceEntries;
  readonly #limits: ReaderLimits;
  readonly #view = new EntryView();

  constructor(entries: DeviceEntries, limits: ReaderLimits) {
    this.#entries = entries;
    this.#limits = limits;
  }

  page(where: Where, device: number, query: RecordsQuery): RecordsAnswer {
    const after = query.after === null ? null : AFTER.exec(query.after);
    if (query.after !== null && (after === null || (after[1] === undefined) !== (query.order === "time"))) return { kind: "bad_after" };
    const limit = Math.max(1, Math.min(query.limit, this.#limits.pageRecords));
    if (query.order === "seq") return this.#bySeq(where, device, query, Number(after?.[1] ?? 0), limit);
    return this.#byTime(where, device, query, Number(after?.[2] ?? -1), Number(after?.[3] ?? -1), limit);
  }

  /** `next` is the seq of the first record of the next page. */
  #bySeq(where: Where, device: number, query: RecordsQuery, from: number, limit: number): RecordsAnswer {
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const { record } of this.#matches(where, device, query, from)) {
      if (records.length === limit || (records.length > 0 && bytes + record.bytes.length > this.#limits.pageBytes)) {
        return { kind: "page", records, next: `s${record.seq}` };
      }
      bytes += record.bytes.length;
      records.push(record);
    }
    return { kind: "page", records, next: null };
  }

  /** `next` is time and seq of the last record given. */
  #byTime(where: Where, device: number, query: RecordsQuery, afterTime: number, afterSeq: number, limit: number): RecordsAnswer {
    const found: Match[] = [];
    let matches = 0;
    for (const match of this.#matches(where, device, query, 0)) {
      if (++matches > this.#limits.sortedMatches) return { kind: "too_many", matches };
      if (match.time > afterTime || (match.time === afterTime && match.record.seq > afterSeq)) found.push(match);
    }
    found.sort((a, b) => a.time - b.time || a.record.seq - b.record.seq);
    let taken = 0;
    let bytes = 0;
    while (taken < found.length && taken < limit && (taken === 0 || bytes + found[taken]!.record.bytes.length <= this.#limits.pageBytes)) {
      bytes += found[taken++]!.record.bytes.length;
    }
    const last = found[taken - 1];
    const next = taken === found.length || last === undefined ? null : `t${last.time}.${last.record.seq}`;
    return { kind: "page", records: found.slice(0, taken).map((match) => match.record), next };
  }

  *#matches(where: Where, device: number, query: RecordsQuery, from: number): IterableIterator<Match> {
    const lo = query.from ?? -Infinity;
    const hi = query.to ?? Infinity;
    for (const entry of this.#entries.from(where, device, from, { from: lo, to: hi })) yield* this.#recordsOf(entry, lo, hi, from);
  }

  *#recordsOf(found: FoundEntry, lo: number, hi: number, from: number): IterableIterator<Match> {
    const { body } = found;
    const view = this.#view.over(body, found.at);
    const { n, end, dataAt, fence, time: receivedAt, isQuarantined: quarantined, isUnfenced: unfenced, isRedecoded: redecoded } = view;
    const codec = body[dataAt]!;
    let seq = found.seq;
    let start = dataAt + 2;
    for (let i = 0; i < n; i++) {
      const to = recordEnd(codec, body, start, end);
      if (view.over(body, found.at).isNew(i)) {
        const time = recordTime(body, start);
        if (time >= lo && time <= hi && seq >= from) {
          const bytes = body.subarray(start, to);
          yield { time, record: { seq: asSeq(seq), fence, receivedAt, quarantined, unfenced, redecoded, codec, bytes } };
        }
        seq++;
      }
      start = to;
    }
  }
}
