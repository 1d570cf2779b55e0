/**
 * What the system says of a gateway's sockets: how many descriptors it has open, which of its peers read nothing. Linux.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Gateway } from "./gateway.ts";

/** Rows of /proc/net/tcp of sockets with this local port, as the gateway's network namespace has them. */
function socketRows(pid: number, port: number): string[][] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[1]?.endsWith(suffix))
  );
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    // Closed between the listing and the look.
    return "";
  }
};

/** Open descriptors, but for those of HTTP connections, which come and go with the test's requests. */
export function descriptorsOf({ pid, url }: Gateway): number {
  const http = new Set(socketRows(pid, Number(new URL(url).port)).map((columns) => `socket:[${columns[9]}]`));
  return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)).filter((link) => link !== "" && !http.has(link))
    .length;
}

const ZERO_WINDOW_PROBES = "04";

/** Ports of peers whose receive window is full: the gateway's kernel has bytes for them and asks when it may send. */
export function fullWindows({ pid, tcpPort }: Gateway): Set<number> {
  const full = socketRows(pid, tcpPort).filter((columns) => columns[5]?.split(":")[0] === ZERO_WINDOW_PROBES);
  return new Set(full.map((columns) => Number.parseInt(columns[2]!.split(":")[1]!, 16)));
}
