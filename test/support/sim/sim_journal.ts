/**
 * The journal thread of one life, turn by turn: the real intake, events, verdicts, health, journal, keep and upkeep; only the
 * loop around them is the simulation's, in the order of engine/journal/loop.ts.
 */
import { asSeq } from "../../../src/base/brand.ts";
import { type FaultPoints, faultPoints } from "../../../src/base/fault_point.ts";
import type { Clock } from "../../../src/base/clock.ts";
import type { Boot, Recovered } from "../../../src/engine/boot.ts";
import type { Connected } from "../../../src/engine/journal/connections.ts";
import { JournalEvents } from "../../../src/engine/journal/events.ts";
import { JournalHealth } from "../../../src/engine/journal/health.ts";
import { JournalIntake } from "../../../src/engine/journal/intake.ts";
import { RingVerdicts } from "../../../src/engine/journal/verdicts.ts";
import { JournalKeep } from "../../../src/engine/journal/keep.ts";
import { JournalMeter } from "../../../src/engine/journal/meter.ts";
import type { Written } from "../../../src/engine/journal/written.ts";
import type { Database, FileSync, Platform } from "../../../src/platform/port.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { Journal } from "../../../src/store/journal.ts";
import { Upkeep } from "../../../src/store/upkeep.ts";
import { type Board, DrainPhase } from "../../../src/wire/board.ts";
import type { Message } from "../../../src/wire/control.ts";

/** What the world wants to know of it. */
export interface JournalWatch {
  readonly clock: Clock;
  /** After a transaction: it is written, and not on the disk yet. */
  committed(): void;
  /** A message of the registry was taken; what is taken from now on has `seq` or a higher one. */
  told(message: Message, seq: number): void;
  /** A frame was refused: `fence` of its connection, or null when the journal does not know it. */
  refused(ring: number, conn: number, fence: number | null): void;
  /** Another thread may run now. */
  pause(): void;
}

class WatchedEvents extends JournalEvents {
  readonly #watch: JournalWatch;
  readonly #own: Journal;
  #taking = false;

  constructor(journal: Journal, rings: number, watch: JournalWatch) {
    super(journal, rings);
    this.#own = journal;
    this.#watch = watch;
  }

  override take(message: Message): void {
    this.#watch.pause();
    this.#taking = true;
    super.take(message);
    this.#taking = false;
    this.#watch.told(message, this.#own.batch.nextSeq);
  }

  override connection(ring: number, conn: number): Connected | undefined {
    const found = super.connection(ring, conn);
    if (!this.#taking && (found === undefined || found.fence < found.device.floor)) this.#watch.refused(ring, conn, found?.fence ?? null);
    return found;
  }
}

/** In a world whose syncs overlap there always is so much to do that they are left to the sync thread. */
class BusyIntake extends JournalIntake {
  /** Not before devices are let in. */
  begun = false;

  override get waitingBytes(): number {
    return this.begun ? Number.MAX_SAFE_INTEGER : 0;
  }
}

export class SimJournal {
  readonly journal: Journal;
  readonly upkeep: Upkeep;
  readonly board: Board;
  readonly fenceBase: number;
  commits = 0;
  failures = 0;
  readonly #boot: Boot;
  readonly #watch: JournalWatch;
  readonly #verdicts: readonly RingVerdicts[];
  readonly #events: WatchedEvents;
  readonly #intake: JournalIntake;
  readonly #health: JournalHealth;
  readonly #keep: JournalKeep;
  readonly #faults: FaultPoints;
  #reserved: number;
  #asking = 0;
  #phase: DrainPhase = DrainPhase.running;

