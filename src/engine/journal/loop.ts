/**
 * The loop of the journal thread: it owns the write connection. Batch, commit, settle; between two commits one slice of
 * upkeep, and what the disk needs. Blocks on its bell.
 */
import type { FaultPoints } from "../../base/fault_point.ts";
import { asSeq } from "../../base/brand.ts";
import type { Platform } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import type { Journal } from "../../store/journal.ts";
import { STORE_FILE } from "../../store/migrations.ts";
import { refusal } from "../../store/open.ts";
import { isCorrupt, type SqlFailure } from "../../store/sql_error.ts";
import { Upkeep } from "../../store/upkeep.ts";
import { createLog } from "../../telemetry/log.ts";
import { type Board, DrainPhase } from "../../wire/board.ts";
import { type Boot, type Recovered, ringThreads } from "../boot.ts";
import { passFault } from "../fault.ts";
import { JournalDisk } from "./disk.ts";
import { JournalEvents } from "./events.ts";
import { JournalHealth } from "./health.ts";
import { JournalKeep } from "./keep.ts";
import { JournalIntake } from "./intake.ts";
import { JournalMarks, listedDevices } from "./marks.ts";
import { JournalMeter } from "./meter.ts";
import { StoreError } from "./start.ts";
import { Leftovers } from "../leftovers.ts";
import { RingVerdicts } from "./verdicts.ts";
import type { Written } from "./written.ts";

/** Clock and disk are looked at this often, and gauges set. */
const LOOK_MS = 1000;
/** A full exception ring is tried again after this. */
const BLOCKED_WAIT_MS = 2;
/** Slices of upkeep between two attempts while commits fail: they may make the room that is missing. */
const MEND_SLICES = 64;

export class JournalLoop {
  readonly #boot: Boot;
  readonly #platform: Platform;
  readonly #board: Board;
  readonly #faults: FaultPoints;
  readonly #journal: Journal;
  readonly #events: JournalEvents;
  readonly #verdicts: readonly RingVerdicts[];
  readonly #intake: JournalIntake;
  readonly #upkeep: Upkeep;
  readonly #disk: JournalDisk;
  readonly #health: JournalHealth;
  readonly #meter: JournalMeter;
  readonly #bell: Bell;
  readonly #lookMs: number;
  readonly #keep: JournalKeep;
  readonly #leftovers: Leftovers;
  #reserved: number;
  #asking = 0;
  #lookedAt = -Infinity;
  #phase: DrainPhase = DrainPhase.running;

