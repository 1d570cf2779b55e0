/**
 * A source behind balancers: each socket says first, by the header of the PROXY protocol, who it is for, and that is its peer from
 * then on: for bounds, history, conflicts and logs. Stands around either other source. Owned by the codec worker.
 */
import { ProxyHeader } from "../../codec/proxy_protocol.ts";
import type { Settings } from "../../config/settings.ts";
import type { Platform, Socket, SocketEnd, SocketHandler } from "../../platform/port.ts";
import { onceEvery } from "../../telemetry/log.ts";
import type { Boot } from "../boot.ts";
import { Door } from "./door.ts";
import { GuestSocket } from "./guest_socket.ts";
import { Lobby } from "./lobby.ts";
import type { SocketSource } from "./socket.ts";

type Proxy = NonNullable<Settings["tcp"]["proxy"]>;

export class ProxiedSource implements SocketSource {
  readonly #inner: SocketSource;
  readonly #lobby: Lobby;
  readonly #boot: Boot;
  readonly #proxy: Proxy;
  readonly #clock: Platform["clock"];
  readonly #warn: (text: string) => void;

  constructor(inner: SocketSource, boot: Boot, proxy: Proxy, clock: Platform["clock"], warn: (text: string) => void) {
    this.#inner = inner;
    this.#lobby = new Lobby(boot, clock);
    this.#boot = boot;
    this.#proxy = proxy;
    this.#clock = clock;
    this.#warn = warn;
  }

  start<T>(handler: SocketHandler<T>): Promise<void> {
    const door = new Door(this.#boot, this.#clock, this.#proxy.from, this.#warn);
    return this.#inner.start(new HeaderReader(this.#boot.settings, this.#proxy, this.#clock, this.#lobby, door, this.#warn, handler));
  }

  hasWork(): boolean {
    return this.#inner.hasWork();
  }

  drain(): void {
    this.#inner.drain();
    this.#lobby.look();
  }

  get dueAt(): number {
    return Math.min(this.#inner.dueAt, this.#lobby.dueAt);
  }

  stopAccepting(): void {
    this.#inner.stopAccepting();
    this.#lobby.stop();
  }
}

/** A socket whose peer is the one its header named. */
class ProxiedSocket<T> extends GuestSocket<T> {
  /** Null once it has come. */
  header: ProxyHeader | null;

  constructor(raw: Socket, header: ProxyHeader, deadline: number) {
    super(raw, deadline, "proxy_unfinished");
    this.header = header;
  }
}

/** Null: turned away as it came. */
type Link<T> = ProxiedSocket<T> | null;

class HeaderReader<T> implements SocketHandler<Link<T>> {
  readonly #headerBytes: number;
  readonly #headerMs: number;
  readonly #proxy: Proxy;
  readonly #clock: Platform["clock"];
  readonly #lobby: Lobby;
  readonly #door: Door;
  readonly #warn: (text: string) => void;
  readonly #seldom: (say: (heldBack: number) => void) => void;
  readonly #handler: SocketHandler<T>;

  constructor(
    { limits }: Settings,
    proxy: Proxy,
    clock: Platform["clock"],
    lobby: Lobby,
    door: Door,
    warn: (text: string) => void,
    handler: SocketHandler<T>,
  ) {
    this.#headerBytes = limits.proxyHeaderBytes;
    this.#headerMs = limits.proxyHeaderMs;
    this.#proxy = proxy;
    this.#clock = clock;
    this.#lobby = lobby;
    this.#door = door;
    this.#warn = warn;
    this.#seldom = onceEvery(limits.logIntervalMs, () => clock.mono());
    this.#handler = handler;
  }

  open(raw: Socket): Link<T> {
    const header = new ProxyHeader(this.#proxy.versions, this.#headerBytes);
    const socket = new ProxiedSocket<T>(raw, header, this.#clock.mono() + this.#headerMs);
    return this.#lobby.enter(socket) ? socket : null;
  }

  data(socket: Link<T>, bytes: Uint8Array): void {
    if (socket === null) return;
    const { header, state } = socket;
    if (header === null) return state === null ? undefined : this.#handler.data(state.of, bytes);
    const used = header.push(bytes);
    if (header.fault !== null) return this.#refuse(socket, header.fault);
    if (!header.isDone) return;
    socket.header = null;
    if (!this.#lobby.leave(socket)) return;
    if (header.source !== null) socket.peer = header.source;
    if (!this.#door.admitsOrigin(socket.peer.address)) return socket.reset();
    const of = this.#handler.open(socket);
    socket.state = { of };
    if (used < bytes.length) this.#handler.data(of, bytes.subarray(used));
  }

  ended(socket: Link<T>): boolean {
    return socket !== null && socket.state !== null && this.#handler.ended?.(socket.state.of) === true;
  }

  drain(socket: Link<T>): void {
    if (socket !== null && socket.state !== null) this.#handler.drain(socket.state.of);
  }

  close(socket: Link<T>, how: SocketEnd): void {
    if (socket === null) return;
    if (socket.state === null) this.#lobby.closed(socket);
    else this.#handler.close(socket.state.of, how);
  }

  #refuse(socket: ProxiedSocket<T>, fault: string): void {
    socket.header = null;
    this.#lobby.dismiss(socket, "proxy_header");
    const { address } = socket.raw.peer;
    this.#seldom((heldBack) =>
      this.#warn(`Cannot take connection of ${address}: ${fault} instead of a PROXY header; ${heldBack} more before it`)
    );
  }
}
