/** What a runtime offers to a thread that would rather block in the kernel for its sockets than run an event loop. */
import type { Peer, SocketHandler } from "./socket_port.ts";

/**
 * The sockets of one thread. `wait`, then `serve`, over and over: handlers are called from `serve` and from methods of their
 * sockets alone. No timer, promise or message of the thread gets its turn meanwhile.
 */
export interface SocketLoop {
  /** Takes ownership of a descriptor from an acceptor of this process. Not while `serve` runs. */
  adopt<T>(fd: number, peer: Peer, handler: SocketHandler<T>): void;
  /** Blocks ≤ `timeoutMs` until a socket has something for `serve`, or another thread pokes the doorbell. True when something came. */
  wait(timeoutMs: number): boolean;
  /** Serves what the last `wait` found. */
  serve(): void;
  /** The descriptor for `poke`. */
  readonly doorbell: number;
  /** Resets the sockets there are, and frees the rest but the doorbell, which others may be about to poke. */
  close(): void;
}

/** The part of the platform that is for such threads. */
export interface SocketLoops {
  /** Null where the runtime leaves no choice. */
  socketLoop: (() => SocketLoop) | null;
  /** Any thread: wakes the one that waits at this doorbell. */
  readonly poke: (doorbell: number) => void;
  /** Closes it, when every thread has gone that might poke it: its number is another file's then. */
  readonly dropDoorbell: (doorbell: number) => void;
}
