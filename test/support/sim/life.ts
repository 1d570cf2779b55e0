/**
 * One life of a gateway: its memory and its threads, from the start on what the disk has to its end. Every thread's parts
 * are the real ones; a thread takes its turn when the schedule says, and never while it is in the middle of one.
 */
import { asSeq } from "../../../src/base/brand.ts";
import { assertNever } from "../../../src/base/assert.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { Settings } from "../../../src/config/settings.ts";
import type { Boot } from "../../../src/engine/boot.ts";
import { type CodecContext, codecContext } from "../../../src/engine/codec/context.ts";
import type { Connection } from "../../../src/engine/codec/connection.ts";
import { Stage } from "../../../src/engine/codec/connection.ts";
import { CodecDrain } from "../../../src/engine/codec/drain.ts";
import { CodecWorker } from "../../../src/engine/codec/worker.ts";
import { Door } from "../../../src/engine/source/door.ts";
import { LogFile } from "../../../src/engine/journal/sync.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { RegistryDesk } from "../../../src/engine/registry/desk.ts";
import type { Platform, TcpKernel } from "../../../src/platform/port.ts";
import type { step } from "../../../src/registry/registry.ts";
import { openStore } from "../../../src/store/open.ts";
import { SqliteStoreReader } from "../../../src/store/reader.ts";
import { Board, DrainPhase, type Promises } from "../../../src/wire/board.ts";
import type { SimDisk } from "./disk.ts";
import type { GatewayEnd, SimLink } from "./link.ts";
import type { Shape } from "./plan.ts";
import { SimHttp } from "./sim_http.ts";
import { type JournalWatch, SimJournal } from "./sim_journal.ts";

/** Bounds so small that a few steps reach them. */
export function settingsOf(shape: Shape, holds: boolean): Settings {
  const config = loadConfig({ file: null, environment: {}, flags: {} });
  if (!config.ok) throw new Error(config.message);
  const limits = limitsWith({
    loginTimeoutMs: 2000,
    idleTimeoutMs: 10_000,
    probeMs: 400,
    trackerProbeMs: 800,
    parkMs: 300,
    heldRetryMs: 500,
    afterlifeMs: 600,
    afterlifeSockets: 2,
    waitersPerDevice: 2,
    pendingCandidates: 4,
    holdMs: 500,
    holdMaxMs: 4000,
    conflictQuietMs: 5000,
    evictedCloseMs: 200,
    unackedFramesPerConnection: 3,
    unackedFramesPerWorker: 64,
    outboundBytesPerConnection: 1024,
    connections: shape.crowded ? 10 : 48,
    loginSockets: shape.crowded ? 4 : 16,
    commitFailingMs: 1000,
    probeCommitMaxMs: 400,
    refusedWindowMs: 1000,
    frameRingBytes: shape.tinyRings ? 4096 : 32_768,
    controlRingBytes: shape.tinyRings ? 16_384 : 65_536,
    exceptionRingBytes: 4096,
    broadcastRingBytes: shape.tinyRings ? 4096 : 16_384,
    ringStartPosition: 0xffff_f000,
    commitBytes: shape.tinyCommits ? 1024 : 65_536,
    rowBytes: 1024,
    commands: 8,
    commandsPerDevice: 3,
    commandQuietMs: 300,
    commandPatienceMs: 60,
    commandLoginMs: 40,
    commandAttempts: 3,
    commandKeyMs: 20_000,
    overlapBytes: shape.overlaps ? 1 : 16_384,
    flushFrames: 32,
    sliceRows: 3,
    sliceBytes: 1024,
    mergeFanIn: 3,
    coverageIntervals: 4,
    fenceBlock: shape.fewFences ? 4 : 64,
    pageBytes: 1024,
    windowEvents: 8,
    windowMs: 1000,
    subscriberEvents: 4,
    subscriberBytes: 4096,
    heartbeatMs: 500,
    subscriberLagMs: 10_000,
    drainMs: 500,
  });
  const conflict = { action: holds ? shape.contested : "observe" as const };
  return { ...config.value.settings, policy: shape.policy, logLevel: "silent", instance: shape.small ? "0" : "sim", conflict, limits };
}

/** What a life comes to be with. */
interface Birth {
  readonly settings: Settings;
  /** Text of BERTH_FAULTS. */
  readonly faults: string;
  readonly workers: number;
  readonly disk: SimDisk;
  readonly clock: Clock;
  readonly tcpKernel: TcpKernel;
  readonly watch: JournalWatch;
  readonly core: typeof step;
}

/** The journal blocks on the sync thread: here that takes its turns meanwhile. */
class SimBoard extends Board {
  readonly #meanwhile: () => void;

  constructor(memory: SharedArrayBuffer, meanwhile: () => void) {
    super(memory);
    this.#meanwhile = meanwhile;
  }

  override awaitSync(ticket: number): boolean {
    while (!this.hasSynced(ticket)) this.#meanwhile();
    return true;
  }
}

export class Life implements GatewayEnd {
  readonly boot: Boot;
  readonly board: Board;
  readonly contexts: readonly CodecContext[];
  readonly workers: readonly CodecWorker[];
  readonly drains: readonly CodecDrain[];
  readonly desk: RegistryDesk;
  readonly journal: SimJournal;
  readonly reader: SqliteStoreReader;
  readonly http: SimHttp;
  /** Threads in the middle of a turn, the one that runs now last. */
  readonly busy: string[] = [];
  accepting = true;
  #registryPhase: DrainPhase = DrainPhase.running;
  /** Where the sync thread is: with nothing to do, in the sync, or on its way to say so. */
  #syncStage: "idle" | "syncing" | "redeemed" = "idle";
  #ticket = 0;
  readonly #promises: Promises;
  readonly #disk: SimDisk;
  readonly #door: Door;

