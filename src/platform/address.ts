/** Addresses as Berth writes them: an IPv4 address that came in on an IPv6 socket is shown as IPv4. Any thread. */
import { isIP } from "node:net";
import { formatIp, parseIp } from "../base/ip_address.ts";

export const plainAddress = (
  address: string,
): string => (address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address);

const LINUX_AF_INET = 2;
const LINUX_AF_INET6 = 10;
/** Where the address of IPv6 begins in a sockaddr. */
const SIX_AT = 8;

/** A sockaddr of Linux for `host`, an address or "localhost". @throws Error naming the host. */
export function sockaddr(host: string, port: number): { family: number; bytes: Uint8Array<ArrayBuffer> } {
  const address = parseIp(host === "localhost" ? "127.0.0.1" : host.replace(/^\[(.*)\]$/, "$1"));
  // With a code, as an error of the system: it explains itself.
  if (address === null) throw Object.assign(new Error(`Cannot listen on ${host}: it is not an IP address`), { code: "EINVAL" });
  const isFour = address.length === 4;
  const bytes = new Uint8Array(isFour ? 16 : 28);
  const view = new DataView(bytes.buffer);
  const family = isFour ? LINUX_AF_INET : LINUX_AF_INET6;
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(address, isFour ? 4 : SIX_AT);
  return { family, bytes };
}

/** The peer in a sockaddr the kernel filled in. */
export function peerOf(view: DataView): { address: string; port: number } {
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === LINUX_AF_INET) {
    return { address: `${view.getUint8(4)}.${view.getUint8(5)}.${view.getUint8(6)}.${view.getUint8(7)}`, port };
  }
  return { address: formatIp(new Uint8Array(view.buffer, view.byteOffset), SIX_AT, 16), port };
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EACCES: "permission denied",
  EADDRNOTAVAIL: "address not available",
};

/** The same words for a listener that cannot open, whoever tried. `code`: the system's name of the error, kept on it. */
export function listenError(host: string, port: number, code: string, otherwise: string): Error {
  return Object.assign(new Error(`Cannot listen on ${host}:${port}: ${LISTEN_REASONS[code] ?? otherwise}`), { code });
}

/** Runs a runtime's own listen call and words its failure. */
export function listening<T>(host: string, port: number, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw listenError(host, port, code ?? "", message);
  }
}
