/**
 * What Berth asks of a runtime. `src/platform` is the only folder that names one; everything above gets a `Platform`.
 * Implementations: bun.ts (all of it), deno.ts (no descriptor hand-over). One contract suite runs on both.
 */
import type { Clock } from "../base/clock.ts";
import type {
  Acceptor,
  Descriptors,
  Peer,
  Socket,
  SocketHandler,
  SocketOptions,
  TcpKernel,
  TcpListener,
  UdpHandler,
  UdpSocket,
} from "./socket_port.ts";
import type { Tls, TlsSockets } from "./tls_port.ts";
import type { HttpSockets } from "./http_sockets.ts";
import type { BodySource } from "./body.ts";
import type { MemoryCalls } from "./memory.ts";
import type { SocketLoops } from "./socket_loop.ts";

export { emptyTcpInfo, FIN_ACKNOWLEDGED, FIN_UNACKNOWLEDGED, PEER_ENDED } from "./socket_port.ts";
export type {
  Acceptor,
  Descriptors,
  Peer,
  Socket,
  SocketEnd,
  SocketHandler,
  SocketOptions,
  TcpInfo,
  TcpKernel,
  TcpListener,
  UdpHandler,
  UdpSocket,
} from "./socket_port.ts";

export type SqlValue = number | bigint | string | Uint8Array | null;
export type SqlRow = Record<string, SqlValue>;

export interface Statement {
  run(...values: SqlValue[]): { changes: number };
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
  iterate(...values: SqlValue[]): IterableIterator<SqlRow>;
}

/** One SQLite connection. Every call is synchronous and may throw a SqlError. Blobs come back as Uint8Array. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** `code` is SQLite's symbolic primary or extended name: SQLITE_FULL, SQLITE_CORRUPT, SQLITE_READONLY, SQLITE_IOERR_WRITE… */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Answers one request. `cut` closes its connection within seconds even when the client takes nothing of the answer: the
 * only end a stalled event stream has.
 */
export type HttpHandler = (request: Request, peer: Peer, cut: () => void, upgrade?: Upgrade) => Response | Promise<Response>;

/** Makes a WebSocket of the request's connection; the handler's answer is not sent then. False: the request asks for none. */
export type Upgrade = (handler: WebSocketHandler) => boolean;

/** A WebSocket somebody opened here. */
export interface WebSocketEnd {
  /** Queues whole text frames (wire/ws_frame.ts). They may be shared with others: never written to. */
  send(frames: Uint8Array): void;
  /** Bytes queued that have not left the process. */
  readonly buffered: number;
  ping(): void;
  /** Closes it behind what is queued. */
  close(code: number, reason: string): void;
  /** Ends it whatever is queued. */
  cut(): void;
}

/** What a WebSocket tells. A message that is longer than allowed, or no valid one, closes it (1009, 1002, 1007). */
export interface WebSocketHandler {
  opened(socket: WebSocketEnd): void;
  text(text: string): void;
  binary(): void;
  /** An answer to `ping`. */
  pong(): void;
  /** It asked whether we are there: the runtime answers. */
  pinged(): void;
  /** Some of what was queued has left. */
  drained(): void;
  /** It is gone. Once, and the last call. */
  closed(): void;
}

/** The longest message over a WebSocket, unless the options say otherwise. */
export const MESSAGE_BYTES = 64 * 1024;

export interface HttpOptions {
  /** A request with a longer body comes without it, and with a content-length above this: the handler refuses it. */
  readonly maxBodyBytes: number;
  /** Of a message that comes over a WebSocket; left out: 64 KiB. */
  readonly maxMessageBytes?: number;
  /** Connections at a time, where the runtime can bound them; see HttpSockets for where not. */
  readonly maxConnections?: number;
  readonly reusePort: boolean;
  /** HTTPS; left out or null: HTTP. */
  readonly tls?: Tls | null;
}

export interface HttpListener {
  readonly port: number;
  /** Requests without a whole answer, and WebSockets. */
  pending(): number;
  /** Stops accepting; with `now` also ends open connections. */
  stop(now: boolean): Promise<void>;
}

/** A spawned thread of Berth. */
export interface Thread {
  post(message: unknown): void;
  terminate(): void;
  /** It is gone. At once where the runtime does not say so. */
  readonly ended: Promise<void>;
}

export interface ThreadHandler {
  message(message: unknown): void;
  /** The thread threw or ended without being asked. */
  failed(reason: string): void;
}

