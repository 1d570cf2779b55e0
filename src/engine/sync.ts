/**
 * The loop of the sync thread: on the journal's word it brings the store's log to the disk, and lets the codec workers
 * know, while the journal already writes the next ones (journal/keep.ts). Blocks on its bell, and in the sync itself.
 */
import { asSeq } from "../base/brand.ts";
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { Board, DrainPhase, type Promises, ThreadState } from "../wire/board.ts";
import { type Boot, type Report, ringThreads } from "./boot.ts";
import { passFault } from "./fault.ts";
import { Followers } from "./journal/followers.ts";
import { LogFile } from "./journal/sync.ts";

export function runSync(boot: Boot, platform: Platform, report: (r: Report) => void): void {
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const holders = ringThreads(boot.roster).map((thread) => new Bell(boot.bells, thread, platform.poke));
  const followers = new Followers(boot, board);
  const faults = faultPoints(boot.faults);
  const { idleWaitMs } = boot.settings.limits;
  board.setThreadId(boot.thread, platform.threadId());
  board.beat(boot.thread);
  const log = new LogFile(boot, platform);
  const promises: Promises = { committed: asSeq(0), settled: new Int32Array(holders.length) };
  const wanted = (): boolean => board.syncWanted() !== board.syncAnswered();
  let phase: DrainPhase = DrainPhase.running;
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready" });
  while (phase !== DrainPhase.end) {
    board.beat(boot.thread);
    passFault(platform, faults, "sync.loop");
    if (wanted()) {
      const ticket = board.syncWanted();
      board.notePromises(promises);
      log.sync();
      board.redeem(promises, (ring) => holders[ring]!.ring());
      board.syncDone(ticket);
      followers.ring(board.committed());
    } else if (board.phase() !== phase) {
      phase = board.phase();
      if (phase !== DrainPhase.end) board.setPhaseDone(boot.thread, phase);
    } else bell.wait(idleWaitMs, () => wanted() || board.phase() !== phase);
  }
  log.close();
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
