/**
 * Where a codec worker's sockets come from: one port, two implementations. Owned by the codec worker.
 *   source/fd.ts          descriptors from the accept thread, over a ring
 *   source/reuse_port.ts  a listener of its own, sharing the port with the other workers
 *   source/secured.ts     a listener for TLS of its own, beside either of them
 *   source/proxied.ts     around either of them, where balancers stand before the gateway
 * `chooseSource` (source/choose.ts) makes the right one. The supervisor has chosen (`settings.tcp.accept` in Boot is never "auto") and, for reuseport, has found the real port.
 * Either way a socket given to the handler has passed the gate and the bounds per address, and has been entered in
 * `boot.addresses`: the worker calls `leave` when it logs in or ends before that.
 */
import type { HostPort, Settings } from "../../config/settings.ts";
import type { Platform, SocketHandler, SocketOptions } from "../../platform/port.ts";

export interface SocketSource {
  /** Begins to give sockets to `handler`. Rejects when it cannot listen. Call once. */
  start<T>(handler: SocketHandler<T>): Promise<void>;
  /** Something waits for `drain`: belongs into the worker's look after arming its bell. */
  hasWork(): boolean;
  /** Takes what waits. Call on every ring of the worker's bell. */
  drain(): void;
  /** When `drain` has something to do though nothing came, by the monotonic clock; Infinity: never. */
  readonly dueAt: number;
  /** No new socket reaches the handler any more; what is still on its way is reset. The ones handed over stay. Keep calling `drain`. */
  stopAccepting(): void;
}

export const socketOptions = ({ limits }: Settings): SocketOptions => ({
  keepAliveIdleS: limits.keepAliveIdleS,
  keepAliveIntervalS: limits.keepAliveIntervalS,
  keepAliveProbes: limits.keepAliveProbes,
  userTimeoutMs: limits.userTimeoutMs,
  backlog: limits.acceptBacklog,
});

/** The port workers may share: an exclusive bind before, as another gateway on it is an error, not a rival for connections. */
export async function probePort(platform: Pick<Platform, "listenTcp">, settings: Settings, { host, port }: HostPort): Promise<number> {
  const nobody = { open: () => {}, data: () => {}, drain: () => {}, close: () => {} };
  const listener = await platform.listenTcp(host, port, { reusePort: false, socket: socketOptions(settings) }, nobody);
  listener.stop();
  return listener.port;
}
