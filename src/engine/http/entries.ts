/**
 * The two implementations of EntrySource an http thread follows the journal with: the broadcast ring while it keeps up,
 * pages of a reader when it was lapped. One contract suite runs over both (test/contract/entries.test.ts).
 */
import { asSeq, type Seq } from "../../base/brand.ts";
import { BroadcastConsumer } from "../../ring/broadcast.ts";
import { EntryView } from "../../store/entry.ts";
import type { EntriesAnswer, EntrySource, Row } from "../../store/port.ts";
import { assert } from "../../base/assert.ts";
import type { ReaderClient } from "./queries.ts";

/** Pages of a reader. A store that cannot be read now is asked again: whoever follows the journal has nothing else to do. */
export class PagedEntries implements EntrySource {
  readonly #readers: ReaderClient;
  readonly #pause: () => Promise<void>;

  constructor(readers: ReaderClient, pause: () => Promise<void>) {
    this.#readers = readers;
    this.#pause = pause;
  }

  async entries(from: Seq): Promise<EntriesAnswer> {
    for (;;) {
      const answer = await this.#readers.ask({ type: "entries", from });
      if (answer.kind === "rows" || answer.kind === "behind") return answer;
      assert(answer.kind === "busy", `entries were answered with ${answer.kind}`);
      await this.#pause();
    }
  }
}

/** The broadcast ring. It has one place: what was given out is gone, and an older position is `behind`. */
export class RingEntries implements EntrySource {
  readonly #ring: BroadcastConsumer;
  readonly #pageBytes: number;
  readonly #committed: () => Seq;
  readonly #view = new EntryView();
  #held: Row | null = null;
  #lapped = false;

  /** `committed`: the word all threads share; names the oldest position after a lap, when nothing newer is there yet. */
  constructor(memory: SharedArrayBuffer, pageBytes: number, committed: () => Seq) {
    this.#ring = new BroadcastConsumer(memory);
    this.#pageBytes = pageBytes;
    this.#committed = committed;
  }

  hasNext(): boolean {
    return this.#held === null ? this.#ring.hasNext() : this.#held.seq <= this.#committed();
  }

  entries(from: Seq): EntriesAnswer {
    const rows: Row[] = [];
    let next = from;
    let bytes = 0;
    while (bytes < this.#pageBytes) {
      const row = this.#peek();
      if (row === null) break;
      const end = this.#endOf(row);
      if (end <= next) this.#held = null;
      else if (row.seq > next) break;
      else {
        this.#held = null;
        const part = this.#from(row, next);
        rows.push(part);
        bytes += part.body.length;
        next = end;
      }
    }
    if (rows.length > 0) return { kind: "rows", rows, next };
    if (this.#held !== null && this.#held.seq <= this.#committed()) {
      this.#lapped = false;
      return { kind: "behind", oldest: this.#held.seq };
    }
    if (this.#lapped && this.#committed() >= from) {
      this.#lapped = false;
      return { kind: "behind", oldest: asSeq(this.#committed() + 1) };
    }
    return { kind: "rows", rows, next };
  }

  #peek(): Row | null {
    while (this.#held === null) {
      const read = this.#ring.read();
      if (read === "row") this.#held = { seq: this.#ring.seq, body: this.#ring.body };
      else if (read === "empty") return null;
      else this.#lapped = true;
    }
    // A row is there as soon as it is written; it is to be seen when it is on the disk.
    return this.#held.seq <= this.#committed() ? this.#held : null;
  }

  #endOf(row: Row): Seq {
    let seq: number = row.seq;
    const view = this.#view.over(row.body);
    for (let at = 0; view.load(at); at += view.length) seq += view.seqs;
    return asSeq(seq);
  }

  /** The row from the entry holding `from` on. */
  #from(row: Row, from: Seq): Row {
    let seq: number = row.seq;
    const view = this.#view.over(row.body);
    for (let at = 0; view.load(at); at += view.length) {
      if (seq + view.seqs > from) return at === 0 ? row : { seq: asSeq(seq), body: row.body.subarray(at) };
      seq += view.seqs;
    }
    return row;
  }
}
