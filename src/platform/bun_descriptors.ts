/**
 * Finds the descriptors of connections that the runtime serves itself and gives none of: by the peer, among the process's own. Linux
 * gives the lowest free number, so where a whole turn has no connection, there are none above it.
 */
import { ptr } from "bun:ffi";
import { peerOf } from "./address.ts";
import type { Libc } from "./bun_libc.ts";
import type { Descriptors } from "./port.ts";

const address = new Uint8Array(28);
const view = new DataView(address.buffer);
const length = new Uint32Array(1);

export const bunDescriptors = (lib: Libc): Descriptors => (localPort, first, count, wants, found) => {
  const read = (call: Libc["getpeername"], fd: number): boolean => {
    length[0] = address.length;
    return call(fd, ptr(address), ptr(length)) === 0 && length[0] >= 16;
  };
  let any = false;
  for (let fd = first; fd < first + count; fd++) {
    if (!read(lib.getpeername, fd)) continue;
    any = true;
    if (!wants(view.getUint16(2))) continue;
    const peer = peerOf(view);
    if (read(lib.getsockname, fd) && view.getUint16(2) === localPort) found(fd, peer);
  }
  return { end: first + count, isLast: !any };
};
