/**
 * A codec worker's own listener, sharing its port with the other workers' (SO_REUSEPORT): where descriptors cannot be
 * passed. The kernel spreads connections by hash. Owned by the codec worker.
 */
import { assert } from "../../base/assert.ts";
import type { Platform, SocketHandler, TcpListener } from "../../platform/port.ts";
import type { Boot } from "../boot.ts";
import { Door } from "./door.ts";
import { socketOptions, type SocketSource } from "./socket.ts";

export class ReusePortSource implements SocketSource {
  readonly dueAt = Infinity;
  readonly #boot: Boot;
  readonly #platform: Platform;
  readonly #door: Door;
  #listener: TcpListener | null = null;
  #stopped = false;

  constructor(boot: Boot, platform: Platform, warn: (text: string) => void) {
    this.#boot = boot;
    this.#platform = platform;
    this.#door = new Door(boot, platform.clock, boot.settings.tcp.proxy?.from ?? null, warn);
  }

  async start<T>(handler: SocketHandler<T>): Promise<void> {
    assert(this.#listener === null && !this.#stopped, "a socket source starts once");
    const { tcp } = this.#boot.settings;
    const guarded: SocketHandler<T | null> = {
      open: (socket) => (!this.#stopped && this.#door.admits(socket.peer.address) ? handler.open(socket) : (socket.reset(), null)),
      data: (state, bytes) => state !== null && handler.data(state, bytes),
      ended: (state) => state !== null && handler.ended?.(state) === true,
      drain: (state) => state !== null && handler.drain(state),
      close: (state, reason) => state !== null && handler.close(state, reason),
    };
    this.#listener = await this.#platform.listenTcp(
      tcp.host,
      tcp.port,
      { reusePort: true, socket: socketOptions(this.#boot.settings) },
      guarded,
    );
  }

  hasWork(): boolean {
    return false;
  }

  drain(): void {}

  stopAccepting(): void {
    this.#stopped = true;
    this.#listener?.stop();
  }
}
