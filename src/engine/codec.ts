/**
 * The loop of a codec worker thread: sockets on the event loop, rings by its bell, deadlines by a timer. Its part in
 * the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { chooseSource } from "./source/choose.ts";
import { codecContext } from "./codec/context.ts";
import { CodecDrain } from "./codec/drain.ts";
import { CodecTicks } from "./codec/ticks.ts";
import { CodecWorker } from "./codec/worker.ts";
import { passFault } from "./fault.ts";

export async function runCodec(
  boot: Boot,
  platform: Platform,
  report: (r: Report) => void,
  log: Pick<Log, "warn"> = createLog(platform, boot.settings.logLevel, { role: "codec", index: boot.index }),
): Promise<void> {
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const faults = faultPoints(boot.faults);
  const context = codecContext(boot, platform, log);
  const worker = new CodecWorker(context);
  const source = chooseSource(boot, platform, (text) => log.warn({}, text));
  const drain = new CodecDrain(context, worker, source, (phase) => board.setPhaseDone(boot.thread, phase));
  const pass = (): void => {
    board.beat(boot.thread);
    passFault(platform, faults, "codec.loop");
    source.drain();
    drain.advance();
  };
  board.setThreadId(boot.thread, platform.threadId());
  await source.start(worker);
  const ticking = new CodecTicks(boot.settings.limits, () => {
    pass();
    const hurried = worker.hurried || drain.going;
    worker.tick();
    return hurried;
  });
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready" });
  try {
    await bell.listen(
      () => source.hasWork() || worker.hasWork() || drain.hasWork(),
      () => {
        pass();
        worker.turn();
        if (worker.hurried) ticking.hurry();
      },
      () => drain.ended,
    );
  } finally {
    ticking.stop();
  }
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
