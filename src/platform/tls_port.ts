/** TLS for stream sockets, as a runtime offers it to those above. Types only. */
import type { Socket, SocketHandler, SocketOptions, TcpListener } from "./socket_port.ts";

/** Certificate chain and private key as PEM text. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** A certificate, and whose clients may come. */
export interface TlsOffer extends Tls {
  /** Certificates of the authorities that sign those of clients, as PEM text: who has none of theirs is refused. Null: none is asked for. */
  readonly clientCa: string | null;
}

/** What is known of a client once its handshake is done. */
export interface TlsPeer {
  /** As TLSv1.3. */
  readonly protocol: string;
  readonly cipher: string;
  /** SHA-256 of its certificate in hex; "": it has shown none. */
  readonly certificate: string;
}

/** `open`: the connection came, its handshake begins. Bytes come, and may be written, from `secured` on; `close` without it: there was no handshake. */
export interface TlsHandler<T> extends SocketHandler<T> {
  secured(state: T, about: TlsPeer): void;
}

export interface TlsListener extends TcpListener {
  /** Offers this from the next connection on; those there are stay. Rejects when it cannot be used: the old offer stays. */
  renew(offer: TlsOffer): Promise<void>;
}

/** Whom a client trusts: by the system's authorities, those of `ca` (PEM text) alone, or anybody at all. */
export type TlsTrust = "system" | "anybody" | { readonly ca: string };

export interface TlsSockets {
  /** Listens with TLS and accepts here, on a port that others may share. */
  listenTls<T>(host: string, port: number, socket: SocketOptions, offer: TlsOffer, handler: TlsHandler<T>): Promise<TlsListener>;
  /** Connects; resolves, and opens at the handler, when the handshake is done. */
  connectTls<T>(host: string, port: number, trust: TlsTrust, handler: SocketHandler<T>): Promise<Socket>;
}
