/**
 * The few calls of the C library that no runtime offers, through bun:ffi. Linux with glibc or musl; elsewhere `libc()` is
 * null and what needs it falls back. Opened once per thread, when first needed.
 */
import { dlopen, FFIType, type Pointer, ptr, read } from "bun:ffi";
import type { SocketOptions } from "./port.ts";

const { i32, u32, u64, i64, i64_fast, ptr: pointer } = FFIType;

const open = (name: string) =>
  dlopen(name, {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, pointer, u32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    poll: { args: [pointer, u32, i32], returns: i32 },
    accept4: { args: [i32, pointer, pointer, i32], returns: i32 },
    getpeername: { args: [i32, pointer, pointer], returns: i32 },
    getsockname: { args: [i32, pointer, pointer], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    shutdown: { args: [i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
    read: { args: [i32, pointer, u64], returns: i64_fast },
    write: { args: [i32, pointer, u64], returns: i64_fast },
    eventfd: { args: [u32, i32], returns: i32 },
    madvise: { args: [pointer, u64, i32], returns: i32 },
    getrlimit: { args: [i32, pointer], returns: i32 },
    setrlimit: { args: [i32, pointer], returns: i32 },
    posix_fallocate: { args: [i32, i64, i64], returns: i32 },
    gettid: { args: [], returns: i32 },
    __errno_location: { args: [], returns: pointer },
  }).symbols;

export type Libc = ReturnType<typeof open>;

let opened: Libc | null | undefined;

/** The C library, or null where it cannot be had. */
export function libc(): Libc | null {
  if (opened === undefined) opened = process.platform === "linux" ? openLibrary(open) : null;
  return opened;
}

/** More calls of the C library, for who needs them, or null as above. */
export function openLibrary<T>(opening: (name: string) => T): T | null {
  for (const name of ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]) {
    try {
      return opening(name);
    } catch {
      continue;
    }
  }
  return null;
}

/** `errno` of this thread. Right only as the very next call after the one that failed. */
export const errnoOf = (lib: Libc): number => read.i32(lib.__errno_location() as Pointer, 0);

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
/** Options of a TCP socket, by Linux's numbers. */
export const TCP = { level: 6, noDelay: 1, keepIdle: 4, keepInterval: 5, keepCount: 6, info: 11, userTimeout: 18 } as const;

const word = new Int32Array(1);
const wordLength = new Uint32Array(1);

export function setIntOption(lib: Libc, fd: number, level: number, name: number, value: number): boolean {
  word[0] = value;
  return lib.setsockopt(fd, level, name, ptr(word), 4) === 0;
}

const NO_LINGER = Int32Array.of(1, 0);

/** Closing it from now on is a reset. */
export function dropOnClose(lib: Libc, fd: number): void {
  lib.setsockopt(fd, SOL_SOCKET, SO_LINGER, ptr(NO_LINGER), 8);
}

const PAGE_BYTES = 4096;
const MADV_DONTNEED = 4;

/** See MemoryCalls.discard. A system with larger pages refuses what is not whole ones. */
export function discardPages(lib: Libc, memory: SharedArrayBuffer, from: number, to: number): void {
  const base = ptr(new Uint8Array(memory));
  const first = Math.ceil((base + from) / PAGE_BYTES) * PAGE_BYTES;
  const end = Math.floor((base + to) / PAGE_BYTES) * PAGE_BYTES;
  if (end > first) lib.madvise(first as Pointer, end - first, MADV_DONTNEED);
}

const POKE = BigUint64Array.of(1n);

const WORD = new BigUint64Array(1);

/** What an eventfd was poked with is taken, so that it can be waited for again. */
export function unpoke(lib: Libc, eventfd: number): void {
  lib.read(eventfd, ptr(WORD), WORD.byteLength);
}

/** Wakes who waits for an eventfd. */
export function poke(lib: Libc, eventfd: number): void {
  lib.write(eventfd, ptr(POKE), POKE.byteLength);
}

/** What the kernel keeps as the socket's error, as an errno; 0: none. */
export function pendingError(lib: Libc, fd: number): number {
  wordLength[0] = 4;
  return lib.getsockopt(fd, SOL_SOCKET, SO_ERROR, ptr(word), ptr(wordLength)) === 0 ? word[0]! : 0;
}

/** Keepalive, user timeout, no delay. On a listener they pass to every socket it accepts. Does nothing without a C library. */
export function applySocketOptions(fd: number, options: SocketOptions): void {
  const lib = libc();
  if (lib === null || fd < 0) return;
  setIntOption(lib, fd, TCP.level, TCP.noDelay, 1);
  setIntOption(lib, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setIntOption(lib, fd, TCP.level, TCP.keepIdle, options.keepAliveIdleS);
  setIntOption(lib, fd, TCP.level, TCP.keepInterval, options.keepAliveIntervalS);
  setIntOption(lib, fd, TCP.level, TCP.keepCount, options.keepAliveProbes);
  setIntOption(lib, fd, TCP.level, TCP.userTimeout, options.userTimeoutMs);
}

const RLIMIT_NOFILE = 7;

/** Raises the soft limit of open files to the hard one. Returns the limit in force. */
export function raiseFileLimit(): number {
  const lib = libc();
  const limits = new BigUint64Array(2);
  if (lib === null || lib.getrlimit(RLIMIT_NOFILE, ptr(limits)) !== 0) return 1024;
  const soft = limits[0]!;
  limits[0] = limits[1]!;
  const now = lib.setrlimit(RLIMIT_NOFILE, ptr(limits)) === 0 ? limits[1]! : soft;
  return Number(now > 0x7fff_ffffn ? 0x7fff_ffffn : now);
}

const ENOSPC = 28;
const EINTR = 4;

/** Reserves the file's blocks. Falls back to nothing less: posix_fallocate writes zeros where the file system cannot. */
export function allocateBlocks(lib: Libc, fd: number, bytes: number): void {
  let errno: number;
  do errno = lib.posix_fallocate(fd, 0 as never, bytes as never); while (errno === EINTR);
  if (errno !== 0) {
    throw Object.assign(new Error(`Cannot allocate ${bytes} bytes: errno ${errno}`), { code: errno === ENOSPC ? "ENOSPC" : `E${errno}` });
  }
}
