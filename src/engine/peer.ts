/**
 * The loop of the peer thread: connections to and from other gateways, by sockets on the event loop, rings by its bell,
 * deadlines by a short timer. It runs only when peers are configured. Its part in the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform, TcpListener } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { CodecDrain } from "./codec/drain.ts";
import { passFault } from "./fault.ts";
import { peerContext, TICK_MS } from "./peer/context.ts";
import { PeerWorker } from "./peer/worker.ts";
import { socketOptions } from "./source/socket.ts";

export async function runPeer(
  boot: Boot,
  platform: Platform,
  report: (r: Report) => void,
  log: Pick<Log, "warn"> = createLog(platform, boot.settings.logLevel, { role: "peer", index: boot.index }),
): Promise<void> {
  const board = new Board(boot.board);
  const bell = new Bell(boot.bells, boot.thread);
  const faults = faultPoints(boot.faults);
  const context = peerContext(boot, platform, log);
  const worker = new PeerWorker(context, platform);
  board.setThreadId(boot.thread, platform.threadId());
  const listener = await listen(boot, platform, worker);
  const source = { stopAccepting: () => listener?.stop() };
  const drain = new CodecDrain(context, worker, source, (phase) => board.setPhaseDone(boot.thread, phase));
  const pass = (): void => {
    board.beat(boot.thread);
    passFault(platform, faults, "peer.loop");
    drain.advance();
  };
  const ticking = setInterval(() => {
    pass();
    worker.tick();
  }, TICK_MS);
  worker.start();
  board.setState(boot.thread, ThreadState.ready);
  report({ type: "ready", ...(listener === null ? {} : { port: listener.port }) });
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
  }
  board.setState(boot.thread, ThreadState.stopped);
  board.setPhaseDone(boot.thread, DrainPhase.end);
  report({ type: "stopped" });
}

function listen(boot: Boot, platform: Platform, worker: PeerWorker): Promise<TcpListener | null> {
  const { peer } = boot.settings;
  if (peer.listen === null) return Promise.resolve(null);
  const { host, port } = peer.listen;
  return platform.listenTcp(host, port, { reusePort: false, socket: socketOptions(boot.settings) }, worker.handler);
}
