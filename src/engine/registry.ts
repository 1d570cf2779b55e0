/**
 * The loop of the registry thread: claims and closes of the codec workers, questions of the http threads, in the order of
 * each ring. It blocks on its bell and never waits for another thread: see registry/desk.ts for how room is seen to.
 */
import { assert } from "../base/assert.ts";
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import { readAllowList } from "./allow_list.ts";
import type { Boot, Report } from "./boot.ts";
import { passFault } from "./fault.ts";
import { Leftovers } from "./leftovers.ts";
import { RegistryDesk } from "./registry/desk.ts";
import { rehearseRegistry } from "./rehearsal/registry.ts";

/** A ring of a worker that does not keep up is looked at again after this. */
const FULL_WAIT_MS = 2;

export function runRegistry(boot: Boot, platform: Platform, report: (r: Report) => void): void {
  assert(boot.recovered !== null, "the registry needs what the journal recovered");
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const faults = faultPoints(boot.faults);
  const list = readAllowList(platform, boot.settings);
  // It could be read when the process began.
  if (!list.ok) throw new Error(list.message);
  const desk = new RegistryDesk(boot, boot.recovered, board, platform.clock, undefined, list.value, platform.poke);
  const idleWaitMs = boot.settings.limits.idleWaitMs;
  const leftovers = new Leftovers(platform, boot.settings.limits, (discard) => desk.giveBack(discard));
  let phase: DrainPhase = DrainPhase.running;
  const hasWork = (): boolean => desk.hasWork() || board.phase() !== phase;
  const never = (): boolean => false;
  board.setThreadId(boot.thread, platform.threadId());
  rehearseRegistry(boot, platform);
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready" });

  while (phase !== DrainPhase.end) {
    board.beat(boot.thread);
    passFault(platform, faults, "registry.loop");
    const taken = desk.round();
    if (board.phase() !== phase) {
      // One at a time: a phase that was passed over still has its part.
      phase = (phase + 1) as DrainPhase;
      if (phase === DrainPhase.releaseAll) desk.releaseAll();
      if (phase !== DrainPhase.end) board.setPhaseDone(boot.thread, phase);
    } else if (taken > 0) leftovers.worked(taken);
    else {
      leftovers.idle();
      if (desk.blocked) bell.wait(FULL_WAIT_MS, never);
      else bell.wait(desk.idleMs(idleWaitMs), hasWork);
    }
  }
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
