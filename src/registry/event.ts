/** What the registry is told: one event at a time, in the order of its rings. Pure; made by the registry thread. */
import type { Sent } from "../wire/sent.ts";

/** A connection asks for its device. `ring` is the worker that owns the connection; with `conn` it names it for ever. */
export interface Claim {
  readonly type: "claim";
  readonly ring: number;
  readonly conn: number;
  /** As the device wrote it; normalised before any map is touched. */
  readonly device: string;
  /** Names the policy class (transport and id pattern); "" is the default class. */
  readonly deviceClass: string;
  /** Index into TRANSPORTS. */
  readonly transport: number;
  readonly address: string;
  readonly port: number;
  readonly clientInstance: string;
  /** What its TLS was agreed on, and its certificate if it has shown one; left out or "": without TLS. */
  readonly tls?: string;
  /** Wall ms. */
  readonly at: number;
  /** We dialled it; else the device did. */
  readonly dialled: boolean;
  /** It leaves the device to a live connection of another transport, whatever the policy. */
  readonly spares?: boolean;
  /** A device stream that takes commands. */
  readonly takesCommands?: boolean;
}

/** An operator's wish, by way of an http thread: `ring` and `request` are where the outcome goes. */
export interface Order {
  readonly type: "order";
  readonly ring: number;
  readonly request: number;
  /** Index into ORDERS. */
  readonly verb: number;
  readonly device: string;
  readonly text: string;
  /** Wall ms. */
  readonly at: number;
}

/** What became of an evicted connection, told once it is really gone. */
export interface Afterlife {
  readonly type: "afterlife";
  readonly device: string;
  /** Of the evicted one. */
  readonly fence: number;
  /** Its peer's stack was heard after the eviction. */
  readonly answered: boolean;
  readonly bytesAfter: boolean;
  readonly at: number;
}

/** What a connection has sent so far: evidence of who it is. */
export interface SentSoFar {
  readonly type: "sent";
  readonly device: string;
  readonly fence: number;
  readonly sent: Sent;
  /** Wall ms. */
  readonly at: number;
}

/** A connection's close has begun. `fence` 0: it had not been told its decision yet. */
export interface Close {
  readonly type: "close";
  readonly ring: number;
  readonly conn: number;
  readonly device: string;
  readonly fence: number;
  /** End of the last frame it put into its worker's frame ring. */
  readonly position: number;
  /** Index into END_REASONS. */
  readonly reason: number;
  readonly lastByteAt: number;
  readonly at: number;
}

export type RegistryEvent =
  | Claim
  | Close
  | Order
  | Afterlife
  | SentSoFar
  /** What a probe of the holder found; `fence` names the holder that was probed. */
  | { readonly type: "probed"; readonly device: string; readonly fence: number; readonly answers: boolean }
  | { readonly type: "ask"; readonly ring: number; readonly request: number; readonly device: string }
  /** Looks at the deadlines. */
  | { readonly type: "tick" }
  /** Shutdown: every owner leaves. `positions`: the end of each worker's frame ring. */
  | { readonly type: "releaseAll"; readonly at: number; readonly positions: readonly number[] };
