/**
 * The loop of the udp thread: datagrams on the event loop, rings by its bell, deadlines by a short timer. It runs only when
 * an address for datagrams is configured. Its part in the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import { assert } from "../base/assert.ts";
import type { Platform } from "../platform/port.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { CodecDrain } from "./codec/drain.ts";
import { sayStopped, takeTurns } from "./turns.ts";
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
  const context = udpContext(boot, platform, log);
  const worker = new UdpWorker(context);
  board.setThreadId(boot.thread, platform.threadId());
  const socket = await platform.openUdp(udp.host, udp.port, worker.datagram);
  worker.bound(socket);
  const drain = new CodecDrain(context, worker, { stopAccepting: () => {} }, (phase) => board.setPhaseDone(boot.thread, phase));
  try {
    await takeTurns({ boot, platform, faults: faultPoints(boot.faults), tickMs: TICK_MS, drain, worker, report }, socket.port);
  } finally {
    socket.close();
  }
  sayStopped(boot, report);
}
