/** Sockets whose descriptors the accept thread passes over a ring: the codec worker adopts them. Owned by the codec worker. */
import { assert, broken } from "../../base/assert.ts";
import type { Peer, Platform, Socket, SocketHandler } from "../../platform/port.ts";
import { RingConsumer } from "../../ring/spsc.ts";
import { receive } from "../../wire/control.ts";
import type { Boot } from "../boot.ts";
import type { SocketSource } from "./socket.ts";

const IGNORE = (): void => {};

export class FdSource implements SocketSource {
  readonly #ring: RingConsumer;
  readonly #platform: Platform;
  readonly dueAt = Infinity;
  #adopt: ((fd: number, peer: Peer) => void) | null = null;

  constructor(boot: Boot, platform: Platform) {
    this.#ring = new RingConsumer(boot.rings.adopt[boot.index]!);
    this.#platform = platform;
  }

  start<T>(handler: SocketHandler<T>): Promise<void> {
    assert(this.#adopt === null, "a socket source starts once");
    this.#adopt = (fd, peer) => this.#platform.adopt(fd, peer, handler);
    this.drain();
    return Promise.resolve();
  }

  hasWork(): boolean {
    return this.#ring.hasNext();
  }

  drain(): void {
    if (this.#adopt === null) return;
    while (this.#ring.next()) {
      const message = receive(this.#ring);
      if (message.type !== "adopt") broken(`unexpected ${message.type} in an accept ring`);
      // Before it counts as one of the worker's: the accept thread adds both up, and would take a worker for twice as busy as it is.
      this.#ring.release();
      this.#adopt(message.fd, { address: message.address, port: message.port });
    }
  }

  stopAccepting(): void {
    const reset: SocketHandler<void> = { open: (socket: Socket) => socket.reset(), data: IGNORE, drain: IGNORE, close: IGNORE };
    this.#adopt = (fd, peer) => this.#platform.adopt(fd, peer, reset);
    this.drain();
  }
}
