/**
 * The board: the words all threads share. Every word has one writer, named here.
 *
 *   Int32 words   per thread: heartbeat, state, thread id (written by that thread)
 *                 per codec worker: settled (journal), live sockets and those in its lobby (that worker)
 *                 whether it follows closely (each http thread), door shut by an operator (registry), a drain under way (the http thread that runs it), commands of its kept on disk (journal)
 *                 admission gate and store failure (journal), drain phase and renewals of the certificate (supervisor), checkpoint request (journal) and done (reader 0),
 *                 sync request (journal) and done (sync thread), what to tell when it is done (journal)
 * Settled and committed are raised by the journal and by the sync thread, each to what it knows to be on the disk: they never fall.
 *   Int64 words   committed seq, oldest kept seq, end of the reserved fence block (journal)
 */
import { asSeq, type Seq } from "../base/brand.ts";

export const MAX_THREADS = 64;
export const MAX_WORKERS = 32;
export const MAX_HTTP_THREADS = 8;
/** Rings of those who hold connections: the codec workers, and after them the peer thread, the udp thread and the http threads. */
export const MAX_RINGS = MAX_WORKERS + 2 + MAX_HTTP_THREADS;

/** What a sync makes true: the committed seq, and the settled position of each worker. */
export interface Promises {
  committed: Seq;
  readonly settled: Int32Array;
}

/** State of a thread. */
export const ThreadState = { starting: 0, ready: 1, stopping: 2, stopped: 3 } as const;
export type ThreadState = (typeof ThreadState)[keyof typeof ThreadState];

/** May devices log in? `failing`: sockets are closed before login. `starting`: the TCP listeners are not open yet. */
export const Gate = { starting: 0, open: 1, failing: 2 } as const;
export type Gate = (typeof Gate)[keyof typeof Gate];

/** Why commits fail now; the index is the word. Written by the journal with the gate. */
export const STORE_FAILURES = ["none", "full", "read_only", "io", "other"] as const;
export type StoreFailure = (typeof STORE_FAILURES)[number];

/**
 * The ordered shutdown. The supervisor sets a phase and rings every bell; each loop does its part and says so with
 * `setPhaseDone`; the next phase follows when all have, or at the deadline.
 *   stopAccepting  accept and reusePort listeners close
 *   pauseDevices   codec workers stop reading and wait (≤ drainMs) until every frame has its verdict and its answer is written
 *   releaseAll     the registry publishes disconnected(shutdown) for every owner
 *   commitLast     the journal commits all that is in its rings
 *   sayBye         codec workers close their sockets; http threads deliver what is committed, say `bye`, close
 *   end            every loop leaves; the journal checkpoints, closes the store and gives the lock back
 */
export const DrainPhase = { running: 0, stopAccepting: 1, pauseDevices: 2, releaseAll: 3, commitLast: 4, sayBye: 5, end: 6 } as const;
export type DrainPhase = (typeof DrainPhase)[keyof typeof DrainPhase];

const HEARTBEAT = 0;
const STATE = MAX_THREADS;
const THREAD_ID = 2 * MAX_THREADS;
const SETTLED = 3 * MAX_THREADS;
const SOCKETS = SETTLED + MAX_RINGS;
const GATE = SOCKETS + MAX_RINGS;
const PHASE = GATE + 1;
const CHECKPOINT_WANTED = GATE + 2;
const CHECKPOINT_DONE = GATE + 3;
const STORE_FAILURE = GATE + 4;
const DOOR_SHUT = GATE + 5;
const SYNC_WANTED = GATE + 6;
const SYNC_DONE = GATE + 7;
const COMMANDS_KEPT = GATE + 8;
const RENEWALS = GATE + 9;
const DRAINING = GATE + 10;
const PHASE_DONE = GATE + 16;
const SYNC_SETTLED = PHASE_DONE + MAX_THREADS;
const LOBBY = SYNC_SETTLED + MAX_RINGS;
const FOLLOWS = LOBBY + MAX_RINGS;
/** Even: the Int64 words come after them. */
const WORDS = (FOLLOWS + MAX_HTTP_THREADS + 1) & ~1;
const COMMITTED = 0;
const OLDEST = 1;
const FENCE_RESERVED = 2;
const SYNC_COMMITTED = 3;
const LONGS = 8;

export const createBoard = (): SharedArrayBuffer => new SharedArrayBuffer(WORDS * 4 + LONGS * 8);

