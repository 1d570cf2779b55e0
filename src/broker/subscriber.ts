/**
 * One subscriber: its place in the journal and the bytes it has not taken yet.
 *
 *   catching ──position reaches the head──▶ live ──a bound is hit──▶ catching
 *       └────────────── ended: what is queued is still taken, then nothing ──┘
 *
 * Every matching event up to `position` was queued, once, or is in the hole before it. Pure; owned by an http thread.
 */
import { asMonoMs, type MonoMs } from "../base/brand.ts";
import { Deque } from "../base/deque.ts";
import type { Batch, Format } from "./batch.ts";
import type { Filter } from "./filter.ts";

/** Why the gateway ended a subscription; metric label. */
export type DropCause = "slow" | "age" | "shutdown";

interface Chunk {
  readonly bytes: Uint8Array;
  readonly events: number;
}

/** A connection, for bytes that need not be queued. */
export interface Outlet {
  /** It takes bytes now. */
  readonly takes: boolean;
  /** Only while it does. */
  write(bytes: Uint8Array): void;
}

/** What one client has not taken, over all its subscriptions: the bounds are a client's. */
export class Account {
  events = 0;
  bytes = 0;
  /** The most there ever was of both. */
  peak = 0;
  #inHand = 0;
  readonly members = new Set<Subscriber>();
  /** One of them stopped for want of room. */
  starved = false;

  /** Bytes taken, and still in the hands of its connection. */
  get inHand(): number {
    return this.#inHand;
  }
  set inHand(bytes: number) {
    this.#inHand = bytes;
    this.peak = Math.max(this.peak, this.bytes + bytes);
  }
}

/** A newer record of the device stands for the one of this seq: whoever waits for it will get that one. */
export type IsSuperseded = (device: string, seq: number) => boolean;

/** What was left out and not told yet: `events` of the seqs from `from` to `to`; none of the others is for the subscriber. */
export interface Hole {
  readonly from: number;
  to: number;
  events: number;
}

/** What makes one subscriber's stream different from another's. */
export interface Wanted {
  readonly filter: Filter;
  readonly format: Format;
  readonly account: Account;
  readonly isSuperseded: IsSuperseded | null;
}

export class Subscriber {
  readonly filter: Filter;
  readonly format: Format;
  readonly account: Account;
  /** Null: every event is wanted. */
  readonly isSuperseded: IsSuperseded | null;
  /** Up to here nothing is left out all the same, as it was but a little behind that: when it came, or fell behind. */
  wholeUpTo = 0;
  /** The last events before the position, where they were left out and that was not told yet. */
  hole: Hole | null = null;
  state: "catching" | "live" | "ended" = "catching";
  /** While catching: seq up to which everything was queued. While live the broker's head is its position. */
  position: number;
  /** Highest id it was sent. */
  lastId: number;
  /** Batches of the page it is reading, and which of them is next. */
  page: readonly Batch[] | null = null;
  pageAt = 0;
  /** It stands in the line for a page, or one is under way. */
  paging = false;
  /** Since when it has been behind after having been live, or has not taken what is queued. */
  fellBehindAt: MonoMs | null = null;
  stalledAt: MonoMs | null = null;
  /** Null as long as there is none: everything is queued. */
  outlet: Outlet | null = null;
  beatAt: MonoMs;
  readonly endsAt: MonoMs;
  queuedEvents = 0;
  queuedBytes = 0;
  readonly #queue = new Deque<Chunk>();

  constructor(wish: Wanted, position: number, beatAt: MonoMs, endsAt: MonoMs) {
    this.filter = wish.filter;
    this.format = wish.format;
    this.account = wish.account;
    this.isSuperseded = wish.isSuperseded;
    this.position = position;
    this.lastId = position;
    this.beatAt = beatAt;
    this.endsAt = endsAt;
  }

  /** Every matching event up to here was queued, or told to be left out. */
  get heardUpTo(): number {
    return this.hole === null ? this.position : this.hole.from - 1;
  }

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** `bytes` may be shared with others: never written to. */
  queue(bytes: Uint8Array, events: number, now: MonoMs): void {
    if (bytes.length === 0) return;
    if (this.idle) this.stalledAt = now;
    this.#queue.push({ bytes, events });
    this.#count(bytes.length, events);
  }

  take(now: MonoMs): Chunk | undefined {
    const chunk = this.#queue.shift();
    if (chunk === undefined) return undefined;
    this.#count(-chunk.bytes.length, -chunk.events);
    this.stalledAt = this.idle ? null : asMonoMs(now);
    return chunk;
  }

  /** The client went away: what it has not taken counts for its other subscriptions no more. */
  forget(): void {
    while (this.#queue.shift() !== undefined);
    this.#count(-this.queuedBytes, -this.queuedEvents);
  }

  #count(bytes: number, events: number): void {
    this.queuedBytes += bytes;
    this.queuedEvents += events;
    this.account.bytes += bytes;
    this.account.events += events;
    if (bytes > 0) this.account.peak = Math.max(this.account.peak, this.account.bytes + this.account.inHand);
  }
}
