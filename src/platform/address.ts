/** Addresses as Berth writes them: an IPv4 address that came in on an IPv6 socket is shown as IPv4. Any thread. */
import { isIP } from "node:net";

export const plainAddress = (
  address: string,
): string => (address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address);

const LINUX_AF_INET = 2;
const LINUX_AF_INET6 = 10;

/** A sockaddr of Linux for `host`, an address or "localhost". @throws Error naming the host. */
export function sockaddr(host: string, port: number): { family: number; bytes: Uint8Array<ArrayBuffer> } {
  const address = host === "localhost" ? "127.0.0.1" : host.replace(/^\[(.*)\]$/, "$1");
  const kind = isIP(address);
  if (kind === 0) throw new Error(`Cannot listen on ${host}: it is not an IP address`);
  const bytes = new Uint8Array(kind === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, kind === 4 ? LINUX_AF_INET : LINUX_AF_INET6, true);
  view.setUint16(2, port);
  if (kind === 4) bytes.set(address.split(".").map(Number), 4);
  else ipv6Words(address).forEach((word, index) => view.setUint16(8 + 2 * index, word));
  return { family: kind === 4 ? LINUX_AF_INET : LINUX_AF_INET6, bytes };
}

/** The peer in a sockaddr the kernel filled in. */
export function peerOf(view: DataView): { address: string; port: number } {
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === LINUX_AF_INET) {
    return { address: `${view.getUint8(4)}.${view.getUint8(5)}.${view.getUint8(6)}.${view.getUint8(7)}`, port };
  }
  const words: number[] = [];
  for (let i = 0; i < 8; i++) words.push(view.getUint16(8 + 2 * i));
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return { address: `${words[6]! >> 8}.${words[6]! & 255}.${words[7]! >> 8}.${words[7]! & 255}`, port };
  }
  return { address: compressed(words), port };
}

/** RFC 5952: the longest run of two or more zero words becomes `::`. */
function compressed(words: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < words.length; i++) {
    let end = i;
    while (end < words.length && words[end] === 0) end++;
    if (end - i > bestLength) [best, bestLength] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  return best < 0 ? hex(words) : `${hex(words.slice(0, best))}::${hex(words.slice(best + bestLength))}`;
}

function ipv6Words(address: string): number[] {
  let text = address.split("%")[0]!;
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (v4 !== null) {
    text = `${v4[1]}${((Number(v4[2]) << 8) | Number(v4[3])).toString(16)}:${((Number(v4[4]) << 8) | Number(v4[5])).toString(16)}`;
  }
  const [left = "", right] = text.split("::");
  const words = (part: string): number[] => (part === "" ? [] : part.split(":").map((word) => parseInt(word, 16)));
  if (right === undefined) return words(left);
  const [before, after] = [words(left), words(right)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
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
