/**
 * All the dial scheduler knows, what it is told and what it wants done. Pure data, changed by `stepDial` alone; owned by
 * the peer thread.
 */
import type { DeviceId } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Prng } from "../base/prng.ts";
import type { PeerPolicy } from "../wire/peer_line.ts";
import type { DialStage } from "./dial_rule.ts";

/** No connection, no dial. */
export const NONE = -1;

/**
 * What an identity without a connection waits for, always exactly one: the end of a delay, its dial, or an incoming
 * connection that made the dial needless. One with a connection waits for nothing, or for a dial too late to stop.
 */
export type DialWait = "nothing" | "delay" | "dial" | "incoming";

export interface DialEntry {
  readonly peer: DeviceId;
  /** The registered connection, and since when. */
  owner: number;
  ownerSince: number;
  /** Dials that brought no lasting connection. */
  attempt: number;
  waits: DialWait;
  /** When the waiting ends, whatever it is for. The one timer of this identity. */
  deadline: number;
  /** The dial in flight while `waits` is "dial". */
  dial: number;
  stage: DialStage;
  /** The connection it is superseded by while `waits` is "incoming". */
  incoming: number;
}

export interface DialState {
  readonly self: DeviceId;
  readonly policy: PeerPolicy;
  readonly limits: Pick<Limits, "dialPercent" | "dialStageMs" | "dialSupersededMs">;
  readonly random: Prng;
  readonly entries: Map<DeviceId, DialEntry>;
  lastDial: number;
  drained: boolean;
}

export type DialEvent =
  /** From now on this peer is to be connected. */
  | { readonly type: "want"; readonly peer: DeviceId }
  | { readonly type: "tick" }
  /** A dial has got on to a stage. */
  | { readonly type: "stage"; readonly peer: DeviceId; readonly dial: number; readonly stage: DialStage }
  /** A dial has come to nothing: unreachable, a bad greeting, refused here or there. */
  | { readonly type: "failed"; readonly peer: DeviceId; readonly dial: number }
  /** A connection the peer has dialled has greeted; the registry has not decided yet. */
  | { readonly type: "incoming"; readonly peer: DeviceId; readonly conn: number }
  /** The registry admitted a connection. `dial`: the one it came from, NONE for an incoming one. */
  | { readonly type: "registered"; readonly peer: DeviceId; readonly conn: number; readonly dial: number }
  /** A connection that had greeted has ended, registered or not. */
  | { readonly type: "gone"; readonly peer: DeviceId; readonly conn: number }
  /** Shutdown: nothing is dialled any more. */
  | { readonly type: "drain" };

export type AbortReason = "superseded" | "registered" | "timeout" | "late" | "drain";

export type DialEffect =
  | { readonly type: "dial"; readonly peer: DeviceId; readonly dial: number; readonly attempt: number }
  /** Whatever this dial has, or will have when it finishes late, is to be closed. Its failure need not be told. */
  | { readonly type: "abort"; readonly peer: DeviceId; readonly dial: number; readonly reason: AbortReason };

export interface DialStart {
  readonly self: DeviceId;
  readonly policy: PeerPolicy;
  readonly limits: DialState["limits"];
  readonly random: Prng;
}

export const createDials = (start: DialStart): DialState => ({ ...start, entries: new Map(), lastDial: 0, drained: false });
