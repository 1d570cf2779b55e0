/**
 * Trackers that speak TLS: every codec worker listens on the port of [tcp.tls], shared with the other workers, and a socket waits in
 * the lobby until its handshake is done. Another protocol ends at its first bytes. The descriptor of a TLS connection is of no use to
 * anybody else, so it is not passed from an accept thread. Owned by the codec worker.
 */
import { assert } from "../../base/assert.ts";
import type { Settings } from "../../config/settings.ts";
import type { Platform, Socket, SocketEnd, SocketHandler } from "../../platform/port.ts";
import type { TlsHandler, TlsListener, TlsPeer } from "../../platform/tls_port.ts";
import { Addresses } from "../../wire/addresses.ts";
import { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";
import { readTlsOffer } from "../tls_files.ts";
import { Door } from "./door.ts";
import { GuestSocket } from "./guest_socket.ts";
import { Lobby } from "./lobby.ts";
import { socketOptions, type SocketSource } from "./socket.ts";

/** Of a certificate's SHA-256 in hex: enough to tell two apart. It is kept with every connection, and told with a conflict in the smallest rings. */
const DIGEST_DIGITS = 16;

type Tls = NonNullable<Settings["tcp"]["tls"]>;

export class SecuredSource implements SocketSource {
  readonly #boot: Boot;
  readonly #tls: Tls;
  readonly #platform: Platform;
  readonly #board: Board;
  readonly #lobby: Lobby;
  readonly #warn: (text: string) => void;
  #listener: TlsListener | null = null;
  #renewals: number;

  constructor(boot: Boot, tls: Tls, platform: Platform, warn: (text: string) => void) {
    this.#boot = boot;
    this.#tls = tls;
    this.#platform = platform;
    this.#board = new Board(boot.board);
    this.#lobby = new Lobby(boot, platform.clock);
    this.#warn = warn;
    this.#renewals = this.#board.renewals();
  }

  async start<T>(handler: SocketHandler<T>): Promise<void> {
    assert(this.#listener === null, "a socket source starts once");
    const { settings } = this.#boot;
    const door = new Door(this.#boot, this.#platform.clock, null, this.#warn);
    const waiter = new HandshakeWaiter(this.#boot, this.#platform.clock, this.#lobby, door, handler);
    const offer = readTlsOffer(this.#platform, this.#tls);
    this.#listener = await this.#platform.listenTls(this.#tls.host, this.#tls.port, socketOptions(settings), offer, waiter);
  }

  hasWork(): boolean {
    return this.#board.renewals() !== this.#renewals;
  }

  drain(): void {
    this.#lobby.look();
    const renewals = this.#board.renewals();
    if (renewals === this.#renewals) return;
    this.#renewals = renewals;
    this.#renew().catch((error: unknown) => this.#warn(`the old certificate for trackers stays: ${(error as Error).message}`));
  }

  get dueAt(): number {
    return this.#lobby.dueAt;
  }

  stopAccepting(): void {
    this.#listener?.stop();
    this.#listener = null;
    this.#lobby.stop();
  }

  /** SIGHUP: there may be a new certificate. One that cannot be used changes nothing. */
  async #renew(): Promise<void> {
    await this.#listener?.renew(readTlsOffer(this.#platform, this.#tls));
  }
}

/** Null: turned away as it came. */
type Link<T> = GuestSocket<T> | null;

class HandshakeWaiter<T> implements TlsHandler<Link<T>> {
  readonly #handshakeMs: number;
  readonly #clock: Platform["clock"];
  readonly #addresses: Addresses;
  readonly #lobby: Lobby;
  readonly #door: Door;
  readonly #handler: SocketHandler<T>;

  constructor(boot: Boot, clock: Platform["clock"], lobby: Lobby, door: Door, handler: SocketHandler<T>) {
    this.#handshakeMs = boot.settings.limits.tlsHandshakeMs;
    this.#clock = clock;
    this.#addresses = new Addresses(boot.addresses);
    this.#lobby = lobby;
    this.#door = door;
    this.#handler = handler;
  }

  open(raw: Socket): Link<T> {
    const socket = new GuestSocket<T>(raw, this.#clock.mono() + this.#handshakeMs, "tls_handshake");
    if (!this.#door.admits(raw.peer.address)) raw.reset();
    else if (this.#lobby.enter(socket)) return socket;
    else this.#addresses.leave(raw.peer.address);
    return null;
  }

  secured(socket: Link<T>, { protocol, cipher, certificate }: TlsPeer): void {
    if (socket === null || !this.#lobby.leave(socket)) return;
    const digest = certificate.slice(0, DIGEST_DIGITS);
    socket.tls = [protocol, cipher, digest].filter((part) => part !== "").join(" ");
    socket.isHandedOver = true;
    socket.state = { of: this.#handler.open(socket) };
  }

  data(socket: Link<T>, bytes: Uint8Array): void {
    if (socket !== null && socket.state !== null) this.#handler.data(socket.state.of, bytes);
  }

  ended(socket: Link<T>): boolean {
    return socket !== null && socket.state !== null && this.#handler.ended?.(socket.state.of) === true;
  }

  drain(socket: Link<T>): void {
    if (socket !== null && socket.state !== null) this.#handler.drain(socket.state.of);
  }

  close(socket: Link<T>, how: SocketEnd): void {
    if (socket === null) return;
    if (socket.state !== null) return this.#handler.close(socket.state.of, how);
    if (socket.isHandedOver) return;
    const { address } = socket.peer;
    this.#lobby.closed(socket);
    this.#addresses.leave(address);
    // A handshake costs more than a login: who fails at many is kept out the same way.
    this.#addresses.loginFailed(address, this.#clock.wall());
  }
}
