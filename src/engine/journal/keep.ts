/**
 * From written to kept: has every commit synced, and when it is on the disk everybody is told, in this order: committed
 * seq, exceptions, settled words, bells. A few commits may wait for their sync, while the next one is written. Then the sync
 * thread moves committed seq and settled words itself, so that no answer waits for the next commit; a word that exceptions
 * must go before is moved by the journal when it comes by. Journal thread.
 */
import type { FaultPoints } from "../../base/fault_point.ts";
import type { Discard } from "../../platform/memory.ts";
import type { Platform } from "../../platform/port.ts";
import { BroadcastProducer } from "../../ring/broadcast.ts";
import { Bell } from "../../ring/wait.ts";
import type { Journal } from "../../store/journal.ts";
import type { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";
import { passFault } from "../fault.ts";
import { Followers } from "./followers.ts";
import type { JournalIntake } from "./intake.ts";
import type { JournalMeter } from "./meter.ts";
import { JournalSync } from "./sync.ts";
import type { RingVerdicts } from "./verdicts.ts";
import { Written } from "./written.ts";

export interface KeepParts {
  readonly boot: Boot;
  readonly platform: Platform;
  readonly board: Board;
  readonly faults: FaultPoints;
  readonly journal: Journal;
  readonly intake: JournalIntake;
  readonly verdicts: readonly RingVerdicts[];
  readonly meter: JournalMeter;
  /** A commit is on the disk; what was reserved with it is too. */
  readonly kept: (written: Written) => void;
}

export class JournalKeep {
  readonly #parts: KeepParts;
  readonly #sync: JournalSync;
  readonly #broadcast: BroadcastProducer;
  readonly #followers: Followers;
  readonly #registry: Bell;
  readonly #overlapBytes: number;
  readonly #most: number;
  /** Handed to the sync thread and not told yet, oldest first; and those that wait to be used again. */
  readonly #waiting: Written[] = [];
  readonly #spare: Written[] = [];
  /** Never true but for the durability proofs, which must find it out. */
  readonly #unsynced: boolean;

  constructor(parts: KeepParts) {
    const { boot, platform, board, faults, journal, intake } = parts;
    this.#parts = parts;
    board.setCommandsKept(intake.lifecycleEnd);
    this.#sync = new JournalSync(boot, platform, board);
    this.#broadcast = new BroadcastProducer(boot.rings.broadcast, []);
    this.#followers = new Followers(boot, board);
    this.#registry = new Bell(boot.bells, boot.roster.registry);
    this.#overlapBytes = boot.settings.limits.overlapBytes;
    this.#most = boot.settings.limits.syncCommits;
    this.#unsynced = passFault(platform, faults, "journal.synchronous_off");
    if (this.#unsynced) journal.db.exec("PRAGMA synchronous = OFF");
  }

  /** The batch is committed: written, and seen by nobody yet. `alone`: do not leave its sync to the other thread. */
  keep(fences: number, beganAt: number, alone: boolean): void {
    const { journal, intake, verdicts, meter, platform, faults, board } = this.#parts;
    const written = this.#spare.pop() ?? new Written();
    written.fill(journal, intake.tally, fences, beganAt);
    written.lifecycleEnd = intake.lifecycleEnd;
    written.hasRows = intake.takeRows();
    intake.clear();
    this.#tellKept();
    // Never set but by the durability proofs.
    const tooEarly = passFault(platform, faults, "journal.ack_before_sync");
    const here = alone || tooEarly || this.#unsynced;
    const overlaps = !here && (this.#waiting.length > 0 || intake.waitingBytes >= this.#overlapBytes);
    if (!overlaps) this.wait();
    else if (this.#waiting.length === this.#most) this.#waitForOldest();
    for (const each of verdicts) each.seal();
    // Nobody takes a row from there before the committed seq covers it.
    for (const row of journal.lastRows) this.#broadcast.append(row.seq, row.body);
    this.#broadcast.publish();
    if (tooEarly || this.#unsynced) this.#tell(written, false);
    if (this.#unsynced) return;
    meter.sync(overlaps);
    if (overlaps) {
      board.promiseCommitted(written.committed);
      for (const each of verdicts) each.promise();
      written.ticket = this.#sync.begin();
      this.#waiting.push(written);
      return;
    }
    this.#sync.now();
    if (!tooEarly) this.#tell(written, false);
  }

  /** Waits for all syncs under way, and tells what they kept. */
  wait(): void {
    while (this.#waiting.length > 0) this.#waitForOldest();
  }

  /** Committed rows that every follower has had time to take, and what the database keeps of its pages. */
  giveBack(discard: Discard): void {
    this.#broadcast.giveBack(discard);
    const { tails, db } = this.#parts.journal;
    tails.giveBack();
    db.exec("PRAGMA shrink_memory");
  }

  /** At the end, when the sync thread may have left. */
  close(): void {
    if (this.#waiting.length > 0) this.#sync.now();
    while (this.#waiting.length > 0) this.#tell(this.#waiting.shift()!, false);
    this.#sync.close();
  }

  /** What is on the disk by now. */
  #tellKept(): void {
    while (this.#waiting.length > 0 && this.#sync.isDone(this.#waiting[0]!.ticket)) this.#tell(this.#waiting.shift()!, true);
  }

  #waitForOldest(): void {
    const oldest = this.#waiting.shift()!;
    this.#tell(oldest, this.#sync.wait(oldest.ticket));
  }

  /** `bySync`: the sync thread has moved what it could, and woken who reads. */
  #tell(written: Written, bySync: boolean): void {
    const { board, meter, platform, verdicts, kept } = this.#parts;
    meter.commit(platform.clock.mono() - written.beganAt, written.tally.stored);
    meter.batch(written.tally, true);
    board.raiseCommitted(written.committed);
    board.setOldest(written.oldest);
    kept(written);
    for (const each of verdicts) each.keep();
    for (const each of verdicts) if (!each.tell()) meter.exceptionsFull();
    if (!bySync) this.#followers.ring(written.committed);
    // With every commit: positions are compared modulo 2^32, and one of long ago looks like one ahead.
    board.setCommandsKept(written.lifecycleEnd);
    if (written.hasRows) this.#registry.ring();
    this.#spare.push(written);
  }
}
