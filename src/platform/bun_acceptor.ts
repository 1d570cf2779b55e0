/**
 * A listening socket that yields raw descriptors: poll, then accept4 until empty. Owned by the accept thread, which it
 * blocks. Bun's own listener has a backlog of 512 and takes a seventh of the connections per second.
 */
import { ptr } from "bun:ffi";
import { listenError, peerOf, sockaddr } from "./address.ts";
import { applySocketOptions, errnoOf, type Libc, setIntOption, unpoke } from "./bun_libc.ts";
import type { Acceptor, Peer, SocketOptions } from "./port.ts";

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const AF_INET6 = 10;
const POLLIN = 1;
/** In the list for poll: the doorbell, then the listener. */
const DOORBELL = 0;
const LISTENER = 8;

const EAGAIN = 11;
const EADDRINUSE = 98;
const EACCES = 13;
const EADDRNOTAVAIL = 99;
/** No descriptor (process, system) or no memory for one. */
const EXHAUSTED = [24, 23, 105, 12];
/** The connection died in the queue, or the network had something to say about it (accept(2)): take the next one. */
const PASSING = [4, 103, 71, 100, 92, 112, 64, 113, 95, 101, 110];

const CODES: Readonly<Record<number, string>> = { [EADDRINUSE]: "EADDRINUSE", [EACCES]: "EACCES", [EADDRNOTAVAIL]: "EADDRNOTAVAIL" };

export function bunAcceptor(lib: Libc, host: string, port: number, options: SocketOptions): Acceptor {
  const { family, bytes } = sockaddr(host, port);
  const fail = (call: string): Error => {
    const errno = errnoOf(lib);
    return listenError(host, port, CODES[errno] ?? `E${errno}`, `${call} failed with errno ${errno}`);
  };
  const fd = lib.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw fail("socket");
  setIntOption(lib, fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (family === AF_INET6) setIntOption(lib, fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  applySocketOptions(fd, options);
  if (lib.bind(fd, ptr(bytes), bytes.length) !== 0 || lib.listen(fd, options.backlog) !== 0) {
    const error = fail("bind");
    lib.close(fd);
    throw error;
  }
  return new BunAcceptor(lib, fd);
}

class BunAcceptor implements Acceptor {
  readonly port: number;
  readonly doorbell: number;
  readonly #lib: Libc;
  readonly #fd: number;
  readonly #address = new Uint8Array(128);
  readonly #view = new DataView(this.#address.buffer);
  readonly #length = new Uint32Array(1);
  readonly #pollfds = new DataView(new ArrayBuffer(16));
  #stopped = false;

  constructor(lib: Libc, fd: number) {
    this.#lib = lib;
    this.#fd = fd;
    this.doorbell = lib.eventfd(0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (this.doorbell < 0) throw new Error(`Cannot be woken: errno ${errnoOf(lib)}`);
    for (const [at, each] of [[DOORBELL, this.doorbell], [LISTENER, fd]] as const) {
      this.#pollfds.setInt32(at, each, true);
      this.#pollfds.setInt16(at + 4, POLLIN, true);
    }
    this.#length[0] = this.#address.length;
    lib.getsockname(fd, ptr(this.#address), ptr(this.#length));
    this.port = this.#view.getUint16(2);
  }

  poll(timeoutMs: number): boolean {
    return !this.#stopped && this.#waitFor(2, timeoutMs) && this.#came(LISTENER);
  }

  pause(timeoutMs: number): boolean {
    return this.#waitFor(1, timeoutMs);
  }

  /** Of the first `count` in the list. False: nothing came. */
  #waitFor(count: number, timeoutMs: number): boolean {
    if (this.#lib.poll(ptr(this.#pollfds), count, timeoutMs) <= 0) return false;
    if (this.#came(DOORBELL)) unpoke(this.#lib, this.doorbell);
    return true;
  }

  #came(at: number): boolean {
    return this.#pollfds.getInt16(at + 6, true) !== 0;
  }

  accept(): { fd: number; peer: Peer } | "empty" | "descriptors_exhausted" {
    for (;;) {
      this.#length[0] = this.#address.length;
      const fd = this.#lib.accept4(this.#fd, ptr(this.#address), ptr(this.#length), SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) return { fd, peer: peerOf(this.#view) };
      const errno = errnoOf(this.#lib);
      if (errno === EAGAIN) return "empty";
      if (EXHAUSTED.includes(errno)) return "descriptors_exhausted";
      if (!PASSING.includes(errno)) throw new Error(`accept4 failed with errno ${errno}`);
    }
  }

  closeDescriptor(fd: number): void {
    this.#lib.close(fd);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#lib.close(this.#fd);
  }
}
