/**
 * A codec worker thread. Where descriptors come over a ring it blocks in the kernel for its sockets and its bell at once; where it
 * listens for itself it runs the runtime's event loop. Its part in the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { chooseSource } from "./source/choose.ts";
import { codecContext } from "./codec/context.ts";
import { CodecDrain } from "./codec/drain.ts";
import { turnByBlocking } from "./codec/by_blocking.ts";
import { turnByEvents } from "./codec/by_events.ts";
import { CodecWorker } from "./codec/worker.ts";
import { passFault } from "./fault.ts";
import { rehearseCodec } from "./rehearsal/codec.ts";

export async function runCodec(
  boot: Boot,
  platform: Platform,
  report: (r: Report) => void,
  log: Pick<Log, "warn"> = createLog(platform, boot.settings.logLevel, { role: "codec", index: boot.index }),
): Promise<void> {
  const board = new Board(boot.board);
  const faults = faultPoints(boot.faults);
  const context = codecContext(boot, platform, log);
  // TLS is the runtime's, on its event loop.
  const { accept, tls } = boot.settings.tcp;
  const sockets = accept === "fd" && tls === null ? platform.socketLoop?.() ?? null : null;
  const worker = new CodecWorker(context, sockets === null);
  const adopting: Platform = sockets === null ? platform : { ...platform, adopt: (fd, peer, handler) => sockets.adopt(fd, peer, handler) };
  const source = chooseSource(boot, adopting, (text) => log.warn({}, text));
  const drain = new CodecDrain(context, worker, source, (phase) => board.setPhaseDone(boot.thread, phase));
  const pass = (): void => {
    board.beat(boot.thread);
    passFault(platform, faults, "codec.loop");
    source.drain();
    drain.advance();
  };
  board.setThreadId(boot.thread, platform.threadId());
  rehearseCodec(boot, platform);
  await source.start(worker);
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready" });
  const turns = { boot, platform, source, worker, drain, pass };
  if (sockets === null) await turnByEvents(turns);
  else turnByBlocking(turns, sockets);
  sockets?.close();
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}
