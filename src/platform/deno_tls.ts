/**
 * Stream sockets with TLS through node:tls, for Deno: each connection is one of node:net, around which the TLS one is put. A
 * reset of one closes it at once, but sends a FIN: Deno lets nobody at the socket below. Owned by the thread that listens or connects.
 */
import { createServer, isIP } from "node:net";
import { connect, type TlsOptions, TLSSocket } from "node:tls";
import { listenError } from "./address.ts";
import { attach } from "./deno_socket.ts";
import { checkTls } from "./node_tls.ts";
import type { Socket, SocketHandler, SocketOptions } from "./port.ts";
import type { TlsHandler, TlsListener, TlsOffer, TlsPeer, TlsTrust } from "./tls_port.ts";

function optionsOf({ cert, key, clientCa }: TlsOffer): TlsOptions {
  checkTls({ cert, key });
  return { cert, key, ...(clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }) };
}

function peerOf(secure: TLSSocket, asked: boolean): TlsPeer {
  const print = asked ? secure.getPeerCertificate().fingerprint256 ?? "" : "";
  return {
    protocol: secure.getProtocol() ?? "",
    cipher: secure.getCipher().name,
    certificate: print.replaceAll(":", "").toLowerCase(),
  };
}

export function listenDenoTls<T>(
  host: string,
  port: number,
  { keepAliveIdleS, backlog }: SocketOptions,
  offer: TlsOffer,
  handler: TlsHandler<T>,
): Promise<TlsListener> {
  let options = optionsOf(offer);
  const allowHalfOpen = handler.ended !== undefined;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveIdleS * 1000, allowHalfOpen }, (tcp) => {
    const asked = options.requestCert === true;
    const secure = new TLSSocket(tcp, { ...options, isServer: true });
    const { state } = attach(secure, handler, tcp);
    secure.on("secure", () => {
      if (asked && !secure.authorized) tcp.resetAndDestroy();
      else handler.secured(state, peerOf(secure, asked));
    });
  });
  return new Promise((resolve, reject) => {
    const refused = (error: Error & { code?: string }): void => reject(listenError(host, port, error.code ?? "", error.message));
    server.once("error", refused);
    server.listen({ host, port, backlog, exclusive: true, reusePort: true }, () => {
      server.off("error", refused);
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        stop: () => void server.close(),
        async renew(next) {
          options = optionsOf(next);
        },
      });
    });
  });
}

export function connectDenoTls<T>(host: string, port: number, trust: TlsTrust, handler: SocketHandler<T>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = typeof trust === "string" ? { rejectUnauthorized: trust === "system" } : { ca: trust.ca };
    const secure = connect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...options });
    const failed = (error: Error): void =>
      reject(new Error(`Cannot connect with TLS to ${host}:${port}: ${error.message}`, { cause: error }));
    secure.once("error", failed);
    secure.once("secureConnect", () => {
      secure.off("error", failed);
      secure.setNoDelay(true);
      resolve(attach(secure, handler).socket);
    });
  });
}
