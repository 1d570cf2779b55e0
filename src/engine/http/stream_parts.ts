/** What device streams are given, and what they give. Owned by an http thread. */
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import type { Board } from "../../wire/board.ts";
import type { EndReason, Refusal } from "../../wire/control.ts";
import type { PresenceWriter } from "../../wire/presence.ts";
import type { Busy } from "./busy.ts";
import type { ConfigFound } from "./configs.ts";
import type { StreamSockets } from "./stream_sockets.ts";

/** `takeover`: also from a connection of another transport. `commands`: it takes them. */
export interface StreamWish {
  readonly takeover: boolean;
  readonly commands: boolean;
}

export type StreamOpened =
  | { readonly kind: "stream"; readonly stream: OpenStream }
  | { readonly kind: "refused"; readonly refusal: Exclude<Refusal, "none">; readonly retryAfterMs: number }
  | Busy;

export interface OpenStream {
  /** The next bytes; null at the end. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** The client went away. Idempotent. */
  close(): void;
  /** Ends it with a last event. Idempotent. */
  end(reason: EndReason): void;
}

export interface StreamParts {
  /** Index of our rings. */
  readonly ring: number;
  /** Those of all http threads. */
  readonly rings: readonly number[];
  readonly claims: RingProducer;
  readonly decisions: RingConsumer;
  readonly board: Board;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly presence: PresenceWriter;
  readonly sockets: StreamSockets;
  readonly find: (device: string) => Promise<ConfigFound>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Gets what may not be: it ends the thread. */
  readonly fail: (error: unknown) => void;
}
