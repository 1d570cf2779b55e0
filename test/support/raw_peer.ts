/**
 * A peer on a socket of its own making, through the C library: its receive buffer, what its kernel drops, and the network
 * namespace it lives in are the test's to choose. Linux. Every call returns at once but `connect`.
 */
import { dlopen, FFIType, type Pointer, ptr, read } from "bun:ffi";
import { sockaddr } from "../../src/platform/address.ts";

const { i32, u32, i64, ptr: pointer } = FFIType;
const lib = dlopen("libc.so.6", {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  connect: { args: [i32, pointer, u32], returns: i32 },
  setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
  getsockname: { args: [i32, pointer, pointer], returns: i32 },
  send: { args: [i32, pointer, i64, i32], returns: i64 },
  recv: { args: [i32, pointer, i64, i32], returns: i64 },
  close: { args: [i32], returns: i32 },
  open: { args: [pointer, i32], returns: i32 },
  setns: { args: [i32, i32], returns: i32 },
  __errno_location: { args: [], returns: pointer },
}).symbols;

const SOCK_STREAM_CLOEXEC = 0x8_0001;
const [SOL_SOCKET, SO_RCVBUF, SO_LINGER, SO_ATTACH_FILTER, SO_DETACH_FILTER] = [1, 8, 13, 26, 27];
const [TCP, TCP_NODELAY, TCP_MAXSEG] = [6, 1, 2];
const [MSG_DONTWAIT, MSG_NOSIGNAL] = [0x40, 0x4000];
const [EAGAIN, CLONE_NEWNET, O_CLOEXEC] = [11, 0x4000_0000, 0x8_0000];

/** A socket filter of one instruction: keep no byte of any segment. */
const dropAll = new DataView(new ArrayBuffer(8));
dropAll.setUint16(0, 0x06, true);
/** Which points to it. */
const program = new DataView(new ArrayBuffer(16));
program.setUint16(0, 1, true);

const errno = (): number => read.i32(lib.__errno_location() as Pointer, 0);
const failed = (call: string): Error => new Error(`Cannot ${call}: errno ${errno()}`);

export interface RawPeerOptions {
  readonly host?: string;
  /** The address to come from. */
  readonly from?: string;
  /** Bytes of receive buffer asked for; the kernel has a least of its own. */
  readonly receiveBuffer?: number;
  /** Largest segment it takes, which keeps the other side's send buffer small too. */
  readonly maxSegment?: number;
  /** A network namespace as a file: `/proc/PID/ns/net`. */
  readonly namespace?: string;
}

export class RawPeer {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(1 << 16);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws Error when nobody listens. */
  static connect(port: number, options: RawPeerOptions = {}): RawPeer {
    const { family, bytes } = sockaddr(options.host ?? "127.0.0.1", port);
    const fd = inNamespace(options.namespace, () => lib.socket(family, SOCK_STREAM_CLOEXEC, 0));
    if (fd < 0) throw failed("make a socket");
    const peer = new RawPeer(fd);
    peer.#set(TCP, TCP_NODELAY, Int32Array.of(1));
    if (options.receiveBuffer !== undefined) peer.#set(SOL_SOCKET, SO_RCVBUF, Int32Array.of(options.receiveBuffer));
    if (options.maxSegment !== undefined) peer.#set(TCP, TCP_MAXSEG, Int32Array.of(options.maxSegment));
    if (options.from !== undefined) {
      const own = sockaddr(options.from, 0).bytes;
      if (lib.bind(fd, ptr(own), own.length) !== 0) throw failed(`come from ${options.from}`);
    }
    if (lib.connect(fd, ptr(bytes), bytes.length) === 0) return peer;
    const error = failed(`connect to port ${port}`);
    lib.close(fd);
    throw error;
  }

  get port(): number {
    const address = new DataView(new ArrayBuffer(128));
    if (lib.getsockname(this.#fd, ptr(address), ptr(Uint32Array.of(128))) !== 0) throw failed("tell the port");
    return address.getUint16(2);
  }

  /** Bytes the kernel took. */
  send(bytes: Uint8Array): number {
    const taken = Number(lib.send(this.#fd, ptr(bytes), bytes.length as never, MSG_DONTWAIT | MSG_NOSIGNAL));
    return Math.max(0, taken);
  }

  /** What has arrived; null when nothing has. `fin`: no more will come. */
  receive(): Uint8Array | "fin" | "reset" | null {
    const count = Number(lib.recv(this.#fd, ptr(this.#buffer), this.#buffer.length as never, MSG_DONTWAIT));
    if (count > 0) return this.#buffer.slice(0, count);
    if (count === 0) return "fin";
    return errno() === EAGAIN ? null : "reset";
  }

  /** From now on its kernel drops every segment that comes for it, as if the network did: no answer, no FIN, no reset. */
  blackhole(): void {
    program.setBigUint64(8, BigInt(ptr(dropAll)), true);
    this.#set(SOL_SOCKET, SO_ATTACH_FILTER, program);
  }
  heal(): void {
    this.#set(SOL_SOCKET, SO_DETACH_FILTER, Int32Array.of(0));
  }

  close(): void {
    lib.close(this.#fd);
  }
  /** RST. */
  reset(): void {
    this.#set(SOL_SOCKET, SO_LINGER, Int32Array.of(1, 0));
    lib.close(this.#fd);
  }

  #set(level: number, name: number, value: Int32Array | DataView): void {
    if (lib.setsockopt(this.#fd, level, name, ptr(value), value.byteLength) !== 0) throw failed(`set socket option ${name}`);
  }
}

/** Runs `call` with this thread in another network namespace. A socket stays in the one it was made in. */
function inNamespace<T>(path: string | undefined, call: () => T): T {
  if (path === undefined) return call();
  const open = (file: string): number => {
    const fd = lib.open(ptr(new TextEncoder().encode(`${file}\0`)), O_CLOEXEC);
    if (fd < 0) throw failed(`open ${file}`);
    return fd;
  };
  const [home, there] = [open("/proc/thread-self/ns/net"), open(path)];
  if (lib.setns(there, CLONE_NEWNET) !== 0) throw failed(`enter ${path}`);
  const made = call();
  if (lib.setns(home, CLONE_NEWNET) !== 0) throw failed("come back from a namespace");
  lib.close(home);
  lib.close(there);
  return made;
}
