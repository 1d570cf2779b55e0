/**
 * What the broker asks of its shell and gets from it: counts, subscriptions, pages. Pure types.
 */
import type { Seq } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Batch, Format } from "./batch.ts";
import type { ResyncCause } from "./cursor.ts";
import type { Filter } from "./filter.ts";
import type { Account, DropCause, IsSuperseded, Subscriber } from "./subscriber.ts";

/** Why events are missing: kept no more, or newer ones stand for them; metric label. */
export type GapCause = "retention" | "coalesced";

export type BrokerLimits = Pick<
  Limits,
  | "windowEvents"
  | "windowBytes"
  | "windowMs"
  | "subscriberEvents"
  | "subscriberBytes"
  | "subscriberLagMs"
  | "subscribers"
  | "heartbeatMs"
  | "pagesInFlight"
>;

/** Counts, wherever they go. */
export interface Tally {
  subscribers(now: number, transport: "sse" | "ws"): void;
  dropped(cause: DropCause): void;
  resync(cause: ResyncCause): void;
  gap(cause: GapCause): void;
  /** Records that newer ones stand for, left out. */
  coalesced(events: number): void;
  page(): void;
  sent(events: number): void;
  /** The most bytes ever held for one client. */
  peak(bytes: number): void;
}

/** `latest`: who is behind gets the newest record of each device, and gaps for what it stands for. */
export const MODES = ["complete", "latest"] as const;
export type Mode = (typeof MODES)[number];

/** Where a client wants to begin, and how much of it. */
export interface Start {
  readonly cursor: string | null;
  readonly mode: Mode;
}

export interface Subscription {
  readonly cursor: string | null;
  readonly filter: Filter;
  /** Reconnect time told to the client, jittered by the caller. */
  readonly retryMs: number;
  /** Age at which the stream ends, jittered by the caller. */
  readonly maxAgeMs: number;
  /** Left out: the broker's own, and a client with this one subscription. */
  readonly format?: Format;
  readonly account?: Account;
  /** In mode latest; left out: complete. */
  readonly isSuperseded?: IsSuperseded | undefined;
}

/** A page to read for a subscriber: entries with seq ≥ from; of one device only when it is named. */
export interface PageWanted {
  readonly subscriber: Subscriber;
  readonly from: Seq;
  readonly device: string | null;
}

export type Page =
  | { readonly kind: "rows"; readonly batches: readonly Batch[]; readonly next: Seq }
  | { readonly kind: "behind"; readonly oldest: Seq }
  | { readonly kind: "busy" };
