/** Stream sockets on Bun's event loop. Owned by the thread that listens, connects or adopts. */
import type { Socket as RawSocket, SocketHandler as RawHandler } from "bun";
import { applySocketOptions } from "./bun_libc.ts";
import { listening, plainAddress } from "./address.ts";
import type { Peer, Socket, SocketHandler, SocketOptions, TcpListener } from "./port.ts";
import type { TlsHandler, TlsPeer } from "./tls_port.ts";
import { endOf } from "./socket_end.ts";

/**
 * Ours of a socket: what hangs on the raw one, with the handler's state. All in one object: a gateway has ten thousands of them,
 * most of them silent.
 */
export class BunSocket<T> implements Socket {
  readonly #resolve: ((socket: Socket) => void) | null;
  #address: string;
  #port: number;
  #raw: RawSocket<BunSocket<T>> | null = null;
  #state: T | null = null;
  #open = false;

  /** `peer`: known before it opens when its descriptor came from an acceptor. */
  constructor(peer: Peer | null, resolve: ((socket: Socket) => void) | null) {
    this.#address = peer?.address ?? "";
    this.#port = peer?.port ?? 0;
    this.#resolve = resolve;
  }

  get peer(): Peer {
    return { address: this.#address, port: this.#port };
  }
  get fd(): number {
    return this.#open ? (this.#raw as unknown as { fd: number }).fd : -1;
  }
  write(bytes: Uint8Array): number {
    return this.#open ? this.#raw!.write(bytes) : -1;
  }
  pause(): void {
    if (this.#open) this.#raw!.pause();
  }
  resume(): void {
    if (this.#open) this.#raw!.resume();
  }
  /** Half a close: Bun's `end` would close at once, and bytes still unread here would turn the FIN into a reset. */
  end(): void {
    if (this.#open) this.#raw!.shutdown();
  }
  reset(): void {
    if (this.#open) this.#raw!.terminate();
  }

  opened(raw: RawSocket<BunSocket<T>>, handler: SocketHandler<T>): void {
    this.#raw = raw;
    this.#open = true;
    if (this.#address === "") {
      this.#address = plainAddress(raw.remoteAddress);
      this.#port = raw.remotePort;
    }
    this.#state = handler.open(this);
    this.#resolve?.(this);
  }
  secured(about: TlsPeer, handler: TlsHandler<T>): void {
    if (this.#open) handler.secured(this.#state as T, about);
  }
  received(bytes: Uint8Array, handler: SocketHandler<T>): void {
    if (this.#open) handler.data(this.#state as T, bytes);
  }
  /** The peer's FIN, where Bun was told to leave the rest to us. */
  peerEnded(handler: SocketHandler<T>): void {
    if (this.#open && !handler.ended!(this.#state as T)) this.#raw!.end();
  }
  drained(handler: SocketHandler<T>): void {
    if (this.#open) handler.drain(this.#state as T);
  }
  ended(error: Error | null | undefined, handler: SocketHandler<T>): void {
    if (!this.#open) return;
    this.#open = false;
    handler.close(this.#state as T, endOf(error));
  }
}

/** Whether Bun leaves a socket open whose peer has ended. */
export const halfOpen = <T>(handler: SocketHandler<T>): { readonly allowHalfOpen: boolean } => ({
  allowHalfOpen: handler.ended !== undefined,
});

// No `error` callback: it would swallow what a handler throws. Without it that ends the thread, as a broken invariant must.
export function rawHandler<T>(handler: SocketHandler<T>): RawHandler<BunSocket<T>> {
  return {
    open: (raw) => raw.data.opened(raw, handler),
    data: (raw, bytes) => raw.data.received(bytes, handler),
    ...(handler.ended === undefined ? {} : { end: (raw) => raw.data.peerEnded(handler) }),
    drain: (raw) => raw.data.drained(handler),
    close: (raw, error) => raw.data.ended(error, handler),
  };
}

export function listenBunTcp<T>(
  host: string,
  port: number,
  options: { reusePort: boolean; socket: SocketOptions },
  handler: SocketHandler<T>,
): TcpListener {
  const inner = rawHandler(handler);
  const listener = listening(host, port, () =>
    Bun.listen<BunSocket<T>>({
      hostname: host,
      port,
      data: new BunSocket<T>(null, null),
      ...halfOpen(handler),
      ...(options.reusePort ? { reusePort: true } : { exclusive: true }),
      socket: {
        ...inner,
        open(raw) {
          raw.data = new BunSocket<T>(null, null);
          applySocketOptions((raw as unknown as { fd: number }).fd, options.socket);
          return inner.open!(raw);
        },
      },
    }));
  return { port: listener.port, stop: () => listener.stop(false) };
}

export function connectBunTcp<T>(host: string, port: number, handler: SocketHandler<T>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    Bun.connect<BunSocket<T>>({
      hostname: host,
      port,
      data: new BunSocket<T>(null, resolve),
      socket: { ...rawHandler(handler), connectError: (_raw, error) => reject(error) },
    }).catch(reject);
  });
}

const adoptHandlers = new WeakMap<object, RawHandler<never>>();

/** `handler` should be one object for all sockets of a source: what Bun wants is made of it once. */
export function adoptBunTcp<T>(fd: number, peer: Peer, handler: SocketHandler<T>): void {
  let inner = adoptHandlers.get(handler) as RawHandler<BunSocket<T>> | undefined;
  if (inner === undefined) {
    inner = rawHandler(handler);
    adoptHandlers.set(handler, inner as RawHandler<never>);
  }
  // The types do not know `fd`. It opens during this call; a descriptor that is no live socket is a broken invariant.
  const connect = Bun.connect as unknown as (
    options: { fd: number; data: BunSocket<T>; socket: RawHandler<BunSocket<T>>; allowHalfOpen: boolean },
  ) => Promise<unknown>;
  void connect({ fd, data: new BunSocket<T>(peer, null), socket: inner, ...halfOpen(handler) });
}
