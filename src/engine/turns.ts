/**
 * The turns of a thread that waits for sockets, its bell and a short timer: what the peer and the udp thread share. Each turn
 * beats, passes the role's fault point, follows the shutdown, and lets the worker work. Returns when the shutdown has ended.
 */
import type { FaultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import type { CodecDrain } from "./codec/drain.ts";
import { passFault } from "./fault.ts";

export interface Turns {
  readonly boot: Boot;
  readonly platform: Platform;
  readonly faults: FaultPoints;
  readonly tickMs: number;
  readonly drain: Pick<CodecDrain, "advance" | "hasWork" | "ended">;
  readonly worker: { hasWork(): boolean; turn(): void; tick(): void };
  report(message: Report): void;
}

/** `port`: what the thread listens on, told with its ready. */
export async function takeTurns(turns: Turns, port: number | null): Promise<void> {
  const { boot, drain, worker } = turns;
  const board = new Board(boot.board);
  const pass = (): void => {
    board.beat(boot.thread);
    passFault(turns.platform, turns.faults, `${boot.role}.loop`);
    drain.advance();
  };
  const ticking = setInterval(() => {
    pass();
    worker.tick();
  }, turns.tickMs);
  board.setState(boot.thread, ThreadState.ready);
  turns.report({ type: "ready", ...(port === null ? {} : { port }) });
  try {
    await new Bell(boot.bells, boot.thread).listen(
      () => worker.hasWork() || drain.hasWork(),
      () => {
        pass();
        worker.turn();
      },
      () => drain.ended,
    );
  } finally {
    clearInterval(ticking);
  }
}

/** The last words of a thread that has left its loop. */
export function sayStopped(boot: Boot, report: (message: Report) => void): void {
  const board = new Board(boot.board);
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
