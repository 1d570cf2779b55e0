/** One life of a journal in a test's own thread: the real store file, rings, intake and verdicts; only the loop is the test's. */
import { asSeq } from "../../src/base/brand.ts";
import type { Limits } from "../../src/base/limits.ts";
import { JournalEvents } from "../../src/engine/journal/events.ts";
import { JournalIntake } from "../../src/engine/journal/intake.ts";
import { RingVerdicts } from "../../src/engine/journal/verdicts.ts";
import { here } from "./here.ts";
import { createRing } from "../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import { type Committed, Journal } from "../../src/store/journal.ts";
import { openStore, prepareReading } from "../../src/store/open.ts";
import { SqliteStoreReader } from "../../src/store/reader.ts";
import { type Slice, Upkeep } from "../../src/store/upkeep.ts";
import { Board, createBoard } from "../../src/wire/board.ts";
import { CrashingDatabase } from "./crashing_database.ts";

const platform = here;

export class JournalProcess {
  readonly db: CrashingDatabase;
  readonly journal: Journal;
  readonly upkeep: Upkeep;
  readonly board = new Board(createBoard());
  readonly reader: SqliteStoreReader;
  readonly frames: RingProducer[];
  readonly exceptions: RingConsumer[];
  readonly lifecycle: RingProducer;
  readonly #verdicts: RingVerdicts[];
  readonly #intake: JournalIntake;

  /** @throws Crash when `arm` says so during the start; what it opened is closed. */
  constructor(dir: string, limits: Limits, workers: number, arm: (db: CrashingDatabase) => void = () => undefined) {
    const path = `${dir}/berth.db`;
    let db: CrashingDatabase | null = null;
    const open = (): CrashingDatabase => (db = new CrashingDatabase(platform.openDatabase(path, { readOnly: false })));
    const opened = openStore({ path, checkpointBytes: limits.checkpointBytes, newEpoch: "test", open });
    if (!opened.ok) throw new Error(opened.message);
    this.db = db!;
    try {
      arm(this.db);
      this.journal = new Journal(this.db, limits, () => false);
    } catch (error) {
      this.db.close();
      throw error;
    }
    this.upkeep = new Upkeep(this.journal);
    const bell = new Bell(new SharedArrayBuffer(BELL_BYTES), 0);
    const memories = Array.from({ length: workers }, () => createRing(limits.frameRingBytes, limits.ringStartPosition));
    const exceptions = memories.map(() => createRing(limits.exceptionRingBytes));
    const lifecycle = createRing(limits.controlRingBytes);
    this.frames = memories.map((memory) => new RingProducer(memory, bell));
    this.exceptions = exceptions.map((memory) => new RingConsumer(memory));
    this.lifecycle = new RingProducer(lifecycle, bell);
    const rings = memories.map((memory) => new RingConsumer(memory));
    this.#verdicts = rings.map((ring, i) => new RingVerdicts(i, this.board, bell, new RingProducer(exceptions[i]!, bell), ring.end));
    const events = new JournalEvents(this.journal, workers);
    this.#intake = new JournalIntake(this.journal, events, lifecycle, rings, this.#verdicts);
    events.restart(0);
    const reading = platform.openDatabase(path, { readOnly: false });
    prepareReading(reading);
    this.reader = new SqliteStoreReader(reading, limits);
  }

  get wraps(): number {
    return this.#intake.tally.wraps;
  }

  /** Frames that are acknowledged though they cannot be decoded, as `ID HEX`: of the batch under way. */
  readonly released = new Set<string>();

  /** Takes what the rings hold, up to the bound of a batch. */
  take(): void {
    this.released.clear();
    for (const key of this.quarantined(1)) this.released.add(key);
    this.#intake.take();
  }

  /** As the table has them. */
  quarantined(released: 0 | 1): string[] {
    const rows = this.journal.db.prepare("SELECT device, hex(bytes) AS hex FROM quarantine WHERE released = ? ORDER BY id").all(released);
    return rows.map((row) => `${this.journal.ledger.ids.name(Number(row["device"]))} ${String(row["hex"])}`);
  }

  /** Takes, and commits what was taken. Null: there was nothing to write. */
  commit(): Committed | null {
    this.take();
    return this.journal.hasWork ? this.journal.commit() : null;
  }

  /** After `commit`: words and exceptions become visible to the workers. */
  settle(committed: boolean): void {
    this.board.setCommitted(asSeq(this.journal.committed));
    this.#intake.clear();
    for (const verdicts of this.#verdicts) {
      verdicts.close(committed);
      verdicts.tell();
    }
  }

  slice(nowMs: number, flushNow = false): Slice | null {
    return this.upkeep.round(nowMs, flushNow);
  }

  /** The process is gone; files stay as they are. */
  end(): void {
    this.reader.close();
    this.db.close();
  }
}