  /** @throws Crash when the disk says so; the store is as the last process left it. */
  constructor({ settings, faults, workers, disk, clock, tcpKernel, watch, core }: Birth) {
    const roster = makeRoster(workers);
    const memory = makeMemory(settings, roster);
    const base = { settings, instance: settings.instance, faults, ...memory, roster, recovered: null, index: 0 };
    this.board = new SimBoard(memory.board, () => {
      watch.pause();
      this.as("sync", () => this.sync());
    });
    this.#disk = disk;
    this.#promises = { committed: asSeq(0), settled: new Int32Array(workers) };
    const opened = openStore({
      path: ":memory:",
      checkpointBytes: settings.limits.checkpointBytes,
      newEpoch: "sim",
      open: () => disk.open(),
    });
    if (!opened.ok) throw new Error(opened.message);
    this.journal = new SimJournal({ ...base, role: "journal", thread: roster.journal }, opened.value, disk.log, this.board, watch);
    watch.committed();
    this.journal.begin();
    const recovered = this.journal.recovered();
    this.boot = { ...base, role: "registry", thread: roster.registry, recovered };
    this.desk = new RegistryDesk(this.boot, recovered, this.board, clock, core);
    this.#door = new Door({ ...this.boot, role: "accept", thread: roster.accept }, clock, null, () => undefined);
    const platform = { clock, tcpKernel } as Platform;
    this.contexts = roster.codec.map((thread, index) =>
      codecContext({ ...this.boot, role: "codec", thread, index }, platform, { warn: () => undefined })
    );
    this.workers = this.contexts.map((context) => new CodecWorker(context));
    const source = {
      start: () => Promise.resolve(),
      hasWork: () => false,
      drain: () => undefined,
      stopAccepting: () => (this.accepting = false),
    };
    this.drains = this.workers.map((worker, i) =>
      new CodecDrain(this.contexts[i]!, worker, source, (phase) => this.board.setPhaseDone(roster.codec[i]!, phase))
    );
    this.reader = new SqliteStoreReader(disk.raw, settings.limits, () => this.board.committed());
    this.http = new SimHttp({ ...this.boot, role: "http", thread: roster.http[0]! }, "sim", this.reader, clock);
  }

  /** One turn of a thread. False when it is in the middle of one. */
  as(thread: string, turn: () => void): boolean {
    if (this.busy.includes(thread)) return false;
    this.busy.push(thread);
    turn();
    this.busy.pop();
    return true;
  }

  /** The accept thread, and the worker that is given the socket. */
  accept(link: SimLink, worker: number): boolean {
    return this.as(`codec ${worker}`, () => {
      if (!this.accepting || !this.#door.admits(link.peer.address)) return link.lost(true);
      link.accepted(worker, this);
      link.handle = this.workers[worker]!.open(link);
    });
  }

  data(link: SimLink, bytes: Uint8Array): void {
    this.workers[link.worker]!.data(link.handle as Connection | null, bytes);
  }
  drain(link: SimLink): void {
    this.workers[link.worker]!.drain(link.handle as Connection | null);
  }
  ended(link: SimLink): boolean {
    return this.workers[link.worker]!.ended(link.handle as Connection | null);
  }
  closed(link: SimLink, how: "closed" | "reset"): void {
    this.workers[link.worker]!.close(link.handle as Connection | null, how);
  }

  codec(index: number): void {
    this.drains[index]!.advance();
    this.workers[index]!.tick();
  }

  /** The sync thread, one step of engine/sync.ts at a time. */
  sync(): void {
    const { board } = this;
    if (board.syncWanted() === board.syncAnswered()) return;
    switch (this.#syncStage) {
      case "idle":
        this.#ticket = board.syncWanted();
        board.notePromises(this.#promises);
        this.#disk.beginSync();
        this.#syncStage = "syncing";
        return;
      case "syncing":
        new LogFile(this.boot, { openForSync: () => ({ sync: () => this.#disk.finishSync(), close: () => undefined }) }).sync();
        board.redeem(this.#promises, () => undefined);
        this.#syncStage = "redeemed";
        return;
      case "redeemed":
        this.#syncStage = "idle";
        board.syncDone(this.#ticket);
        return;
      default:
        return assertNever(this.#syncStage, "stage of the sync thread");
    }
  }

  registry(): void {
    this.desk.round();
    if (this.board.phase() === this.#registryPhase) return;
    this.#registryPhase = (this.#registryPhase + 1) as DrainPhase;
    if (this.#registryPhase === DrainPhase.releaseAll) this.desk.releaseAll();
    this.board.setPhaseDone(this.boot.thread, this.#registryPhase);
  }

  /** Connections that are open and store. */
  open(): Connection[] {
    return this.contexts.flatMap(({ table }) => table.all().filter((one) => one.stage === Stage.open));
  }

  get sockets(): number {
    return this.contexts.reduce((sum, { table }) => sum + table.count, 0);
  }

  /** Have all threads done their part of the present phase of the shutdown? */
  get phaseDone(): boolean {
    const { roster } = this.boot;
    const phase = this.board.phase();
    const threads = [roster.registry, roster.journal, ...(phase === DrainPhase.end ? [] : roster.codec)];
    return threads.every((thread) => this.board.phaseDone(thread) >= phase) &&
      (phase !== DrainPhase.end || this.drains.every((one) => one.ended));
  }
}
