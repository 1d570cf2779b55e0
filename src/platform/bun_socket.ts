/** Stream sockets on Bun's event loop. Owned by the thread that listens, connects or adopts. */
import type { Socket as RawSocket, SocketHandler as RawHandler } from "bun";
import { applySocketOptions } from "./bun_libc.ts";
import { listening, plainAddress } from "./address.ts";
import type { Peer, Socket, SocketHandler, SocketOptions, TcpListener } from "./port.ts";
import { endOf } from "./socket_end.ts";

/** What hangs on a raw socket: our wrapper and the handler's state. */
interface Link<T> {
  socket: BunSocket | null;
  state: T | null;
  /** Known before the socket opens when its descriptor came from an acceptor. */
  peer: Peer | null;
  resolve: ((socket: Socket) => void) | null;
}

class BunSocket implements Socket {
  readonly peer: Peer;
  readonly #raw: RawSocket<unknown>;
  closed = false;

  constructor(raw: RawSocket<unknown>, peer: Peer) {
    this.#raw = raw;
    this.peer = peer;
  }

  get fd(): number {
    return this.closed ? -1 : (this.#raw as unknown as { fd: number }).fd;
  }
  write(bytes: Uint8Array): number {
    return this.closed ? -1 : this.#raw.write(bytes);
  }
  pause(): void {
    if (!this.closed) this.#raw.pause();
  }
  resume(): void {
    if (!this.closed) this.#raw.resume();
  }
  /** Half a close: Bun's `end` would close at once, and bytes still unread here would turn the FIN into a reset. */
  end(): void {
    if (!this.closed) this.#raw.shutdown();
  }
  reset(): void {
    if (!this.closed) this.#raw.terminate();
  }
}

// No `error` callback: it would swallow what a handler throws. Without it that ends the thread, as a broken invariant must.
function rawHandler<T>(handler: SocketHandler<T>): RawHandler<Link<T>> {
  return {
    open(raw) {
      const link = raw.data;
      const socket = new BunSocket(
        raw as RawSocket<unknown>,
        link.peer ?? { address: plainAddress(raw.remoteAddress), port: raw.remotePort },
      );
      link.socket = socket;
      link.state = handler.open(socket);
      link.resolve?.(socket);
    },
    data(raw, bytes) {
      const link = raw.data;
      if (link.socket !== null && !link.socket.closed) handler.data(link.state as T, bytes);
    },
    drain(raw) {
      const link = raw.data;
      if (link.socket !== null && !link.socket.closed) handler.drain(link.state as T);
    },
    close(raw, error) {
      const link = raw.data;
      if (link.socket === null || link.socket.closed) return;
      link.socket.closed = true;
      handler.close(link.state as T, endOf(error));
    },
  };
}

const emptyLink = <T>(peer: Peer | null, resolve: ((socket: Socket) => void) | null): Link<T> => ({
  socket: null,
  state: null,
  peer,
  resolve,
});

export function listenBunTcp<T>(
  host: string,
  port: number,
  options: { reusePort: boolean; socket: SocketOptions },
  handler: SocketHandler<T>,
): TcpListener {
  const inner = rawHandler(handler);
  const listener = listening(host, port, () =>
    Bun.listen<Link<T>>({
      hostname: host,
      port,
      data: emptyLink<T>(null, null),
      ...(options.reusePort ? { reusePort: true } : { exclusive: true }),
      socket: {
        ...inner,
        open(raw) {
          raw.data = emptyLink<T>(null, null);
          applySocketOptions((raw as unknown as { fd: number }).fd, options.socket);
          return inner.open!(raw);
        },
      },
    }));
  return { port: listener.port, stop: () => listener.stop(false) };
}

export function connectBunTcp<T>(host: string, port: number, handler: SocketHandler<T>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    Bun.connect<Link<T>>({
      hostname: host,
      port,
      data: emptyLink<T>(null, resolve),
      socket: { ...rawHandler(handler), connectError: (_raw, error) => reject(error) },
    }).catch(reject);
  });
}

const adoptHandlers = new WeakMap<object, RawHandler<never>>();

/** `handler` should be one object for all sockets of a source: what Bun wants is made of it once. */
export function adoptBunTcp<T>(fd: number, peer: Peer, handler: SocketHandler<T>): void {
  let inner = adoptHandlers.get(handler) as RawHandler<Link<T>> | undefined;
  if (inner === undefined) {
    inner = rawHandler(handler);
    adoptHandlers.set(handler, inner as RawHandler<never>);
  }
  // The types do not know `fd`. It opens during this call; a descriptor that is no live socket is a broken invariant.
  const connect = Bun.connect as unknown as (options: { fd: number; data: Link<T>; socket: RawHandler<Link<T>> }) => Promise<unknown>;
  void connect({ fd, data: emptyLink<T>(peer, null), socket: inner });
}
