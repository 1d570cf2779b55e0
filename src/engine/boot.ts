/**
 * What a thread is given at its birth: who it is, the settings, and every piece of shared memory. Made by the
 * supervisor, structured-cloned into each thread. The drawing of the rings:
 *
 *   accept ──adopt[i]──▶ codec i ──frames[i]──▶ journal ──exceptions[i]──▶ codec i     (settled words on the board)
 *                        codec i ──claims[i]──▶ registry ──decisions[i]──▶ codec i
 *                                               registry ──lifecycle────▶ journal
 *   peer ──claims, decisions and (never used) frames, exceptions: one ring index more, after the codec workers'
 *   udp  ──frames, exceptions, claims, decisions: one ring index more, after the peer's
 *   http j ──claims, decisions of device streams; frames (published messages), exceptions: the last ring indexes
 *   http j ──asks[j]──▶ registry ──answers[j]──▶ http j
 *   http j ──queries[j][r]──▶ reader r ──results[j][r]──▶ http j
 *   journal ──broadcast──▶ every http thread (one memory, each has its own place in it)
 */
import type { Settings } from "../config/settings.ts";
import type { Role } from "../platform/port.ts";
import type { StoredCommand, StoredConfig } from "../store/port.ts";

export interface Rings {
  readonly adopt: readonly SharedArrayBuffer[];
  readonly frames: readonly SharedArrayBuffer[];
  readonly exceptions: readonly SharedArrayBuffer[];
  readonly claims: readonly SharedArrayBuffer[];
  readonly decisions: readonly SharedArrayBuffer[];
  readonly lifecycle: SharedArrayBuffer;
  readonly asks: readonly SharedArrayBuffer[];
  readonly answers: readonly SharedArrayBuffer[];
  readonly queries: readonly (readonly SharedArrayBuffer[])[];
  readonly results: readonly (readonly SharedArrayBuffer[])[];
  readonly broadcast: SharedArrayBuffer;
}

/** Which thread index (bell, heartbeat word, counter block) each role's threads have. */
export interface Roster {
  readonly accept: number;
  readonly registry: number;
  readonly journal: number;
  readonly sync: number;
  readonly codec: readonly number[];
  readonly reader: readonly number[];
  readonly http: readonly number[];
  /** One when there are peers, else none. */
  readonly peer: readonly number[];
  /** One when datagrams are listened for, else none. */
  readonly udp: readonly number[];
}

/** Who holds connections, by the index of their rings. */
export const ringThreads = (roster: Roster): readonly number[] => [...roster.codec, ...roster.peer, ...roster.udp, ...roster.http];

/** What the journal found when it opened the store; the other threads start from it. */
export interface Recovered {
  /** Chosen once per database; cursors are `epoch.seq`. */
  readonly epoch: string;
  /** First fence counter of this run: everything below may have been used. */
  readonly fenceBase: number;
  /** Every known device, for the registry's limit. */
  readonly devices: readonly string[];
  /** Commands that are queued on disk, and those that ended without an answer a moment ago; for the registry. */
  readonly commands: readonly StoredCommand[];
  /** The newest configuration of every device that has one, for the registry. */
  readonly configs: readonly StoredConfig[];
}

/** What all http threads know about who asks; see access/rate.ts and access/failures.ts. */
export interface Asked {
  readonly byToken: SharedArrayBuffer;
  readonly byAddress: SharedArrayBuffer;
  readonly failures: SharedArrayBuffer;
}

export interface Boot {
  readonly role: Role;
  /** Index among all threads: its bell, heartbeat word and counter block. */
  readonly thread: number;
  /** Index among the threads of its role. */
  readonly index: number;
  readonly instance: string;
  readonly settings: Settings;
  /** Text of `BERTH_FAULTS`; see base/fault_point.ts. */
  readonly faults: string;
  readonly board: SharedArrayBuffer;
  readonly bells: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** See wire/addresses.ts: sockets before login and failed logins, per address. */
  readonly addresses: SharedArrayBuffer;
  /** See wire/presence.ts: when each connection was last heard, and its frames in flight. */
  readonly presence: SharedArrayBuffer;
  /** See wire/audience.ts: subscriptions of each channel, a table for each http thread. */
  readonly audiences: readonly SharedArrayBuffer[];
  readonly asked: Asked;
  readonly rings: Rings;
  readonly roster: Roster;
  /** Null for the journal itself, which finds it out. */
  readonly recovered: Recovered | null;
}

/** What a thread posts to the supervisor. Everything else between threads goes through rings and the board. */
export type Report =
  | { readonly type: "ready"; readonly recovered?: Recovered; readonly port?: number }
  /** The store cannot be opened yet, and it will be tried again: the supervisor says so over HTTP meanwhile. */
  | { readonly type: "waiting"; readonly reason: string }
  /** Something an operator should know of; the thread goes on. */
  | { readonly type: "warning"; readonly text: string }
  /** Long work at start: shown by the supervisor. */
  | { readonly type: "progress"; readonly text: string }
  /** The thread cannot go on; the process ends with this reason. `exit`: 1 unless said otherwise. */
  | { readonly type: "fatal"; readonly reason: string; readonly stack?: string }
  | { readonly type: "stopped" };
