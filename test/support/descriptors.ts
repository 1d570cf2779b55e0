/**
 * What the system says of a gateway's sockets: how many descriptors it has open, which of its peers read nothing. Linux.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Gateway } from "./gateway.ts";

/** The rows of /proc/net/tcp, as the gateway's network namespace has them. */
const tcpRows = (pid: number): string[][] =>
  ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns.length > 9)
  );

/** Those of sockets with this local port. */
function socketRows(pid: number, port: number): string[][] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return tcpRows(pid).filter((columns) => columns[1]!.endsWith(suffix));
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    // Closed between the listing and the look.
    return "";
  }
};

/**
 * Open descriptors, but for those that come and go by themselves: of HTTP connections, with the test's requests, and of files, with
 * what a gateway reads and notes now and then.
 */
export function descriptorsOf({ pid, url }: Gateway): number {
  const http = new Set(socketRows(pid, Number(new URL(url).port)).map((columns) => `socket:[${columns[9]}]`));
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  return links.filter((link) => link !== "" && !link.startsWith("/") && !http.has(link)).length;
}

const ZERO_WINDOW_PROBES = "04";

/** Ports of peers whose receive window is full: the gateway's kernel has bytes for them and asks when it may send. */
export function fullWindows({ pid, tcpPort }: Gateway): Set<number> {
  const full = socketRows(pid, tcpPort).filter((columns) => columns[5]?.split(":")[0] === ZERO_WINDOW_PROBES);
  return new Set(full.map((columns) => Number.parseInt(columns[2]!.split(":")[1]!, 16)));
}

export interface Queues {
  /** Sent by the peer and not read by the gateway. */
  readonly unread: number;
  /** Written by the gateway and not read by the peer: in the gateway's kernel and in the peer's. */
  readonly unanswered: number;
}

/** The queues of the connections to some peers, by the peers' ports. Both ends must be in the gateway's network. */
export function queuesOf(gateway: Gateway, ports: readonly number[]): Map<number, Queues> {
  const bytes = (columns: readonly string[], part: 0 | 1): number => Number.parseInt(columns[4]!.split(":")[part]!, 16);
  const portIn = (column: string): number => Number.parseInt(column.split(":")[1]!, 16);
  const rows = tcpRows(gateway.pid);
  const here = new Map(rows.filter((columns) => portIn(columns[1]!) === gateway.tcpPort).map((columns) => [portIn(columns[2]!), columns]));
  const there = new Map(rows.filter((columns) => portIn(columns[2]!) === gateway.tcpPort).map((columns) => [portIn(columns[1]!), columns]));
  return new Map(ports.map((port) => {
    const [own, peers] = [here.get(port), there.get(port)];
    if (own === undefined || peers === undefined) throw new Error(`Cannot see the connection of port ${port}`);
    return [port, { unread: bytes(own, 1), unanswered: bytes(own, 0) + bytes(peers, 1) }];
  }));
}
