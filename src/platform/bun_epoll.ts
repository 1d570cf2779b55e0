/**
 * Stream sockets of a thread that blocks in epoll_wait instead of running Bun's event loop, through bun:ffi. A connection is one
 * small object here; with Bun's own it is a wrapper, its handlers and two native structs, and a copy of whatever it reads.
 * Owned by the thread that waits; only the doorbell's descriptor is known to others.
 */
import { dlopen, FFIType, type Pointer, ptr } from "bun:ffi";
import { packIpv4, unpackIpv4 } from "../base/ipv4.ts";
import { dropOnClose, errnoOf, type Libc, openLibrary, pendingError } from "./bun_libc.ts";
import type { Peer, Socket, SocketEnd, SocketHandler } from "./port.ts";
import { endOfErrno } from "./socket_end.ts";
import type { SocketLoop } from "./socket_loop.ts";

const { i32, u32, u64, i64_fast, ptr: pointer } = FFIType;

const open = (name: string) =>
  dlopen(name, {
    epoll_create1: { args: [i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, pointer], returns: i32 },
    epoll_wait: { args: [i32, pointer, i32, i32], returns: i32 },
    eventfd: { args: [u32, i32], returns: i32 },
    recv: { args: [i32, pointer, u64, i32], returns: i64_fast },
    send: { args: [i32, pointer, u64, i32], returns: i64_fast },
    shutdown: { args: [i32, i32], returns: i32 },
  }).symbols;
type Calls = ReturnType<typeof open>;

const CLOEXEC = 0x8_0000;
const NONBLOCK = 0x800;
const ADD = 1;
const MODIFY = 3;
const IN = 1;
const OUT = 4;
/** Of what a socket wants, beside epoll's bits: its FIN is sent. */
const FINISHED = 1 << 16;
const PORTS = 1 << 16;
/** An error, or the end of both directions: told whether asked for or not. */
const BROKEN = 8 | 16;
/** Every write to the doorbell is an event of its own, so it need not be read. */
const EDGE = 2 ** 31;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const EAGAIN = 11;
const EINTR = 4;

const EVENTS = 512;
/** The kernel packs its event on x64 alone. */
const [STRIDE, DATA] = process.arch === "x64" ? [12, 4] : [16, 8];
/** Read at once from one socket; what is more comes in the next round. */
const READ_BYTES = 128 * 1024;

/** A socket, and ours of it: all in one object, as a gateway has ten thousands of them, most of them silent. */
class EpollSocket<T> implements Socket {
  readonly #loop: EpollLoop;
  readonly #handler: SocketHandler<T>;
  /** An IPv4 address and a port as one number. */
  readonly #from: number | Peer;
  /** Null until `open` has returned. */
  #state: T | null = null;
  #fd: number;
  /** What epoll is asked for, and FINISHED. */
  #wants = IN;
  /** How it ended, where its handler is told later: a reset inside `open`, a write that failed. */
  #ended: SocketEnd | null = null;

  constructor(loop: EpollLoop, fd: number, peer: Peer, handler: SocketHandler<T>) {
    const bits = packIpv4(peer.address);
    this.#loop = loop;
    this.#fd = fd;
    this.#from = bits === 0 ? peer : bits * PORTS + peer.port;
    this.#handler = handler;
  }

