/** Datagrams, through the part of node:dgram that Bun and Deno share. Any thread with an event loop. */
import { createSocket } from "node:dgram";
import { isIPv4, isIPv6 } from "node:net";
import { plainAddress } from "./address.ts";
import { lookupHost } from "./node_lookup.ts";
import type { Peer, UdpHandler, UdpSocket } from "./port.ts";

/** Datagrams that wait while the thread does something else; the kernel drops what comes beyond. It may give less. */
const RECEIVE_BYTES = 4 << 20;

/** A datagram that the kernel refuses because of what it has heard about one before is given to it again, this often. */
const ATTEMPTS = 4;

export async function openNodeUdp(host: string, port: number, handler: UdpHandler): Promise<UdpSocket> {
  const address = await lookupHost(host);
  const isSix = isIPv6(address);
  const socket = createSocket(isSix ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  let isOpen = true;
  // What the network says of a datagram sent before (nobody listens there) concerns nobody: it is lost.
  socket.on("error", () => {});
  socket.on("message", (buffer, from) => {
    // Not the Buffer itself: its `slice` is no copy.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    // Who names no port cannot be answered.
    if (isOpen && from.port > 0) handler(bytes, { address: plainAddress(from.address), port: from.port });
  });
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch {
    // Not every runtime can; the system's own size is enough for most.
  }
  const give = (bytes: Uint8Array, toPort: number, host: string, attempts: number): void => {
    // To port 0 the runtime would throw, and not say it to the callback.
    if (isOpen && toPort > 0 && attempts > 0) {
      socket.send(bytes, toPort, host, (error) => error instanceof Error && give(bytes, toPort, host, attempts - 1));
    }
  };
  return {
    port: socket.address().port,
    send(bytes: Uint8Array, to: Peer): void {
      const host = isSix && isIPv4(to.address) ? `::ffff:${to.address}` : to.address;
      give(bytes, to.port, host, ATTEMPTS);
    },
    close(): void {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}
