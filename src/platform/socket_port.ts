/** Sockets of devices, and what a kernel tells of them, as a runtime offers them to those above: part of the port in port.ts. */

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** A connected stream socket on an event loop. All methods are safe after close. */
export interface Socket {
  readonly peer: Peer;
  /** Bytes taken by the kernel (the rest is the caller's to keep until `drain`), or -1 after close. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** FIN after what was written. */
  end(): void;
  /** RST, at once. */
  reset(): void;
  /** The descriptor, or -1 where the runtime hides it. */
  readonly fd: number;
  /** What its TLS was agreed on, and the client's certificate if it has shown one; left out or "": without TLS. */
  readonly tls?: string;
}

/** `lost`: the peer was not heard any more and the kernel gave up, by keepalive or user timeout. */
export type SocketEnd = "closed" | "reset" | "lost";

/** Callbacks of one socket. `data` bytes are only valid during the call. `close` comes exactly once, last. */
export interface SocketHandler<T> {
  open(socket: Socket): T;
  data(state: T, bytes: Uint8Array): void;
  /**
   * The peer sends no more, after all it sent was given to `data`. True: what is written still reaches it, until `end`. False, or left
   * out: the socket is closed. May be asked again after `resume`.
   */
  ended?(state: T): boolean;
  drain(state: T): void;
  close(state: T, reason: SocketEnd): void;
}

export interface TcpListener {
  readonly port: number;
  stop(): void;
}

/** A bound datagram socket on an event loop. */
export interface UdpSocket {
  readonly port: number;
  /** Gives the datagram to the kernel, which may drop it: nobody is told. The bytes stay as they are from now on. Safe after close. */
  send(bytes: Uint8Array, to: Peer): void;
  close(): void;
}

/** Called for every datagram; `bytes` are only valid during the call. */
export type UdpHandler = (bytes: Uint8Array, from: Peer) => void;

/** Accepts on its own thread and yields raw descriptors. Only where ffi is there; see `Platform.acceptor`. */
export interface Acceptor {
  readonly port: number;
  /** The descriptor for `poke`. It stays open after `stop`, as others may be about to poke it. */
  readonly doorbell: number;
  /** Blocks ≤ `timeoutMs` until a connection waits, or another thread pokes the doorbell. True: a connection. */
  poll(timeoutMs: number): boolean;
  /** Waits for the doorbell alone, also after `stop`. True: it was poked. */
  pause(timeoutMs: number): boolean;
  /** Accepts one (non-blocking, close-on-exec, options set), or says why not. */
  accept(): { fd: number; peer: Peer } | "empty" | "descriptors_exhausted";
  closeDescriptor(fd: number): void;
  stop(): void;
}

export interface SocketOptions {
  readonly keepAliveIdleS: number;
  readonly keepAliveIntervalS: number;
  readonly keepAliveProbes: number;
  readonly userTimeoutMs: number;
  readonly backlog: number;
}

/** What the kernel knows of a TCP connection. Times are how long ago, in ms; counts are modulo 2^32. */
export interface TcpInfo {
  /** Linux's number of the connection's state. */
  state: number;
  /** Retransmissions of the oldest unacknowledged segment so far. */
  retransmits: number;
  /** Segments sent and not acknowledged. */
  unacked: number;
  lastDataReceivedMs: number;
  lastAckReceivedMs: number;
  rttUs: number;
  bytesReceived: number;
  segmentsReceived: number;
}

export const emptyTcpInfo = (): TcpInfo => ({
  state: 0,
  retransmits: 0,
  unacked: 0,
  lastDataReceivedMs: 0,
  lastAckReceivedMs: 0,
  rttUs: 0,
  bytesReceived: 0,
  segmentsReceived: 0,
});

/** States of `TcpInfo` in which our FIN is sent and not acknowledged: before and after the peer's own. */
export const FIN_UNACKNOWLEDGED: readonly number[] = [4, 9, 11];
/** The peer has ended the connection, and we have not yet. */
export const PEER_ENDED: readonly number[] = [7, 8];
/** Our FIN is acknowledged. */
export const FIN_ACKNOWLEDGED: readonly number[] = [5, 6];

/** Liveness evidence by descriptor. */
export interface TcpKernel {
  /** False when the kernel cannot be asked about this descriptor. */
  info(fd: number, into: TcpInfo): boolean;
  /** From now on the kernel asks the peer every second whether it is there, and does not give the connection up meanwhile. */
  askPeer(fd: number): void;
  /** Ends that. A peer that has been silent for longer than the options allow is given up. */
  restore(fd: number, options: SocketOptions): void;
}

/**
 * Looks at `count` of this process's descriptors from `first` on for connections to `localPort`; `wants` is asked by the peer's port first.
 * `end`: where to go on; `isLast`: there are none above.
 */
export type Descriptors = (
  localPort: number,
  first: number,
  count: number,
  wants: (port: number) => boolean,
  found: (fd: number, peer: Peer) => void,
) => { readonly end: number; readonly isLast: boolean };
