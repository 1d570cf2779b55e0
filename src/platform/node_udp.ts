/** Datagrams, through the part of node:dgram that Bun and Deno share. Any thread with an event loop. */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { lookupHost } from "./node_lookup.ts";
import type { Peer, UdpHandler, UdpSocket } from "./port.ts";

/** Datagrams that wait while the thread does something else; the kernel drops what comes beyond. It may give less. */
const RECEIVE_BYTES = 4 << 20;

export async function openNodeUdp(host: string, port: number, handler: UdpHandler): Promise<UdpSocket> {
  const address = await lookupHost(host);
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  let isOpen = true;
  // What the network says of a datagram sent before (nobody listens there) is nobody's concern: it counts as lost.
  socket.on("error", () => {});
  socket.on("message", (bytes, from) => isOpen && handler(bytes, from));
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch {
    // Not every runtime can; the system's own size is enough for most.
  }
  return {
    port: socket.address().port,
    send(bytes: Uint8Array, to: Peer): void {
      if (isOpen) socket.send(bytes, to.port, to.address, () => {});
    },
    close(): void {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}