  get peer(): Peer {
    if (typeof this.#from !== "number") return this.#from;
    return { address: unpackIpv4(Math.floor(this.#from / PORTS)), port: this.#from % PORTS };
  }
  get fd(): number {
    return this.#fd;
  }
  write(bytes: Uint8Array): number {
    if (this.#fd < 0 || (this.#wants & FINISHED) !== 0 || this.#ended !== null) return -1;
    const taken = this.#loop.send(this.#fd, bytes);
    if (taken < 0) {
      // The call has taken the error away: no event would tell it, and some would never come.
      this.#ended = endOfErrno(-taken);
      this.#loop.gaveUp(this);
      return -1;
    }
    if (taken < bytes.length) this.#want(this.#wants | OUT);
    return taken;
  }
  pause(): void {
    this.#want(this.#wants & ~IN);
  }
  resume(): void {
    this.#want(this.#wants | IN);
  }
  end(): void {
    if (this.#fd < 0) return;
    this.#wants |= FINISHED;
    this.#loop.finish(this.#fd);
  }
  reset(): void {
    if (this.#fd >= 0) this.#close("reset", true);
  }

  begin(): void {
    this.#state = this.#handler.open(this);
    if (this.#ended !== null && this.#fd < 0) this.#handler.close(this.#state, this.#ended);
  }

  /** A write has failed since the last round. */
  giveUp(): void {
    if (this.#fd >= 0) this.#close(this.#ended!);
  }

  serve(events: number): void {
    if (this.#ended !== null) return;
    if ((events & OUT) !== 0 && (this.#wants & OUT) !== 0) {
      this.#want(this.#wants & ~OUT);
      this.#handler.drain(this.#state as T);
    }
    if ((events & (IN | BROKEN)) === 0 || this.#fd < 0) return;
    if ((this.#wants & IN) === 0) {
      if ((events & BROKEN) !== 0) this.#close(this.#loop.errorOf(this.#fd));
      return;
    }
    const got = this.#loop.receive(this.#fd);
    if (got === null) {
      if ((events & BROKEN) !== 0) this.#close(this.#loop.errorOf(this.#fd));
    } else if (typeof got !== "string") this.#handler.data(this.#state as T, got);
    else if (got === "closed" && this.#handler.ended?.(this.#state as T) === true) this.pause();
    else this.#close(got);
  }

  #want(events: number): void {
    if (this.#fd < 0 || events === this.#wants) return;
    this.#wants = events;
    this.#loop.ask(this.#fd, events & ~FINISHED);
  }

  #close(how: SocketEnd, reset = false): void {
    this.#loop.drop(this.#fd, reset);
    this.#fd = -1;
    if (this.#state === null) this.#ended = how;
    else this.#handler.close(this.#state as T, how);
  }
}

class EpollLoop implements SocketLoop {
  readonly doorbell: number;
  readonly #lib: Libc;
  readonly #calls: Calls;
  readonly #epoll: number;
  readonly #events = new DataView(new ArrayBuffer(EVENTS * STRIDE));
  readonly #eventsAt: Pointer = ptr(this.#events);
  readonly #asked = new DataView(new ArrayBuffer(STRIDE));
  readonly #askedAt: Pointer = ptr(this.#asked);
  readonly #read = new Uint8Array(new ArrayBuffer(READ_BYTES));
  readonly #readAt: Pointer = ptr(this.#read);
  /** By descriptor. */
  readonly #sockets: (EpollSocket<never> | null)[] = [];
  /** Those whose write has failed: ended in the next round. */
  #failed: EpollSocket<never>[] = [];
  #ready = 0;

  constructor(lib: Libc, calls: Calls) {
    this.#lib = lib;
    this.#calls = calls;
    this.#epoll = calls.epoll_create1(CLOEXEC);
    this.doorbell = calls.eventfd(0, CLOEXEC | NONBLOCK);
    if (this.#epoll < 0 || this.doorbell < 0) throw new Error(`Cannot wait for sockets: errno ${errnoOf(lib)}`);
    this.#control(ADD, this.doorbell, IN + EDGE);
  }

  adopt<T>(fd: number, peer: Peer, handler: SocketHandler<T>): void {
    const socket = new EpollSocket<T>(this, fd, peer, handler);
    this.#sockets[fd] = socket as unknown as EpollSocket<never>;
    this.#control(ADD, fd, IN);
    socket.begin();
  }

  wait(timeoutMs: number): boolean {
    const hasFailed = this.#failed.length > 0;
    const ready = this.#calls.epoll_wait(this.#epoll, this.#eventsAt, EVENTS, hasFailed ? 0 : timeoutMs);
    this.#ready = ready;
    if (ready >= 0) return ready > 0 || hasFailed;
    const errno = errnoOf(this.#lib);
    if (errno !== EINTR) throw new Error(`epoll_wait failed with errno ${errno}`);
    return hasFailed;
  }

  serve(): void {
    const events = this.#events;
    for (let i = 0, at = 0; i < this.#ready; i++, at += STRIDE) {
      // One that an earlier event has closed is gone by now, and no other can have its number yet: nothing is adopted meanwhile.
      const socket = this.#sockets[events.getUint32(at + DATA, true)] ?? null;
      if (socket !== null) socket.serve(events.getUint32(at, true));
    }
    this.#ready = 0;
    if (this.#failed.length === 0) return;
    const failed = this.#failed;
    this.#failed = [];
    for (const socket of failed) socket.giveUp();
  }

  gaveUp(socket: unknown): void {
    this.#failed.push(socket as EpollSocket<never>);
  }

  close(): void {
    for (const socket of this.#sockets) socket?.reset();
    // Not the doorbell: a thread that is about to poke it would write into whatever has its number by then.
    this.#lib.close(this.#epoll);
  }

  ask(fd: number, events: number): void {
    this.#control(MODIFY, fd, events);
  }

  /** Bytes the kernel took; negative: the errno of a connection that is broken. */
  send(fd: number, bytes: Uint8Array): number {
    const taken = Number(this.#calls.send(fd, bytes as never, bytes.length, MSG_NOSIGNAL));
    if (taken >= 0) return taken;
    const errno = errnoOf(this.#lib);
    return errno === EAGAIN || errno === EINTR ? 0 : -errno;
  }

  /** What has come, valid until the next call; null: nothing. */
  receive(fd: number): Uint8Array | SocketEnd | null {
    const got = Number(this.#calls.recv(fd, this.#readAt, READ_BYTES, 0));
    if (got > 0) return this.#read.subarray(0, got);
    if (got === 0) return "closed";
    const errno = errnoOf(this.#lib);
    return errno === EAGAIN || errno === EINTR ? null : endOfErrno(errno);
  }

  errorOf(fd: number): SocketEnd {
    return endOfErrno(pendingError(this.#lib, fd));
  }

  finish(fd: number): void {
    this.#calls.shutdown(fd, SHUT_WR);
  }

  /** Epoll forgets a descriptor that is closed. */
  drop(fd: number, reset: boolean): void {
    if (reset) dropOnClose(this.#lib, fd);
    this.#sockets[fd] = null;
    this.#lib.close(fd);
  }

  #control(operation: number, fd: number, events: number): void {
    this.#asked.setUint32(0, events, true);
    this.#asked.setUint32(DATA, fd, true);
    if (this.#calls.epoll_ctl(this.#epoll, operation, fd, this.#askedAt) !== 0) {
      throw new Error(`Cannot watch descriptor ${fd}: errno ${errnoOf(this.#lib)}`);
    }
  }
}

export function epollLoop(lib: Libc): SocketLoop {
  const calls = openLibrary(open);
  if (calls === null) throw new Error("Cannot wait for sockets: the C library lacks epoll");
  return new EpollLoop(lib, calls);
}