export class Board {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #longs: BigInt64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#longs = new BigInt64Array(memory, WORDS * 4, LONGS);
  }

  beat(thread: number): void {
    Atomics.add(this.#words, HEARTBEAT + thread, 1);
  }
  heartbeat(thread: number): number {
    return Atomics.load(this.#words, HEARTBEAT + thread);
  }
  setState(thread: number, state: ThreadState): void {
    Atomics.store(this.#words, STATE + thread, state);
  }
  state(thread: number): ThreadState {
    return Atomics.load(this.#words, STATE + thread) as ThreadState;
  }
  /** The kernel's thread id, for people with a profiler. */
  setThreadId(thread: number, id: number): void {
    Atomics.store(this.#words, THREAD_ID + thread, id);
  }
  threadId(thread: number): number {
    return Atomics.load(this.#words, THREAD_ID + thread);
  }

  /** Frame ring position (u32) of codec worker `worker` up to which every frame has a verdict. */
  setSettled(worker: number, position: number): void {
    Atomics.store(this.#words, SETTLED + worker, position | 0);
  }
  /** Moves it ahead, never back. True when it moved. */
  raiseSettled(worker: number, position: number): boolean {
    for (;;) {
      const now = Atomics.load(this.#words, SETTLED + worker);
      if (((position - now) | 0) <= 0) return false;
      if (Atomics.compareExchange(this.#words, SETTLED + worker, now, position | 0) === now) return true;
    }
  }
  settled(worker: number): number {
    return Atomics.load(this.#words, SETTLED + worker) >>> 0;
  }

  /** Sockets worker `worker` holds, logged in or not. */
  setSockets(worker: number, count: number): void {
    Atomics.store(this.#words, SOCKETS + worker, count);
  }
  /** Those that are not even connections yet; see engine/source/lobby.ts. */
  addLobby(worker: number, count: number): void {
    Atomics.add(this.#words, LOBBY + worker, count);
  }
  /** Both. */
  sockets(worker: number): number {
    return Atomics.load(this.#words, SOCKETS + worker) + Atomics.load(this.#words, LOBBY + worker);
  }

  setGate(gate: Gate): void {
    Atomics.store(this.#words, GATE, gate);
  }
  gate(): Gate {
    return Atomics.load(this.#words, GATE) as Gate;
  }
  setStoreFailure(failure: StoreFailure): void {
    Atomics.store(this.#words, STORE_FAILURE, STORE_FAILURES.indexOf(failure));
  }
  storeFailure(): StoreFailure {
    return STORE_FAILURES[Atomics.load(this.#words, STORE_FAILURE)]!;
  }
  /** Newcomers are refused because an operator drains the gateway. Written by the registry. */
  setDoorShut(shut: boolean): void {
    Atomics.store(this.#words, DOOR_SHUT, shut ? 1 : 0);
  }
  doorShut(): boolean {
    return Atomics.load(this.#words, DOOR_SHUT) === 1;
  }
  /** Takes the one drain there may be. False: one is under way. */
  beginDrain(): boolean {
    return Atomics.compareExchange(this.#words, DRAINING, 0, 1) === 0;
  }
  endDrain(): void {
    Atomics.store(this.#words, DRAINING, 0);
  }
  /** Lifecycle ring position (u32) up to which every row of a command is on the disk. */
  setCommandsKept(position: number): void {
    Atomics.store(this.#words, COMMANDS_KEPT, position | 0);
  }
  commandsKept(): number {
    return Atomics.load(this.#words, COMMANDS_KEPT) >>> 0;
  }
  /** How often the supervisor was told (SIGHUP) that there is a new certificate. */
  wantRenewal(): void {
    Atomics.add(this.#words, RENEWALS, 1);
  }
  renewals(): number {
    return Atomics.load(this.#words, RENEWALS);
  }
  /** Does http thread `index` have somebody who waits for each event? Else it need not be woken by every commit. */
  setFollows(index: number, closely: boolean): void {
    Atomics.store(this.#words, FOLLOWS + index, closely ? 1 : 0);
  }
  followsClosely(index: number): boolean {
    return Atomics.load(this.#words, FOLLOWS + index) !== 0;
  }
  setPhase(phase: DrainPhase): void {
    Atomics.store(this.#words, PHASE, phase);
  }
  phase(): DrainPhase {
    return Atomics.load(this.#words, PHASE) as DrainPhase;
  }

  /** Each thread says which phase of the shutdown it has finished its part of; the supervisor waits for all. */
  setPhaseDone(thread: number, phase: DrainPhase): void {
    Atomics.store(this.#words, PHASE_DONE + thread, phase);
  }
  phaseDone(thread: number): DrainPhase {
    return Atomics.load(this.#words, PHASE_DONE + thread) as DrainPhase;
  }

  /** Checkpoint tickets: the journal asks with a rising number, reader 0 answers with it when its pass is done. */
  wantCheckpoint(ticket: number): void {
    Atomics.store(this.#words, CHECKPOINT_WANTED, ticket);
  }
  checkpointWanted(): number {
    return Atomics.load(this.#words, CHECKPOINT_WANTED);
  }
  checkpointDone(ticket: number): void {
    Atomics.store(this.#words, CHECKPOINT_DONE, ticket);
  }
  checkpointAnswered(): number {
    return Atomics.load(this.#words, CHECKPOINT_DONE);
  }

  /** What becomes true with the sync that is asked for next: first the committed seq, then the settled position of each worker. */
  promiseCommitted(seq: Seq): void {
    Atomics.store(this.#longs, SYNC_COMMITTED, BigInt(seq));
  }
  promiseSettled(worker: number, position: number): void {
    Atomics.store(this.#words, SYNC_SETTLED + worker, position | 0);
  }
  /**
   * Before a sync: what holds after it, as more is promised meanwhile. Workers before the committed seq, which is promised the other way
   * round: a position that is noted never is of a later commit than the seq.
   */
  notePromises(into: Promises): void {
    for (let worker = 0; worker < into.settled.length; worker++) {
      into.settled[worker] = Atomics.load(this.#words, SYNC_SETTLED + worker);
    }
    into.committed = asSeq(Number(Atomics.load(this.#longs, SYNC_COMMITTED)));
  }
  /** The sync is done: what was noted before it holds. Calls back for every one of the workers whose word has moved. */
  redeem({ settled, committed }: Readonly<Promises>, moved: (worker: number) => void): void {
    this.raiseCommitted(committed);
    for (let worker = 0; worker < settled.length; worker++) if (this.raiseSettled(worker, settled[worker]!)) moved(worker);
  }

  /** Sync tickets, u32: the journal asks with a rising number, the sync thread answers with it when the log is on the disk. */
  wantSync(ticket: number): void {
    Atomics.store(this.#words, SYNC_WANTED, ticket);
  }
  syncWanted(): number {
    return Atomics.load(this.#words, SYNC_WANTED);
  }
  syncDone(ticket: number): void {
    Atomics.store(this.#words, SYNC_DONE, ticket);
    Atomics.notify(this.#words, SYNC_DONE);
  }
  /** Blocks until `ticket` or a later one is answered, at most `timeoutMs`; was it? */
  awaitSync(ticket: number, timeoutMs: number): boolean {
    const seen = Atomics.load(this.#words, SYNC_DONE);
    if (((seen - ticket) | 0) < 0) Atomics.wait(this.#words, SYNC_DONE, seen, timeoutMs);
    return this.hasSynced(ticket);
  }
  hasSynced(ticket: number): boolean {
    return ((this.syncAnswered() - ticket) | 0) >= 0;
  }
  syncAnswered(): number {
    return Atomics.load(this.#words, SYNC_DONE);
  }

  /** Seq of the newest committed event; 0 when there is none. Stored after COMMIT, before any verdict. */
  setCommitted(seq: Seq): void {
    Atomics.store(this.#longs, COMMITTED, BigInt(seq));
  }
  /** Moves it ahead, never back. */
  raiseCommitted(seq: Seq): void {
    for (;;) {
      const now = Atomics.load(this.#longs, COMMITTED);
      if (now >= seq || Atomics.compareExchange(this.#longs, COMMITTED, now, BigInt(seq)) === now) return;
    }
  }
  committed(): Seq {
    return asSeq(Number(Atomics.load(this.#longs, COMMITTED)));
  }
  /** Seq of the oldest kept event; committed + 1 when nothing is kept. */
  setOldest(seq: Seq): void {
    Atomics.store(this.#longs, OLDEST, BigInt(seq));
  }
  oldest(): Seq {
    return asSeq(Number(Atomics.load(this.#longs, OLDEST)));
  }

  /** Fence counters below this are reserved on disk; the registry never hands out one at or above it. */
  setFenceReserved(counter: number): void {
    Atomics.store(this.#longs, FENCE_RESERVED, BigInt(counter));
  }
  fenceReserved(): number {
    return Number(Atomics.load(this.#longs, FENCE_RESERVED));
  }
}
