/**
 * The connections that Bun.serve has, and says nothing of: found among the process's descriptors, with what the kernel knows of
 * them. Bun takes every connection that comes. Any thread.
 */
import { ptr } from "bun:ffi";
import { statSync } from "node:fs";
import { type Libc, TCP } from "./bun_libc.ts";
import type { HttpSockets } from "./http_sockets.ts";

/** In `struct tcp_info`; see bun_tcp_kernel.ts. */
const LAST_DATA_SENT = 44;
const BYTES_ACKED = 120;
const NEEDED = 128;
const BOTH_WAYS = 2;

const address = new Uint8Array(28);
const view = new DataView(address.buffer);
const info = new DataView(new ArrayBuffer(256));
const length = new Uint32Array(1);

export function bunHttpSockets(lib: Libc): HttpSockets {
  const portBy = (call: Libc["getpeername"], fd: number): number => {
    length[0] = address.length;
    return call(fd, ptr(address), ptr(length)) === 0 && length[0] >= 16 ? view.getUint16(2) : -1;
  };
  return {
    // Linux since 6.2; before, and elsewhere, 0.
    openDescriptors: () => statSync("/proc/self/fd", { throwIfNoEntry: false })?.size ?? 0,
    look(localPort, first, count, found) {
      let any = false;
      for (let fd = first; fd < first + count; fd++) {
        const peerPort = portBy(lib.getpeername, fd);
        if (peerPort < 0) continue;
        any = true;
        if (portBy(lib.getsockname, fd) !== localPort) continue;
        length[0] = info.byteLength;
        if (lib.getsockopt(fd, TCP.level, TCP.info, ptr(info), ptr(length)) !== 0 || length[0] < NEEDED) continue;
        found({ fd, peerPort, quietMs: info.getUint32(LAST_DATA_SENT, true), takenBytes: info.getUint32(BYTES_ACKED, true) });
      }
      return { end: first + count, isLast: !any };
    },
    end({ fd, peerPort }) {
      // The number may be another connection's by now.
      if (portBy(lib.getpeername, fd) === peerPort) lib.shutdown(fd, BOTH_WAYS);
    },
  };
}
