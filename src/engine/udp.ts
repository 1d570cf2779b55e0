/**
 * The loop of the udp thread: datagrams on the event loop, rings by its bell, deadlines by a short timer. It runs only when
 * an address for datagrams is configured. Its part in the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import { assert } from "../base/assert.ts";
import type { Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { CodecDrain } from "./codec/drain.ts";
import { passFault } from "./fault.ts";
import { TICK_MS, udpContext } from "./udp/context.ts";
import { UdpWorker } from "./udp/worker.ts";

export async function runUdp(
  boot: Boot,
  platform: Platform,
  report: (r: Report) => void,
  log: Pick<Log, "warn"> = createLog(platform, boot.settings.logLevel, { role: "udp", index: boot.index }),
): Promise<void> {
  const { udp } = boot.settings;
  assert(udp !== null, "the udp thread has an address");
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const faults = faultPoints(boot.faults);
  const context = udpContext(boot, platform, log);
  const worker = new UdpWorker(context);
  board.setThreadId(boot.thread, platform.threadId());
  const socket = await platform.openUdp(udp.host, udp.port, worker.datagram);
  worker.bound(socket);
  const drain = new CodecDrain(context, worker, { stopAccepting: () => {} }, (phase) => board.setPhaseDone(boot.thread, phase));
  const pass = (): void => {
    board.beat(boot.thread);
    passFault(platform, faults, "udp.loop");
    drain.advance();
  };
  const ticking = setInterval(() => {
    pass();
    worker.tick();
  }, TICK_MS);
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready", port: socket.port });
  try {
    await bell.listen(
      () => worker.hasWork() || drain.hasWork(),
      () => {
        pass();
        worker.turn();
      },
      () => drain.ended,
    );
  } finally {
    clearInterval(ticking);
    socket.close();
  }
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
