/** Pages of one device's stored frames, newest first, as they came. Reader threads. */
import { asSeq } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Where } from "./device_entries.ts";
import { EntryView } from "./entry.ts";
import type { FramesPage, StoredFrame } from "./port.ts";
import type { RowCache } from "./row_cache.ts";
import type { RunTable } from "./runs.ts";
import type { Tail } from "./tail.ts";

interface Found {
  readonly body: Uint8Array;
  readonly at: number;
  readonly seq: number;
}

export class FramePages {
  readonly #runs: RunTable;
  readonly #rows: RowCache;
  readonly #limits: Pick<Limits, "pageBytes">;
  readonly #view = new EntryView();

  constructor(runs: RunTable, rows: RowCache, limits: Pick<Limits, "pageBytes">) {
    this.#runs = runs;
    this.#rows = rows;
    this.#limits = limits;
  }

  /** Frames whose first new record has a seq of `upTo` or less: up to `limit` of them and the bytes of a page, but one at least. */
  page(where: Where, device: number, upTo: number, limit: number): FramesPage {
    const frames: StoredFrame[] = [];
    let bytes = 0;
    for (const found of this.#back(where, device, upTo)) {
      const view = this.#view.over(found.body, found.at);
      if (!view.isFrame) continue;
      if (frames.length > 0 && (frames.length === limit || bytes + view.data.length > this.#limits.pageBytes)) {
        return { frames, more: true };
      }
      const frame = frameOf(view, found.seq);
      bytes += frame.bytes.length;
      frames.push(frame);
    }
    return { frames, more: false };
  }

  *#back(where: Where, device: number, upTo: number): IterableIterator<Found> {
    yield* backInTail(where.tail, device, upTo);
    for (let s = where.segments.length - 1; s >= 0; s--) {
      const segment = where.segments[s]!;
      if (segment.firstSeq > upTo) continue;
      if (segment.lastSeq < where.oldest) return;
      for (const refs of this.#runs.back(segment, device, upTo)) {
        for (let i = refs.count - 1; i >= 0; i--) {
          const seq = refs.seq(i);
          // An event has no time range.
          if (seq > upTo || refs.rowSeq(i) < where.oldest || refs.min(i) > refs.max(i)) continue;
          const body = this.#rows.body(refs.rowSeq(i));
          if (body !== null) yield { body, at: refs.offset(i), seq };
        }
      }
    }
  }
}

function* backInTail({ refs, bodies }: Tail, device: number, upTo: number): IterableIterator<Found> {
  const own: number[] = [];
  for (let i = refs.first(device); i >= 0 && refs.seq[i]! <= upTo; i = refs.next(i)) if (refs.min[i]! <= refs.max[i]!) own.push(i);
  for (let i = own.pop(); i !== undefined; i = own.pop()) {
    yield { body: bodies[refs.row[i]!]!, at: refs.offset[i]!, seq: refs.seq[i]! };
  }
}

const frameOf = (view: EntryView, seq: number): StoredFrame => ({
  seq: asSeq(seq),
  fence: view.fence,
  receivedAt: view.time,
  records: view.n,
  newRecords: view.seqs,
  unfenced: view.isUnfenced,
  quarantined: view.isQuarantined,
  redecoded: view.isRedecoded,
  bytes: view.data,
});
