/**
 * Stream sockets with TLS on Bun's event loop. Bun tells of a connection when it comes and again when its handshake is done; what is
 * read before that never is. Owned by the thread that listens or connects.
 */
import type { Socket as RawSocket, SocketHandler as RawHandler } from "bun";
import { listening } from "./address.ts";
import { applySocketOptions } from "./bun_libc.ts";
import { BunSocket, halfOpen, rawHandler } from "./bun_socket.ts";
import { checkTls } from "./node_tls.ts";
import type { Socket, SocketHandler, SocketOptions } from "./port.ts";
import type { TlsHandler, TlsListener, TlsOffer, TlsPeer, TlsTrust } from "./tls_port.ts";

/** Its port: a renewed listener opens beside the old one. */
const SHARED = { reusePort: true };

/** The types do not know what a secured socket can be asked. */
interface Secured {
  readonly fd: number;
  readonly authorized: boolean;
  getTLSVersion(): string;
  getCipher(): { readonly name: string | null };
  getPeerCertificate(): { readonly fingerprint256?: string } | undefined;
}

function peerOf(raw: Secured, asked: boolean): TlsPeer {
  const print = asked ? raw.getPeerCertificate()?.fingerprint256 ?? "" : "";
  return { protocol: raw.getTLSVersion(), cipher: raw.getCipher().name ?? "", certificate: print.replaceAll(":", "").toLowerCase() };
}

export async function listenBunTls<T>(
  host: string,
  port: number,
  options: SocketOptions,
  offer: TlsOffer,
  handler: TlsHandler<T>,
): Promise<TlsListener> {
  let listener = listenWith(host, port, options, offer, handler);
  return {
    port: listener.port,
    stop: () => listener.stop(false),
    // No listener changes its certificate: a new one takes the port over, the old one's connections stay.
    async renew(next) {
      const old = listener;
      listener = listenWith(host, old.port, options, next, handler);
      old.stop(false);
    },
  };
}

function listenWith<T>(
  host: string,
  port: number,
  options: SocketOptions,
  { cert, key, clientCa }: TlsOffer,
  handler: TlsHandler<T>,
): Bun.TCPSocketListener<BunSocket<T>> {
  checkTls({ cert, key });
  const inner = rawHandler(handler);
  return listening(host, port, () =>
    Bun.listen<BunSocket<T>>({
      hostname: host,
      port,
      data: new BunSocket<T>(null, null),
      ...SHARED,
      ...halfOpen(handler),
      tls: { cert, key, ...(clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }) },
      socket: {
        ...inner,
        open(raw) {
          raw.data = new BunSocket<T>(null, null);
          applySocketOptions((raw as unknown as Secured).fd, options);
          return inner.open!(raw);
        },
        handshake(raw, succeeded) {
          const secured = raw as unknown as Secured;
          if (succeeded && (clientCa === null || secured.authorized)) raw.data.secured(peerOf(secured, clientCa !== null), handler);
          else raw.terminate();
        },
      },
    }));
}

export function connectBunTls<T>(host: string, port: number, trust: TlsTrust, handler: SocketHandler<T>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const inner = rawHandler(handler);
    let isSecured = false;
    const socket: RawHandler<BunSocket<T>> = {
      ...inner,
      open: () => {},
      handshake(raw: RawSocket<BunSocket<T>>, succeeded, error) {
        if (succeeded && (trust === "anybody" || error === null || error === undefined)) {
          isSecured = true;
          return void inner.open!(raw);
        }
        raw.terminate();
        reject(new Error(`Cannot connect with TLS to ${host}:${port}: ${error?.message ?? "no handshake"}`, { cause: error }));
      },
      close(raw, error) {
        if (isSecured) return inner.close!(raw, error);
        reject(new Error(`Cannot connect with TLS to ${host}:${port}: it closed the connection`));
      },
      connectError: (_raw, error) => reject(error),
    };
    Bun.connect<BunSocket<T>>({
      hostname: host,
      port,
      data: new BunSocket<T>(null, resolve),
      tls: typeof trust === "string" ? { rejectUnauthorized: trust === "system", serverName: host } : { ca: trust.ca, serverName: host },
      socket,
    }).catch(reject);
  });
}