  constructor(boot: Boot, platform: Platform, board: Board, faults: FaultPoints, journal: Journal) {
    this.#boot = boot;
    this.#platform = platform;
    this.#board = board;
    this.#faults = faults;
    this.#journal = journal;
    const { rings, roster, bells, settings: { limits } } = boot;
    const frames = rings.frames.map((memory) => new RingConsumer(memory));
    const threads = ringThreads(roster);
    this.#verdicts = frames.map((ring, i) => {
      const bell = new Bell(bells, threads[i]!, platform.poke);
      return new RingVerdicts(i, board, bell, new RingProducer(rings.exceptions[i]!, bell), ring.end);
    });
    this.#events = new JournalEvents(journal, frames.length, new JournalMarks(journal.ledger, listedDevices(platform, boot.settings)));
    this.#intake = new JournalIntake(journal, this.#events, rings.lifecycle, frames, this.#verdicts);
    this.#upkeep = new Upkeep(journal);
    this.#disk = new JournalDisk(boot, platform, journal, board, () => passFault(platform, faults, "journal.checkpoint"));
    this.#health = new JournalHealth(board, limits, createLog(platform, boot.settings.logLevel, { role: "journal" }));
    this.#meter = new JournalMeter(boot);
    this.#bell = new Bell(bells, boot.thread);
    this.#lookMs = Math.min(LOOK_MS, limits.retentionMs / 4, limits.flushAgeMs / 4);
    this.#keep = new JournalKeep({
      boot,
      platform,
      board,
      faults,
      journal,
      intake: this.#intake,
      verdicts: this.#verdicts,
      meter: this.#meter,
      kept: (written) => this.#kept(written),
    });
    this.#leftovers = new Leftovers(platform, limits, (discard) => this.#keep.giveBack(discard));
    this.#reserved = journal.fenceReserved;
  }

  /** The first commit. What it found is for the other threads. */
  begin(): Recovered {
    return this.#events.recovered(this.#begin());
  }

  /** The shutdown has ended. */
  get ended(): boolean {
    return this.#phase === DrainPhase.end;
  }

  /** One round: sleeps when there is nothing to do. */
  turn(): void {
    this.#look();
    const worked = this.#health.failing ? this.#mend() : this.#work();
    if (worked) this.#leftovers.worked(this.#intake.takeEvents());
    if (!this.#follow() && !worked) this.#rest();
  }

  /** The first commit: a block of fences, and an end for every connection the last process left open. */
  #begin(): number {
    const journal = this.#journal;
    const base = this.#reserved;
    this.#board.setCommitted(journal.committed);
    this.#board.setOldest(asSeq(journal.oldest));
    this.#board.setFenceReserved(base);
    this.#reserveFences(base);
    this.#meter.lostCommands(this.#events.restart(this.#platform.clock.wall()));
    this.#commit(false);
    if (this.#health.failing) this.#commit(false);
    return base;
  }

  /** Takes a batch, commits it, settles it, then does a slice of upkeep. True when there was anything to do. */
  #work(): boolean {
    this.#intake.take();
    const took = this.#intake.frames > 0;
    const half = this.#boot.settings.limits.fenceBlock / 2;
    if (this.#reserved - this.#events.usedFences <= half && this.#asking === 0) {
      this.#reserveFences(Math.max(this.#reserved, this.#events.usedFences + 1));
    }
    const committed = this.#journal.hasWork;
    if (committed) this.#commit(false);
    else {
      // A duplicate is as safe as what it repeats.
      this.#keep.wait();
      if (took) this.#settle(true);
      else this.#tell();
    }
    if (this.#health.failing) return true;
    return this.#keepUp() || committed || took;
  }

  #reserveFences(from: number): void {
    this.#asking = from + this.#boot.settings.limits.fenceBlock;
    this.#journal.reserveFences(this.#asking);
  }

  /** Commits what is in the batch and has it synced; told is it when it is on the disk (journal/keep.ts). */
  #commit(probing: boolean): void {
    const began = this.#platform.clock.mono();
    // Never set but by the durability proofs, which must find it out.
    if (passFault(this.#platform, this.#faults, "journal.ack_before_commit")) {
      this.#keep.wait();
      this.#settle(true);
    }
    const done = this.#journal.commit(probing);
    if (!done.ok) return this.#failed(done.failure);
    passFault(this.#platform, this.#faults, "journal.after_commit");
    this.#keep.keep(this.#asking, began, this.#health.failing);
    this.#disk.followLog(this.#journal.lastBytes);
  }

  #kept({ fences }: Written): void {
    if (fences > 0) {
      this.#reserved = fences;
      this.#board.setFenceReserved(fences);
      if (this.#asking === fences) this.#asking = 0;
    }
    if (this.#health.succeeded()) this.#lookedAt = -Infinity;
  }

  #failed(failure: SqlFailure): void {
    if (isCorrupt(failure.code)) {
      const path = `${this.#boot.settings.data}/${STORE_FILE}`;
      const refused = refusal(path, failure.code, failure.message);
      throw new StoreError(failure.code, refused.ok ? failure.message : refused.message);
    }
    this.#keep.wait();
    this.#meter.failed();
    this.#settle(false);
    this.#health.failed(this.#platform.clock.mono(), failure);
    if (failure.code.startsWith("SQLITE_FULL") && this.#disk.releaseReserve()) {
      this.#disk.truncateLog();
      this.#lookedAt = -Infinity;
    }
  }

  #settle(committed: boolean): void {
    this.#meter.batch(this.#intake.tally, committed);
    this.#intake.clear();
    for (const verdicts of this.#verdicts) verdicts.close(committed);
    this.#tell();
  }

  #tell(): void {
    for (const verdicts of this.#verdicts) if (!verdicts.tell()) this.#meter.exceptionsFull();
  }

  /** While commits fail: upkeep that may make room, then an attempt when its time has come. */
  #mend(): boolean {
    const now = this.#platform.clock.mono();
    this.#health.look(now);
    if (this.#health.closed && this.#intake.fail()) this.#tell();
    if (this.#health.waitMs(now) > 0) return false;
    for (let most = MEND_SLICES; most > 0; most--) {
      const slice = this.#upkeep.round(this.#platform.clock.wall());
      if (slice === null || slice.failure !== null) break;
      this.#meter.slice(slice.point);
    }
    this.#board.setOldest(asSeq(this.#journal.oldest));
    this.#disk.truncateLog();
    this.#commit(true);
    return true;
  }

  /** One slice, or as many as it takes when the tail fills faster than it is flushed. True when another may be due. */
  #keepUp(): boolean {
    let slices = 0;
    for (let most = 1 + Math.floor(this.#upkeep.fullness() * 4); most > 0; most--) {
      const now = this.#platform.clock.wall();
      if (this.#upkeep.freezesNext(now)) this.#keep.wait();
      const slice = this.#upkeep.round(now);
      if (slice === null) break;
      if (slice.failure !== null) {
        this.#failed(slice.failure);
        return true;
      }
      slices++;
      this.#meter.slice(slice.point);
      this.#board.setOldest(asSeq(this.#journal.oldest));
      if (!this.#upkeep.flushing) break;
    }
    if (slices === 0) return false;
    this.#leftovers.letGo();
    this.#disk.followLog(slices * this.#boot.settings.limits.sliceBytes);
    return true;
  }

  #look(): void {
    const now = this.#platform.clock.mono();
    if (now - this.#lookedAt < this.#lookMs) return;
    this.#lookedAt = now;
    this.#upkeep.wish(this.#disk.wish(this.#platform.clock.wall()), this.#disk.looseFreePages);
    if (!this.#health.failing) this.#disk.keepUp();
    this.#meter.gauges(this.#journal, this.#disk);
  }

  /** Its part of the ordered shutdown. True when a phase was passed. */
  #follow(): boolean {
    if (this.#board.phase() === this.#phase) return false;
    const next = (this.#phase + 1) as DrainPhase;
    if (next === DrainPhase.commitLast) {
      if (!this.#health.failing && (this.#journal.hasWork || !this.#intake.empty())) return false;
      this.#keep.wait();
    }
    this.#phase = next;
    if (next !== DrainPhase.end) this.#board.setPhaseDone(this.#boot.thread, next);
    return true;
  }

  #rest(): void {
    const { limits } = this.#boot.settings;
    const phase = this.#phase;
    if (this.#health.failing) {
      const waitMs = Math.max(1, this.#health.waitMs(this.#platform.clock.mono()));
      return this.#bell.wait(Math.min(limits.idleWaitMs, waitMs), () => this.#board.phase() !== phase);
    }
    this.#leftovers.idle();
    this.#bell.wait(
      this.#verdicts.some((verdicts) => verdicts.blocked) ? BLOCKED_WAIT_MS : Math.min(limits.idleWaitMs, this.#lookMs),
      () => this.#intake.hasWork() || this.#board.phase() !== phase,
    );
  }

  /** A clean stop: what is in the tail goes into runs, the log into the database. */
  end(): void {
    this.#keep.close();
    for (;;) {
      this.#board.beat(this.#boot.thread);
      const slice = this.#upkeep.round(this.#platform.clock.wall(), true);
      if (slice === null || slice.failure !== null || (!this.#upkeep.flushing && this.#journal.tails.live.refs.count === 0)) break;
    }
    this.#disk.close();
  }
}
