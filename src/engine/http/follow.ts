/**
 * How an http thread follows the journal: hydrates the device fold from a reader, then takes every committed entry in
 * order, from the broadcast ring while it keeps up and from pages of a reader when it was lapped, folds it and gives it to
 * the broker. `position` is the seq all of this has reached: the cursor of a hydrate answer. Owned by an http thread.
 */
import { assert, broken } from "../../base/assert.ts";
import { asDeviceId, asDeviceNo, asMonoMs, asSeq, type DeviceNo, type MonoMs, type Seq } from "../../base/brand.ts";
import type { Batch } from "../../broker/batch.ts";
import { DeviceFold } from "../../store/device_fold.ts";
import { EntryView } from "../../store/entry.ts";
import type { EntriesAnswer, EntrySource, Row } from "../../store/port.ts";
import type { Answer } from "../../wire/query_answer.ts";
import type { BatchMaker } from "./batch.ts";
import type { RingEntries } from "./entries.ts";

/** Where what was followed goes. */
export interface Followed {
  /** One tick's batches, already folded. */
  published(batches: readonly Batch[], now: MonoMs): void;
  /** The store forgot entries this thread had not read: it goes on at `next`. */
  restarted(next: Seq): void;
  /** Lapped by the broadcast ring. */
  overrun(): void;
}

export interface FollowPorts {
  readonly ring: RingEntries;
  readonly pages: EntrySource;
  devices(after: DeviceNo): Promise<Answer>;
  committed(): Seq;
  mono(): MonoMs;
  pause(): Promise<void>;
  /** Somebody waits: has `advance` called soon. */
  wake(): void;
}

/** With nothing in the ring and more committed for this long, the row was too large for the ring, or a lap went unseen. */
const RING_LATE_MS = 5;

export class Follower {
  readonly fold = new DeviceFold();
  /** For subscribers in mode latest: a record that a newer one stands for. */
  readonly isSuperseded = (device: string, seq: number): boolean => this.fold.isSuperseded(asDeviceId(device), seq);
  readonly #ports: FollowPorts;
  readonly #to: Followed;
  readonly #maker: BatchMaker;
  readonly #view = new EntryView();
  readonly #waiting: { readonly seq: Seq; reached(yes: boolean): void }[] = [];
  #next: Seq = asSeq(1);
  #hydrated = false;
  #busy = false;
  #lateSince: MonoMs | null = null;

  constructor(ports: FollowPorts, maker: BatchMaker, to: Followed) {
    this.#ports = ports;
    this.#maker = maker;
    this.#to = to;
  }

  get hydrated(): boolean {
    return this.#hydrated;
  }
  /** Seq of the newest event folded and published. */
  get position(): Seq {
    return asSeq(this.#next - 1);
  }

  /** Reads every device; afterwards the journal is followed from there. Each page has a seq of its own, kept as its mark. */
  async hydrate(): Promise<void> {
    let first: Seq | null = null;
    let after: DeviceNo | null = asDeviceNo(0);
    while (after !== null) {
      const answer: Answer = await this.#ports.devices(after);
      if (answer.kind === "devices") {
        first ??= answer.seq;
        this.fold.hydrate(answer.devices, answer.seq);
        after = answer.next;
      } else {
        assert(answer.kind === "busy", `devices were answered with ${answer.kind}`);
        await this.#ports.pause();
      }
    }
    this.#next = asSeq((first ?? asSeq(0)) + 1);
    this.#to.restarted(this.#next);
    this.#hydrated = true;
    this.#tellWaiting();
  }

  /** Something to take now, or soon: a look at the clock decides. */
  hasWork(): boolean {
    return this.#hydrated && !this.#busy && this.#ports.ring.hasNext();
  }

  /** Takes what the ring has. A promise when pages are needed; nothing else is followed before it settles. */
  advance(): Promise<void> | null {
    if (!this.#hydrated || this.#busy) return null;
    for (;;) {
      const answer = this.#ports.ring.entries(this.#next);
      if (answer.kind === "behind") {
        this.#to.overrun();
        return this.#catchUp();
      }
      if (answer.rows.length === 0) break;
      this.#take(answer.rows, answer.next);
    }
    return this.#isLate() ? this.#catchUp() : null;
  }

  /** Does somebody wait for what was not folded yet? */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** True as soon as everything up to `seq` is folded; false after `waitMs`. */
  reach(seq: Seq, waitMs: number): Promise<boolean> {
    if (this.#hydrated && this.position >= seq) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), waitMs);
      this.#waiting.push({
        seq,
        reached(yes) {
          clearTimeout(timer);
          resolve(yes);
        },
      });
      this.#ports.wake();
    });
  }

  stop(): void {
    for (const each of this.#waiting.splice(0)) each.reached(false);
  }

  #isLate(): boolean {
    if (this.#ports.committed() < this.#next) {
      this.#lateSince = null;
      return false;
    }
    const now = this.#ports.mono();
    this.#lateSince ??= now;
    return now - this.#lateSince >= RING_LATE_MS;
  }

  /** Milliseconds until `advance` should be called again though nothing rings; null: when it rings. */
  get againInMs(): number | null {
    return this.#lateSince === null || this.#busy ? null : RING_LATE_MS;
  }

  async #catchUp(): Promise<void> {
    this.#busy = true;
    this.#lateSince = null;
    try {
      while (this.#next <= this.#ports.committed()) {
        const answer: EntriesAnswer = await this.#ports.pages.entries(this.#next);
        if (answer.kind === "behind") {
          await this.hydrate();
          break;
        }
        this.#take(answer.rows, answer.next);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Folds the rows and publishes them. A row may begin before `#next`, inside an entry already taken: that part is skipped. */
  #take(rows: readonly Row[], next: Seq): void {
    const batches: Batch[] = [];
    for (const row of rows) {
      const own = this.#fold(row);
      if (own !== null) batches.push(this.#maker.batch(own, true));
    }
    this.fold.settle();
    if (this.#next !== next) broken(`followed to ${this.#next}, expected ${next}`);
    if (batches.length > 0) this.#to.published(batches, asMonoMs(this.#ports.mono()));
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.seq <= this.position) this.#waiting.splice(i, 1)[0]!.reached(true);
    }
  }

  /** Folds the row's entries from `#next` on. What is left of the row, or null when all of it was known. */
  #fold(row: Row): Row | null {
    let seq: number = row.seq;
    let start = -1;
    const view = this.#view.over(row.body);
    for (let at = 0; view.load(at); at += view.length) {
      const seqs = view.seqs;
      if (seq >= this.#next) {
        if (start < 0) start = at;
        this.fold.apply(view, asSeq(seq));
        this.#next = asSeq(seq + seqs);
      }
      seq += seqs;
    }
    if (start < 0) return null;
    return start === 0 ? row : { seq: asSeq(this.#next - this.#seqsFrom(row, start)), body: row.body.subarray(start) };
  }

  #seqsFrom(row: Row, start: number): number {
    let seqs = 0;
    const view = this.#view.over(row.body);
    for (let at = start; view.load(at); at += view.length) seqs += view.seqs;
    return seqs;
  }
}