  /** `board`: waits for the sync thread as the simulation does. */
  constructor(boot: Boot, db: Database, log: FileSync, board: Board, watch: JournalWatch) {
    this.#boot = boot;
    this.#watch = watch;
    const { rings, roster, bells } = boot;
    const { limits } = boot.settings;
    this.board = board;
    this.journal = new Journal(db, limits, () => false);
    this.upkeep = new Upkeep(this.journal);
    const frames = rings.frames.map((memory) => new RingConsumer(memory));
    this.#verdicts = frames.map((ring, i) => {
      const bell = new Bell(bells, roster.codec[i]!);
      return new RingVerdicts(i, this.board, bell, new RingProducer(rings.exceptions[i]!, bell), ring.end);
    });
    this.#events = new WatchedEvents(this.journal, frames.length, watch);
    const Intake = limits.overlapBytes === 1 ? BusyIntake : JournalIntake;
    this.#intake = new Intake(this.journal, this.#events, rings.lifecycle, frames, this.#verdicts);
    this.#health = new JournalHealth(this.board, limits, { error: () => undefined, warn: () => undefined });
    this.#faults = faultPoints(boot.faults);
    this.#keep = new JournalKeep({
      boot,
      platform: { clock: watch.clock, openForSync: () => log } as unknown as Platform,
      board: this.board,
      faults: this.#faults,
      journal: this.journal,
      intake: this.#intake,
      verdicts: this.#verdicts,
      meter: new JournalMeter(boot),
      kept: (written) => this.#kept(written),
    });
    this.#reserved = this.journal.fenceReserved;
    this.fenceBase = this.#reserved;
  }

  get failing(): boolean {
    return this.#health.failing;
  }

  /** The first commit: a block of fences, and an end for every connection the last process left open. */
  begin(): void {
    this.board.setCommitted(this.journal.committed);
    this.board.setOldest(asSeq(this.journal.oldest));
    this.board.setFenceReserved(this.fenceBase);
    this.#reserve(this.fenceBase);
    this.#events.restart(this.#watch.clock.wall());
    this.#commit(false);
    if (this.#intake instanceof BusyIntake) this.#intake.begun = true;
  }

  recovered(): Recovered {
    return this.#events.recovered(this.fenceBase);
  }

  get idle(): boolean {
    return !this.failing && !this.#intake.hasWork() && !this.journal.hasWork && this.board.syncWanted() === this.board.syncAnswered();
  }

  turn(): void {
    if (this.ended) return;
    if (this.failing) this.#mend();
    else this.#work();
    this.#follow();
  }

  slice(flushNow: boolean): string {
    if (this.ended) return "nothing";
    const now = this.#watch.clock.wall();
    if (flushNow || this.upkeep.freezesNext(now)) this.#keep.wait();
    const slice = this.upkeep.round(now, flushNow);
    if (slice === null) return "nothing";
    if (slice.failure !== null) this.#failed(slice.failure);
    else this.#watch.committed();
    this.board.setOldest(asSeq(this.journal.oldest));
    return slice.point;
  }

  get ended(): boolean {
    return this.#phase === DrainPhase.end;
  }

  #work(): void {
    this.#intake.take();
    const took = this.#intake.frames > 0;
    const half = this.#boot.settings.limits.fenceBlock / 2;
    if (this.#reserved - this.#events.usedFences <= half && this.#asking === 0) {
      this.#reserve(Math.max(this.#reserved, this.#events.usedFences + 1));
    }
    if (this.journal.hasWork) return this.#commit(false);
    // A duplicate is as safe as what it repeats.
    this.#keep.wait();
    if (took) this.#settle(true);
    else this.#tell();
  }

  #reserve(from: number): void {
    this.#asking = from + this.#boot.settings.limits.fenceBlock;
    this.journal.reserveFences(this.#asking);
  }

  #commit(probing: boolean): void {
    if (this.#faults.at("journal.ack_before_commit") !== null) {
      this.#keep.wait();
      this.#settle(true);
    }
    const done = this.journal.commit(probing);
    if (!done.ok) return this.#failed(done.failure);
    this.commits++;
    this.#watch.committed();
    this.#watch.pause();
    this.#keep.keep(this.#asking, this.#watch.clock.mono(), this.#health.failing);
  }

  #kept({ fences }: Written): void {
    if (fences > 0) {
      this.#reserved = fences;
      this.board.setFenceReserved(fences);
      if (this.#asking === fences) this.#asking = 0;
    }
    this.#health.succeeded();
    this.#watch.pause();
  }

  #failed(failure: { readonly code: string; readonly message: string }): void {
    this.#keep.wait();
    this.failures++;
    this.#settle(false);
    this.#health.failed(this.#watch.clock.mono(), failure);
  }

  #settle(committed: boolean): void {
    this.#intake.clear();
    for (const verdicts of this.#verdicts) verdicts.close(committed);
    this.#tell();
  }

  #tell(): void {
    for (const verdicts of this.#verdicts) {
      this.#watch.pause();
      verdicts.tell();
    }
  }

  #mend(): void {
    const now = this.#watch.clock.mono();
    this.#health.look(now);
    if (this.#health.closed && this.#intake.fail()) this.#tell();
    if (this.#health.waitMs(now) > 0) return;
    this.#commit(true);
  }

  #follow(): void {
    if (this.board.phase() === this.#phase) return;
    const next = (this.#phase + 1) as DrainPhase;
    if (next === DrainPhase.commitLast) {
      if (!this.failing && (this.journal.hasWork || !this.#intake.empty())) return;
      this.#keep.wait();
    }
    if (next === DrainPhase.end) this.#keep.close();
    this.#phase = next;
    this.board.setPhaseDone(this.#boot.thread, next);
  }
}
