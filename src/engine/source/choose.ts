/** Makes the socket source the supervisor chose. Called by the codec worker. */
import { assert } from "../../base/assert.ts";
import type { Platform, SocketHandler } from "../../platform/port.ts";
import type { Boot } from "../boot.ts";
import { FdSource } from "./fd.ts";
import { ProxiedSource } from "./proxied.ts";
import { ReusePortSource } from "./reuse_port.ts";
import { SecuredSource } from "./secured.ts";
import type { SocketSource } from "./socket.ts";

/** `warn`: says why sockets are turned away, now and then. */
export function chooseSource(boot: Boot, platform: Platform, warn: (text: string) => void): SocketSource {
  const { accept, proxy, tls } = boot.settings.tcp;
  assert(accept !== "auto", "the supervisor has not chosen how to accept");
  const plain = accept === "fd" ? new FdSource(boot, platform) : new ReusePortSource(boot, platform, warn);
  const main = proxy === null ? plain : new ProxiedSource(plain, boot, proxy, platform.clock, warn);
  return tls === null ? main : new BothSources(main, new SecuredSource(boot, tls, platform, warn));
}

/** Sockets of one address and of another, for one handler. */
class BothSources implements SocketSource {
  readonly #one: SocketSource;
  readonly #other: SocketSource;

  constructor(one: SocketSource, other: SocketSource) {
    this.#one = one;
    this.#other = other;
  }

  async start<T>(handler: SocketHandler<T>): Promise<void> {
    await this.#one.start(handler);
    await this.#other.start(handler);
  }

  hasWork(): boolean {
    return this.#one.hasWork() || this.#other.hasWork();
  }

  drain(): void {
    this.#one.drain();
    this.#other.drain();
  }

  get dueAt(): number {
    return Math.min(this.#one.dueAt, this.#other.dueAt);
  }

  stopAccepting(): void {
    this.#one.stopAccepting();
    this.#other.stopAccepting();
  }
}
