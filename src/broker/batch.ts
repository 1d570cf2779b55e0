/**
 * How the broker sees committed entries: a batch is a run of seqs whose events can be walked. It never looks into the
 * store's bytes; whoever makes batches does, and encodes an event only when asked. Pure types.
 */
import type { Seq } from "../base/brand.ts";

/** One event during a walk. The object is reused: do not keep it. */
export interface EventRef {
  readonly seq: number;
  /** "" where an event concerns no device. */
  readonly device: string;
  readonly kind: string;
  /** Of a published message, as `app.NAME`; "" for everything else. */
  readonly channel: string;
  /** The event as a subscriber gets it. Made at the first call. */
  encoded(form: Form): Uint8Array;
}

/** How an event is written: as a server-sent event, or as a WebSocket frame of the channel `devices` or of its own channel. */
export const FORMS = ["sse", "ws_devices", "ws_own"] as const;
export type Form = (typeof FORMS)[number];

export interface Batch {
  /** The seqs it covers: [first, next). */
  readonly first: Seq;
  readonly next: Seq;
  /** Bytes it holds in memory. */
  readonly bytes: number;
  /** Walks the events with seq ≥ from, in order, until `visit` returns false. */
  each(from: number, visit: (event: EventRef) => boolean): void;
}

/** The words of a stream that are no journal events, and how its events are written. What has no bytes is not sent. */
export interface Format {
  readonly transport: "sse" | "ws";
  readonly form: Form;
  opening(retryMs: number): Uint8Array;
  resync(id: number, cause: string): Uint8Array;
  gap(id: number, from: number, to: number, cause: string): Uint8Array;
  bye(reason: string): Uint8Array;
  heartbeat(position: number): Uint8Array;
}
