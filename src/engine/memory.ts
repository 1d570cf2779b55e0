/** Makes all shared memory of a gateway and says who sits where. Called by the supervisor, once. */
import { createSharedTable } from "../access/shared_table.ts";
import type { Settings } from "../config/settings.ts";
import type { Role } from "../platform/port.ts";
import { createBroadcast } from "../ring/broadcast.ts";
import { createRing } from "../ring/layout.ts";
import { BELL_BYTES } from "../ring/wait.ts";
import { createCounters } from "../telemetry/counters.ts";
import { createAddresses } from "../wire/addresses.ts";
import { createAudience } from "../wire/audience.ts";
import { connectionSlots, createPresence } from "../wire/presence.ts";
import { Board, createBoard, MAX_HTTP_THREADS, MAX_RINGS, MAX_THREADS, MAX_WORKERS } from "../wire/board.ts";
import { type Boot, type Rings, ringThreads, type Roster } from "./boot.ts";

/** The supervisor's own bell, heartbeat word and counter block. */
export const SUPERVISOR_THREAD = 0;
const READERS = 1;
/** One http thread for so many cores, unless told otherwise. */
const CORES_PER_HTTP_THREAD = 4;
/** A peer sends no frames; the journal finds a ring of its index all the same. */
const UNUSED_RING_BYTES = 4096;

/** `peers`: threads for other gateways, `udp`: threads for datagrams; at most one each. `http`: threads that serve HTTP. */
export function makeRoster(codecWorkers: number, peers = 0, udp = 0, http = 1): Roster {
  let next = SUPERVISOR_THREAD + 1;
  const some = (count: number): number[] => Array.from({ length: count }, () => next++);
  return {
    accept: next++,
    registry: next++,
    journal: next++,
    sync: next++,
    codec: some(codecWorkers),
    reader: some(READERS),
    http: some(http),
    peer: some(peers),
    udp: some(udp),
  };
}

/** Every thread of a roster: its role, its place among all and among its role's. */
export function seatsOf(roster: Roster): { role: Role; thread: number; index: number }[] {
  const many = (role: Role, threads: readonly number[]) => threads.map((thread, index) => ({ role, thread, index }));
  return [
    ...many("journal", [roster.journal]),
    ...many("sync", [roster.sync]),
    ...many("registry", [roster.registry]),
    ...many("reader", roster.reader),
    ...many("http", roster.http),
    ...many("codec", roster.codec),
    ...many("accept", [roster.accept]),
    ...many("peer", roster.peer),
    ...many("udp", roster.udp),
  ];
}

/** One codec worker a core but one, unless told otherwise; at most what the board has words for. */
export const codecWorkers = (settings: Settings, cores: number): number =>
  Math.min(settings.workers > 0 ? settings.workers : Math.max(1, cores - 1), MAX_WORKERS);

/** One for four cores unless told otherwise, as each keeps the devices in its memory; at least one. */
export const httpThreads = ({ http }: Settings, cores: number): number =>
  Math.min(http.threads || Math.max(1, Math.floor(cores / CORES_PER_HTTP_THREAD)), MAX_HTTP_THREADS);

export type Memory = Pick<Boot, "board" | "bells" | "counters" | "addresses" | "presence" | "audiences" | "asked" | "rings">;

export function makeMemory(settings: Settings, roster: Roster): Memory {
  const board = createBoard();
  // A worker takes every position up to its word for settled: the words start where the rings do.
  const start = settings.limits.ringStartPosition & ~7;
  for (let worker = 0; worker < MAX_RINGS; worker++) new Board(board).setSettled(worker, start);
  new Board(board).setCommandsKept(start);
  return {
    board,
    bells: new SharedArrayBuffer(MAX_THREADS * BELL_BYTES),
    counters: createCounters(),
    addresses: createAddresses(),
    presence: createPresence(ringThreads(roster).length, connectionSlots(settings.limits)),
    audiences: roster.http.map(() => createAudience(settings.limits.channels)),
    asked: { byToken: createSharedTable(), byAddress: createSharedTable(), failures: createSharedTable() },
    rings: makeRings(settings, roster),
  };
}

function makeRings({ limits }: Settings, roster: Roster): Rings {
  const ring = (bytes: number): SharedArrayBuffer => createRing(bytes, limits.ringStartPosition);
  const each = (threads: readonly number[], bytes: number): SharedArrayBuffer[] => threads.map(() => ring(bytes));
  return {
    adopt: each(roster.codec, limits.acceptRingBytes),
    frames: [
      ...each(roster.codec, limits.frameRingBytes),
      ...each(roster.peer, UNUSED_RING_BYTES),
      ...each(roster.udp, limits.frameRingBytes),
      ...each(roster.http, limits.messageRingBytes),
    ],
    exceptions: [
      ...each(roster.codec, limits.exceptionRingBytes),
      ...each(roster.peer, UNUSED_RING_BYTES),
      ...each(roster.udp, limits.exceptionRingBytes),
      ...each(roster.http, limits.exceptionRingBytes),
    ],
    claims: each(ringThreads(roster), limits.controlRingBytes),
    decisions: each(ringThreads(roster), limits.controlRingBytes),
    lifecycle: ring(limits.controlRingBytes),
    asks: each(roster.http, limits.controlRingBytes),
    answers: each(roster.http, limits.controlRingBytes),
    queries: roster.http.map(() => each(roster.reader, limits.readerRingBytes)),
    results: roster.http.map(() => each(roster.reader, limits.readerRingBytes)),
    broadcast: createBroadcast(limits.broadcastRingBytes),
  };
}
