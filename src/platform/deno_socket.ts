/**
 * Stream sockets through node:net, for Deno. Owned by the thread that listens or connects. node:net buffers what it is
 * given, so a write is taken whole until the buffer is full; then nothing is taken until `drain`.
 */
import { connect, createServer, type Socket as RawSocket } from "node:net";
import { listenError, plainAddress } from "./address.ts";
import type { Peer, Socket, SocketHandler, SocketOptions, TcpListener } from "./port.ts";
import { endOf } from "./socket_end.ts";

class DenoSocket implements Socket {
  readonly peer: Peer;
  readonly fd = -1;
  readonly #raw: RawSocket;
  readonly #tcp: RawSocket;
  closed = false;

  constructor(raw: RawSocket, tcp: RawSocket) {
    this.#raw = raw;
    this.#tcp = tcp;
    this.peer = { address: plainAddress(tcp.remoteAddress ?? ""), port: tcp.remotePort ?? 0 };
  }

  write(bytes: Uint8Array): number {
    if (this.closed || this.#raw.writableEnded) return -1;
    if (this.#raw.writableNeedDrain) return 0;
    // The caller may use its bytes again at once.
    this.#raw.write(bytes.slice());
    return bytes.length;
  }
  pause(): void {
    this.#raw.pause();
  }
  resume(): void {
    this.#raw.resume();
  }
  end(): void {
    this.#raw.end();
  }
  reset(): void {
    if (!this.closed) this.#tcp.resetAndDestroy();
  }
}

/** `tcp`: what carries it, where it is another one. */
export function attach<T>(raw: RawSocket, handler: SocketHandler<T>, tcp = raw): { readonly socket: Socket; readonly state: T } {
  const socket = new DenoSocket(raw, tcp);
  let failure: Error | null = null;
  raw.on("error", (error) => {
    failure = error;
  });
  const state = handler.open(socket);
  raw.on("data", (bytes) => socket.closed || handler.data(state, bytes as unknown as Uint8Array));
  // Without a handler for it node:net ends it by itself.
  if (handler.ended !== undefined) raw.on("end", () => socket.closed || handler.ended!(state) || raw.end());
  raw.on("drain", () => socket.closed || handler.drain(state));
  raw.on("close", () => {
    if (socket.closed) return;
    socket.closed = true;
    handler.close(state, endOf(failure));
  });
  return { socket, state };
}

export function listenDenoTcp<T>(
  host: string,
  port: number,
  options: { reusePort: boolean; socket: SocketOptions },
  handler: SocketHandler<T>,
): Promise<TcpListener> {
  const server = createServer(
    {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.socket.keepAliveIdleS * 1000,
      allowHalfOpen: handler.ended !== undefined,
    },
    (raw) => void attach(raw, handler),
  );
  return new Promise((resolve, reject) => {
    const refused = (error: Error & { code?: string }): void => reject(listenError(host, port, error.code ?? "", error.message));
    server.once("error", refused);
    server.listen({ host, port, backlog: options.socket.backlog, exclusive: true, reusePort: options.reusePort }, () => {
      server.off("error", refused);
      const address = server.address();
      resolve({ port: typeof address === "object" && address !== null ? address.port : port, stop: () => void server.close() });
    });
  });
}

export function connectDenoTcp<T>(host: string, port: number, handler: SocketHandler<T>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const raw = connect({ host, port, noDelay: true });
    raw.once("error", reject);
    raw.once("connect", () => {
      raw.off("error", reject);
      resolve(attach(raw, handler).socket);
    });
  });
}
