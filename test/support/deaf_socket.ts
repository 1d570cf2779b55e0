/**
 * A client with a tiny receive window that it never reads: what it is sent fills the window, then the gateway's send
 * buffer. A raw socket of the C library, as no runtime lets one choose a window before it connects. Linux.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { encodeLogin } from "./frames.ts";

const { i32, u32, u64, i64, ptr: pointer } = FFIType;
const libc = dlopen("libc.so.6", {
  socket: { args: [i32, i32, i32], returns: i32 },
  connect: { args: [i32, pointer, u32], returns: i32 },
  setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
  send: { args: [i32, pointer, u64, i32], returns: i64 },
  recv: { args: [i32, pointer, u64, i32], returns: i64 },
  getsockname: { args: [i32, pointer, pointer], returns: i32 },
  close: { args: [i32], returns: i32 },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;
const MSG_PEEK = 2;
const MSG_NOSIGNAL = 0x4000;
/** The kernel doubles it; less is not allowed. */
const WINDOW = 1152;
/** Held back before a window is called full: a kernel that tidies its buffers still finds room for a little. */
const FILL = 4 * WINDOW;

export class DeafSocket {
  readonly localPort: number;
  readonly #fd: number;
  readonly #port: number;
  #closed = false;

  /** @throws Error when nobody listens. */
  constructor(port: number) {
    this.#port = port;
    this.#fd = libc.socket(AF_INET, SOCK_STREAM, 0);
    libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, ptr(Int32Array.of(WINDOW)), 4);
    const address = new Uint8Array(16);
    address.set([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1]);
    if (libc.connect(this.#fd, ptr(address), 16) !== 0) throw new Error(`Cannot connect to port ${port}`);
    libc.getsockname(this.#fd, ptr(address), ptr(Uint32Array.of(16)));
    this.localPort = (address[2]! << 8) | address[3]!;
  }

  /** A tracker: sends its login. */
  static tracker(port: number, imei: string): DeafSocket {
    const socket = new DeafSocket(port);
    socket.write(encodeLogin(imei));
    return socket;
  }

  /** An event consumer: asks for all events. */
  static consumer(port: number): DeafSocket {
    const socket = new DeafSocket(port);
    socket.write(new TextEncoder().encode("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"));
    return socket;
  }

  get windowIsFull(): boolean {
    return this.heldBack >= WINDOW;
  }

  /** Bytes the kernel took now; -1 when it took none. */
  write(bytes: Uint8Array): number {
    return Number(libc.send(this.#fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  /** Bytes that lie unread in its window. */
  get unread(): number {
    const bytes = new Uint8Array(64 * 1024);
    return Math.max(0, Number(libc.recv(this.#fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_PEEK)));
  }

  /** Bytes the gateway's kernel holds for it because the window is full. The kernel's list may skip one while others come and go. */
  get heldBack(): number {
    const ends = [this.#port, this.localPort].map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
    for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
      const [, local, remote, , queues] = line.trim().split(/\s+/);
      if (local?.endsWith(ends[0]!) === true && remote?.endsWith(ends[1]!) === true) return Number.parseInt(queues!.split(":")[0]!, 16);
    }
    return 0;
  }

  /** Sends `frame` again and again until its answers fill the window and more is held back. */
  async fill(frame: Uint8Array, timeoutMs = 20_000): Promise<void> {
    const many = new Uint8Array(frame.length * 256);
    for (let at = 0; at < many.length; at += frame.length) many.set(frame, at);
    const deadline = performance.now() + timeoutMs;
    let rest = many;
    while (this.heldBack < FILL) {
      if (performance.now() > deadline) throw new Error(`Cannot fill the window: ${this.unread} unread, ${this.heldBack} held back`);
      const sent = this.write(rest);
      if (sent > 0) rest = sent === rest.length ? many : rest.subarray(sent);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** With answers unread the kernel sends a reset. */
  close(): void {
    if (!this.#closed) libc.close(this.#fd);
    this.#closed = true;
  }
}
