/**
 * The world around a journal with everything that may go wrong: commits and slices that fail, clean restarts, processes
 * that die at any statement, while they start, or with half a commit on disk.
 */
import { copyFileSync, mkdirSync, statSync, truncateSync } from "node:fs";
import { Crash } from "./crashing_database.ts";
import { checkAll, checkNew, readNew } from "./journal_checks.ts";
import { JournalProcess } from "./journal_process.ts";
import { JournalWorld, WORKERS } from "./journal_world.ts";

export class JournalStorm extends JournalWorld {
  #life = 0;

  step(): void {
    const { random } = this;
    this.now += random.below(2000);
    const dice = random.below(1000);
    if (dice < 620) this.send(random.below(this.devices.length));
    else if (dice < 770) this.commit();
    else if (dice < 890) this.slice();
    else if (dice < 920) this.admit(random.below(this.devices.length));
    else if (dice < 932) this.leave();
    else if (dice < 950) this.sendRaw(random.below(this.devices.length));
    else if (dice < 956) this.operate();
    else if (dice < 973) this.#failSomewhere();
    else if (dice < 980) this.trim();
    else if (dice < 986) this.#restart();
    else if (dice < 994) this.#crashSomewhere();
    else this.#torn();
  }

  finish(): void {
    while (this.commit());
    checkAll(this);
    this.#restart();
    checkAll(this);
    this.#count();
    this.process.end();
  }

  #failSomewhere(): void {
    this.process.db.failure = this.random.pick(["SQLITE_FULL", "SQLITE_IOERR_WRITE"]);
    this.process.db.countdown = 1 + this.random.below(6);
    const done = this.random.chance(0.6) ? this.#commitWrites() : this.slice();
    this.process.db.countdown = Infinity;
    return done;
  }

  #commitWrites(): void {
    const countdown = this.process.db.countdown;
    this.process.db.countdown = Infinity;
    const { process } = this;
    process.take();
    process.db.countdown = countdown;
    const done = process.journal.hasWork ? process.journal.commit() : null;
    process.db.countdown = Infinity;
    const committed = done === null || done.ok;
    process.settle(committed);
    if (!committed) this.branches.failed++;
    checkNew(this, this.answers(committed), readNew(this));
  }

  #restart(): void {
    this.branches.restart++;
    if (this.random.chance(0.5)) { while (this.process.slice(this.now, true) !== null); }
    this.trimModel();
    this.#die();
    this.#live();
    checkAll(this);
  }

  #crashSomewhere(): void {
    this.branches.crash++;
    this.process.db.failure = "crash";
    this.process.db.countdown = 1 + this.random.below(12);
    try {
      for (let i = 0; i < 6; i++) {
        if (this.random.chance(0.5)) {
          const done = this.process.commit();
          this.process.settle(done === null || done.ok);
          checkNew(this, this.answers(done === null || done.ok), readNew(this));
        } else if (this.process.slice(this.now, true) !== null) this.trimModel();
      }
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    this.#die();
    this.#live();
    checkAll(this);
  }

  /** Dies inside a commit: the write-ahead log holds a part of what it wrote. The frames were not answered. */
  #torn(): void {
    const wal = `${this.dir}/berth.db-wal`;
    const size = (): number => statSync(wal, { throwIfNoEntry: false })?.size ?? 0;
    const before = size();
    const done = this.process.commit();
    this.process.settle(true);
    const frames = this.answers(true);
    if (done === null) return checkNew(this, frames, readNew(this));
    const after = size();
    const next = `${this.dir}.${++this.#life}`;
    mkdirSync(next);
    copyFileSync(`${this.dir}/berth.db`, `${next}/berth.db`);
    copyFileSync(wal, `${next}/berth.db-wal`);
    // The log grew by whole frames; it is cut anywhere in what was not synced yet.
    if (after > before && this.random.chance(0.7)) truncateSync(`${next}/berth.db-wal`, before + this.random.below(after - before + 1));
    this.#die();
    this.dir = next;
    this.#live(true);
    this.branches.torn++;
    // All of the batch or nothing of it: the frames were not answered, so either is right.
    const found = readNew(this);
    if (found.length > 0) this.branches.tornKept++;
    checkNew(this, found.some((each) => each.records.length > 0) ? frames : [], found);
    checkAll(this);
  }

  #count(): void {
    this.branches.join += this.process.journal.intervalJoins;
    this.branches.levels = Math.max(this.branches.levels, ...this.process.journal.segments.map((s) => s.level));
  }

  #die(): void {
    this.#count();
    this.process.end();
    this.owners.clear();
    this.old = [];
    for (const fifo of this.fifos) fifo.length = 0;
  }

  /** The next life; it may die while it starts. */
  #live(torn = false): void {
    for (;;) {
      try {
        this.process = new JournalProcess(this.dir, this.limits, WORKERS, (db) => {
          if (torn || !this.random.chance(0.2)) return;
          db.failure = "crash";
          db.countdown = 1 + this.random.below(25);
        });
        this.process.db.countdown = Infinity;
        break;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        this.branches.crashAtStart++;
      }
    }
    if (!torn) checkNew(this, [], readNew(this));
  }
}
