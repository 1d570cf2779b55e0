/** Sockets with TLS behind the port of those without, so that one suite can hold both to it. */
import type { Platform, Socket, SocketHandler } from "../../src/platform/port.ts";
import type { TlsHandler } from "../../src/platform/tls_port.ts";
import { FIRST } from "./certificates.ts";

interface Link<T> {
  readonly socket: Socket;
  state: { readonly of: T } | null;
}

/** A handler that hears of a socket when its handshake is done. */
const fromHandshake = <T>(handler: SocketHandler<T>): TlsHandler<Link<T>> => ({
  open: (socket) => ({ socket, state: null }),
  secured: (link) => link.state = { of: handler.open(link.socket) },
  data: (link, bytes) => handler.data(link.state!.of, bytes),
  ended: (link) => link.state !== null && handler.ended?.(link.state.of) === true,
  drain: (link) => link.state === null ? undefined : handler.drain(link.state.of),
  close: (link, reason) => link.state === null ? undefined : handler.close(link.state.of, reason),
});

export const tlsSockets = (platform: Platform): Pick<Platform, "listenTcp" | "connectTcp"> => ({
  async listenTcp(host, port, options, handler) {
    // As the supervisor does: a port that is shared is asked for alone first.
    const probe = await platform.listenTcp(host, port, options, handler);
    probe.stop();
    return await platform.listenTls(host, probe.port, options.socket, { ...FIRST, clientCa: null }, fromHandshake(handler));
  },
  connectTcp: (host, port, handler) => platform.connectTls(host, port, { ca: FIRST.cert }, handler),
});
