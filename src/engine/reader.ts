/**
 * The loop of a reader thread: all reads of the store but de-duplication's own, so that neither a commit nor a subscriber
 * waits for one. Reader 0 also makes the journal's checkpoint passes. Blocks on its bell.
 */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import type { StoreReader } from "../store/port.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { passFault } from "./fault.ts";
import { Leftovers } from "./leftovers.ts";
import { openStoreReader } from "./reader/open.ts";
import { passing, ReaderDesk } from "./reader/desk.ts";

const FLUSH_LOOK_MS = 1000;
/** This part of followEvents since its last look is worth another one soon; what a few trackers send is not. */
const SOON_PART = 10;

/** Opens the store for reading; runs on the reader's thread. */
export type OpenStoreReader = (boot: Boot, platform: Platform) => StoreReader;

export function runReader(boot: Boot, platform: Platform, report: (r: Report) => void): void {
  runReaderOver(openStoreReader, boot, platform, report);
}

export function runReaderOver(open: OpenStoreReader, boot: Boot, platform: Platform, report: (r: Report) => void): void {
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const journalBell = new Bell(boot.bells, boot.roster.journal);
  const faults = faultPoints(boot.faults);
  const limits = boot.settings.limits;
  board.setThreadId(boot.thread, platform.threadId());
  board.beat(boot.thread);
  const store = open(boot, platform);
  const lines = boot.roster.http.map((thread, http) => ({
    queries: boot.rings.queries[http]![boot.index]!,
    results: boot.rings.results[http]![boot.index]!,
    bell: new Bell(boot.bells, thread),
  }));
  const rest = (): void => {
    board.beat(boot.thread);
    bell.wait(1, () => false);
  };
  const desk = new ReaderDesk(lines, store, board, limits, { monoMs: () => platform.clock.mono(), rest });
  const wanted = (): boolean => boot.index === 0 && board.checkpointWanted() !== board.checkpointAnswered();
  let followed = board.committed();
  const leftovers = new Leftovers(platform, limits, (discard) => {
    desk.giveBack(discard);
    store.shrink();
  });
  const flushes = new Flushes(store, board, limits.flushRestBytes, () => platform.clock.mono());
  let phase: DrainPhase = DrainPhase.running;
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready" });

  while (phase !== DrainPhase.end) {
    board.beat(boot.thread);
    passFault(platform, faults, "reader.loop");
    const worked = desk.round();
    if (wanted()) {
      const ticket = board.checkpointWanted();
      passFault(platform, faults, "reader.checkpoint");
      checkpoint(store);
      board.checkpointDone(ticket);
      journalBell.ring();
    }
    if (board.phase() !== phase) {
      // Readers have no part in the phases before the end: subscribers still read what was committed last.
      phase = board.phase();
      if (phase !== DrainPhase.end) board.setPhaseDone(boot.thread, phase);
    } else if (worked) leftovers.worked();
    else {
      desk.follow();
      const events = board.committed() - followed;
      if (flushes.follow()) leftovers.letGo();
      else if (events > 0) leftovers.worked();
      else leftovers.idle();
      followed = board.committed();
      // The journal rings after many events only: what comes in between is followed a little later, or before the next answer.
      const isSoon = events >= limits.followEvents / SOON_PART;
      bell.wait(isSoon ? limits.followMs : limits.idleWaitMs, () => desk.hasWork() || wanted() || board.phase() !== phase);
    }
  }
  store.close();
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}

/** A pass that the disk or a lock stops is no pass: the journal asks again. */
function checkpoint(store: StoreReader): void {
  try {
    store.checkpoint();
  } catch (error) {
    passing(error);
  }
}

/** Looks now and then whether rows this reader holds have been written to runs: with nothing new committed nothing else would show it. */
class Flushes {
  readonly #store: StoreReader;
  readonly #board: Board;
  readonly #worthBytes: number;
  readonly #mono: () => number;
  #lookedAt = -Infinity;

  constructor(store: StoreReader, board: Board, worthBytes: number, mono: () => number) {
    this.#store = store;
    this.#board = board;
    this.#worthBytes = worthBytes;
    this.#mono = mono;
  }

  /** True when rows were let go of. */
  follow(): boolean {
    const held = this.#store.tailBytes;
    if (held < this.#worthBytes || this.#mono() - this.#lookedAt < FLUSH_LOOK_MS) return false;
    this.#lookedAt = this.#mono();
    try {
      this.#store.advance(this.#board.committed());
    } catch (error) {
      passing(error);
    }
    return this.#store.tailBytes < held;
  }
}
