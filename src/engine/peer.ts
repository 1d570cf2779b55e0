/**
 * The loop of the peer thread: connections to and from other gateways, by sockets on the event loop, rings by its bell,
 * deadlines by a short timer. It runs only when peers are configured. Its part in the shutdown: see DrainPhase.
 */
import { faultPoints } from "../base/fault_point.ts";
import type { Platform, TcpListener } from "../platform/port.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { Board } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { CodecDrain } from "./codec/drain.ts";
import { peerContext, TICK_MS } from "./peer/context.ts";
import { PeerWorker } from "./peer/worker.ts";
import { socketOptions } from "./source/socket.ts";
import { sayStopped, takeTurns } from "./turns.ts";

export async function runPeer(
  boot: Boot,
  platform: Platform,
  report: (r: Report) => void,
  log: Pick<Log, "warn"> = createLog(platform, boot.settings.logLevel, { role: "peer", index: boot.index }),
): Promise<void> {
  const board = new Board(boot.board);
  const context = peerContext(boot, platform, log);
  const worker = new PeerWorker(context, platform);
  board.setThreadId(boot.thread, platform.threadId());
  const listener = await listen(boot, platform, worker);
  const source = { stopAccepting: () => listener?.stop() };
  const drain = new CodecDrain(context, worker, source, (phase) => board.setPhaseDone(boot.thread, phase));
  worker.start();
  await takeTurns({ boot, platform, faults: faultPoints(boot.faults), tickMs: TICK_MS, drain, worker, report }, listener?.port ?? null);
  sayStopped(boot, report);
}

function listen(boot: Boot, platform: Platform, worker: PeerWorker): Promise<TcpListener | null> {
  const { peer } = boot.settings;
  if (peer.listen === null) return Promise.resolve(null);
  const { host, port } = peer.listen;
  return platform.listenTcp(host, port, { reusePort: false, socket: socketOptions(boot.settings) }, worker.handler);
}
