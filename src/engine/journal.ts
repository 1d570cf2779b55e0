/** The journal thread: opens the store, tells the others what it found, and takes its turns until the shutdown has ended. */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { passFault } from "./fault.ts";
import { JournalLoop } from "./journal/loop.ts";
import { openJournal } from "./journal/start.ts";
import { rehearseJournal } from "./rehearsal/journal.ts";

export function runJournal(boot: Boot, platform: Platform, report: (r: Report) => void): void {
  const { thread } = boot;
  const board = new Board(boot.board);
  board.setThreadId(thread, platform.threadId());
  board.beat(thread);
  const faults = faultPoints(boot.faults);
  const journal = openJournal(boot, platform, (point) => passFault(platform, faults, point), report);
  const loop = new JournalLoop(boot, platform, board, faults, journal);
  const recovered = loop.begin();
  board.setState(thread, ThreadState.ready);
  report({ type: "ready", recovered });
  // Beside the start of the other threads, which need what it has told, and not yet what it does.
  rehearseJournal(boot, platform);
  while (!loop.ended) {
    board.beat(thread);
    passFault(platform, faults, "journal.loop");
    loop.turn();
  }
  loop.end();
  board.setState(thread, ThreadState.stopped);
  board.setPhaseDone(thread, DrainPhase.end);
  report({ type: "stopped" });
}
