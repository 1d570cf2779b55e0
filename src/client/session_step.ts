/** One step of a session: what may happen to it, and what it wants done. Types only. */
import type { Loss, LossCause } from "./loss.ts";

export type SessionInput =
  | { readonly type: "start" | "tick" | "full" | "room" | "close" }
  /** The machine slept, the network came back, or somebody looks again. `isSure`: nothing before it can be relied on. */
  | { readonly type: "woke"; readonly isSure: boolean }
  | { readonly type: "subscribe"; readonly channel: string; readonly cursor: string | null }
  | { readonly type: "unsubscribe"; readonly channel: string }
  | { readonly type: "opened" | "heard"; readonly attempt: number }
  /** `id`: the cursor after it; null: it moves none. */
  | {
    readonly type: "event";
    readonly attempt: number;
    readonly channel: string;
    readonly id: string | null;
    readonly event: string;
    readonly data: unknown;
  }
  /** Everything that matches up to `id` has been said. `channel` null: on each of them. */
  | { readonly type: "position"; readonly attempt: number; readonly channel: string | null; readonly id: string }
  | { readonly type: "retry"; readonly attempt: number; readonly ms: number }
  /** The gateway is heard at least this often. */
  | { readonly type: "pace"; readonly attempt: number; readonly heartbeatMs: number }
  /** The gateway is about to end the connection, or only this channel of it. */
  | { readonly type: "bye"; readonly attempt: number; readonly reason: string; readonly channel?: string }
  /** This channel cannot be had. */
  | { readonly type: "denied"; readonly attempt: number; readonly channel: string; readonly data: unknown }
  | {
    readonly type: "failed";
    readonly attempt: number;
    readonly cause: LossCause;
    readonly reason: string;
    readonly status?: number | null;
    readonly retryAfterMs?: number | null;
  };

export type SessionEffect =
  | { readonly type: "open"; readonly attempt: number; readonly cursors: ReadonlyMap<string, string | null> }
  | { readonly type: "drop"; readonly attempt: number }
  /** Have the other side say something. */
  | { readonly type: "ask"; readonly attempt: number }
  | { readonly type: "subscribe"; readonly attempt: number; readonly channel: string; readonly cursor: string | null }
  | { readonly type: "unsubscribe"; readonly attempt: number; readonly channel: string }
  | { readonly type: "deliver"; readonly channel: string; readonly id: string; readonly event: string; readonly data: unknown }
  | { readonly type: "reached"; readonly channel: string; readonly id: string }
  | { readonly type: "connected"; readonly isAgain: boolean }
  /** A connection is gone, or was not made. */
  | { readonly type: "lost"; readonly wasConnected: boolean; readonly loss: Loss }
  /** Nothing follows. */
  | { readonly type: "over"; readonly loss: Loss };