/** Another process of the same program. */
export interface Child {
  readonly pid: number;
  readonly out: ReadableStream<Uint8Array>;
  readonly err: ReadableStream<Uint8Array>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** How it ended: an exit status, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** One more descriptor of a file that somebody else writes. */
export interface FileSync {
  /** Returns when everything written to the file before the call is on the disk. @throws with `code` as the system names it. */
  sync(): void;
  close(): void;
}

export type Role = "accept" | "codec" | "registry" | "journal" | "sync" | "reader" | "http" | "peer" | "udp";

export interface Platform extends SocketLoops, TlsSockets, MemoryCalls {
  readonly name: "bun" | "deno";
  readonly clock: Clock;

  // Process (main thread unless said otherwise; any thread may call kill, exit, env).
  readonly args: readonly string[];
  env(name: string): string | undefined;
  environment(): Readonly<Record<string, string>>;
  readonly pid: number;
  hostName(): string;
  exit(code: number): never;
  /** SIGKILL to this very process: what the fault action `kill` does. */
  kill(): never;
  /** SIGTERM to this very process. */
  terminate(): void;
  /** Calls back on SIGTERM, SIGINT (and SIGHUP where asked). */
  onSignal(name: "SIGTERM" | "SIGINT" | "SIGHUP", call: () => void): void;
  writeOut(text: string): void;
  writeErr(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Standard input as a byte stream. */
  stdin(): ReadableStream<Uint8Array>;
  /** Raises the soft file limit to the hard one; returns the limit in force. */
  raiseFileLimit(): number;
  /** Kernel id of the calling thread, or 0 where it cannot be told. */
  threadId(): number;
  cores(): number;
  randomBytes(count: number): Uint8Array;

  /**
   * Runs `berth` again, as this process was started, with other arguments and this environment alone. Its standard input ends with this
   * process, however that one ends.
   */
  spawnSelf(args: readonly string[], environment: Readonly<Record<string, string>>): Child;

  // Threads.
  spawn(role: Role, boot: unknown, handler: ThreadHandler): Thread;

  // Files.
  readText(path: string): string;
  writeText(path: string, text: string): void;
  exists(path: string): boolean;
  /** Bytes of a file, or -1 when it is not there. */
  fileSize(path: string): number;
  /** Creates a file of `bytes` really allocated bytes, synced. @throws with `code` ENOSPC when there is no room. */
  allocateFile(path: string, bytes: number): void;
  removeFile(path: string): void;
  /** Names in a directory. */
  listDirectory(path: string): string[];
  /** Opens a file that is there, to sync what anybody writes into it: see FileSync. */
  openForSync(path: string): FileSync;
  makeDirectory(path: string): void;
  /** Free and total bytes of the file system holding `path`. */
  space(path: string): { free: number; total: number };
  temporaryDirectory(prefix: string): string;
  removeTree(path: string): void;

  openDatabase(path: string, options: { readonly readOnly: boolean }): Database;

  // Network.
  /** Listens and accepts here. Several threads may listen on one port with `reusePort`. */
  listenTcp<T>(
    host: string,
    port: number,
    options: { reusePort: boolean; socket: SocketOptions },
    handler: SocketHandler<T>,
  ): Promise<TcpListener>;
  /** Binds one socket for datagrams, with any free port when `port` is 0. @throws with `code` when it cannot be bound. */
  openUdp(host: string, port: number, handler: UdpHandler): Promise<UdpSocket>;
  /** The first address of a host. Rejects when it has none. */
  lookup(host: string): Promise<string>;
  connectTcp<T>(host: string, port: number, handler: SocketHandler<T>): Promise<Socket>;
  /** Listening socket whose descriptors `adopt` takes over in any thread; null where the runtime cannot. */
  acceptor: ((host: string, port: number, socket: SocketOptions) => Acceptor) | null;
  /** Null where sockets have no descriptor, or the kernel cannot be asked. */
  tcpKernel: TcpKernel | null;
  /** Finds the descriptors of connections that `serveHttp` serves; null where there is no asking. */
  descriptors: Descriptors | null;
  /** Null where `serveHttp` bounds its connections, or there is no asking. */
  httpSockets: HttpSockets | null;
  /** Takes ownership of a descriptor from an acceptor of this process. */
  adopt<T>(fd: number, peer: Peer, handler: SocketHandler<T>): void;
  /** The body of an answer that `serveHttp` gives, and that lasts. */
  readonly streamBody: (source: BodySource) => ReadableStream<Uint8Array>;
  serveHttp(
    host: string,
    port: number,
    options: HttpOptions,
    fetch: HttpHandler,
  ): Promise<HttpListener>;
}
