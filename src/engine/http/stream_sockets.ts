/**
 * The sockets of device streams: the runtime that serves HTTP does not say which descriptor a request came by, so it is looked for
 * among the process's own, some at a time. Once it is known, the kernel ends a connection whose peer acknowledges nothing, and can be
 * asked whether it answers. Where descriptors cannot be had, a stream is alive while its bytes are taken. Owned by an http thread.
 */
import type { Limits } from "../../base/limits.ts";
import { emptyTcpInfo, type Peer, PEER_ENDED, type Platform, type SocketOptions } from "../../platform/port.ts";
import type { DeviceStream } from "./device_stream.ts";

/** Descriptors looked at in one go. */
const TURN = 4096;
/** Between two of them, and between two looks at a probe. */
const AGAIN_MS = 20;
const LEAST_TIMEOUT_MS = 1000;
/** Keepalive of a silent connection; heartbeats come more often. */
const IDLE_S = 10;
const INTERVAL_S = 5;
const PROBES = 3;
/** The registry has the deadline too: a probe is told of a little before. */
const MARGIN_MS = 100;

interface Wanted {
  readonly stream: DeviceStream;
  /** Descriptors looked at for it so far. */
  seen: number;
}

const keyOf = ({ address, port }: Peer): string => `${address}|${port}`;

export class StreamSockets {
  readonly #platform: Pick<Platform, "clock" | "tcpKernel" | "descriptors">;
  readonly #options: SocketOptions;
  readonly #localPort: () => number;
  readonly #wanted = new Map<string, Wanted>();
  readonly #info = emptyTcpInfo();
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `localPort`: of the listener. */
  constructor(
    platform: Pick<Platform, "clock" | "tcpKernel" | "descriptors">,
    limits: Pick<Limits, "streamDeadMs" | "heartbeatMs">,
    localPort: () => number,
  ) {
    this.#platform = platform;
    this.#localPort = localPort;
    // A heartbeat that is not acknowledged within this ends the connection: the whole is `streamDeadMs`.
    const userTimeoutMs = Math.max(LEAST_TIMEOUT_MS, limits.streamDeadMs - limits.heartbeatMs);
    this.#options = { keepAliveIdleS: IDLE_S, keepAliveIntervalS: INTERVAL_S, keepAliveProbes: PROBES, userTimeoutMs, backlog: 0 };
  }

  /** A new stream. */
  look(stream: DeviceStream): void {
    if (this.#platform.descriptors === null || this.#platform.tcpKernel === null) return;
    // A new connection has the lowest free number: nearly always the first look finds it.
    if (this.#wanted.size === 0) this.#next = 0;
    this.#wanted.set(keyOf(stream.peer), { stream, seen: 0 });
    this.#scan();
  }

  forget(stream: DeviceStream): void {
    stream.descriptor = -1;
    if (this.#wanted.get(keyOf(stream.peer))?.stream === stream) this.#wanted.delete(keyOf(stream.peer));
  }

  /** Does the peer answer? Told once, by the deadline. */
  probe(stream: DeviceStream, deadlineMs: number, answered: (answers: boolean) => void): void {
    const { clock, tcpKernel } = this.#platform;
    const { descriptor } = stream;
    const info = this.#info;
    if (tcpKernel === null || descriptor < 0) return answered(true);
    // Its socket is gone, and the runtime has not said so yet.
    if (!this.#isOf(stream.peer, descriptor) || !tcpKernel.info(descriptor, info)) return answered(false);
    const deadline = clock.mono() + deadlineMs - MARGIN_MS;
    const segments = info.segmentsReceived;
    tcpKernel.askPeer(descriptor);
    stream.beat(clock.mono());
    const look = (): void => {
      if (stream.descriptor !== descriptor) return;
      if (!this.#isOf(stream.peer, descriptor)) return answered(false);
      const answers = tcpKernel.info(descriptor, info) && info.segmentsReceived !== segments;
      if (!answers && clock.mono() < deadline) return void setTimeout(look, AGAIN_MS);
      tcpKernel.restore(descriptor, this.#options);
      answered(answers);
    };
    setTimeout(look, AGAIN_MS);
  }

  /** Is the stack of an evicted stream's peer heard within `forMs`? Told once. Before its last event is on its way. */
  hearAfter({ peer, descriptor }: DeviceStream, forMs: number, told: (answered: boolean) => void): void {
    const { clock, tcpKernel } = this.#platform;
    const info = this.#info;
    const isThere = (): boolean => descriptor >= 0 && this.#isOf(peer, descriptor) && tcpKernel?.info(descriptor, info) === true;
    // One that has ended already speaks as well, and has lost nothing that it still used.
    if (!isThere() || PEER_ENDED.includes(info.state)) return told(false);
    const segments = info.segmentsReceived;
    const deadline = clock.mono() + forMs;
    const look = (): void => {
      if (!isThere()) return told(false);
      if (info.segmentsReceived !== segments) return told(true);
      if (clock.mono() >= deadline) return told(false);
      setTimeout(look, AGAIN_MS);
    };
    setTimeout(look, AGAIN_MS);
  }

  tick(): void {
    if (this.#wanted.size > 0) this.#scan();
  }

  /** The runtime closes a socket without a word, and its number may be another one's by now. */
  #isOf(peer: Peer, descriptor: number): boolean {
    let isOf = false;
    this.#platform.descriptors?.(this.#localPort(), descriptor, 1, (port) => port === peer.port, (_fd, found) => {
      isOf = keyOf(found) === keyOf(peer);
    });
    return isOf;
  }

  #scan(): void {
    const { descriptors, tcpKernel } = this.#platform;
    if (descriptors === null || tcpKernel === null || this.#timer !== null) return;
    const ports = new Set([...this.#wanted.values()].map(({ stream }) => stream.peer.port));
    const { end, isLast } = descriptors(this.#localPort(), this.#next, TURN, (port) => ports.has(port), (fd, peer) => {
      const found = this.#wanted.get(keyOf(peer));
      if (found === undefined) return;
      found.stream.descriptor = fd;
      tcpKernel.restore(fd, this.#options);
      this.#wanted.delete(keyOf(peer));
    });
    for (const [key, one] of this.#wanted) {
      one.seen += end - this.#next;
      // All of them, more than once: it is not among them.
      if (isLast && one.seen > 2 * end) this.#wanted.delete(key);
    }
    this.#next = isLast ? 0 : end;
    if (this.#wanted.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#scan();
    }, AGAIN_MS);
  }
}
