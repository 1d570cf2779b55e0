/** The open descriptors of a gateway, but for those of its HTTP connections, which come and go with the test's requests. Linux. */
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

export function descriptorsOf({ pid, url }: Gateway): number {
  const http = new Set(socketRows(pid, Number(new URL(url).port)).map((columns) => `socket:[${columns[9]}]`));
  return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)).filter((link) => link !== "" && !http.has(link))
    .length;
}

/** Bytes the gateway's kernel has for the peer at `peerPort` and cannot get rid of. */
export function unsentTo({ pid, tcpPort }: Gateway, peerPort: number): number {
  const suffix = `:${peerPort.toString(16).toUpperCase().padStart(4, "0")}`;
  const row = socketRows(pid, tcpPort).find((columns) => columns[2]?.endsWith(suffix));
  return row === undefined ? 0 : Number.parseInt(row[4]!.split(":")[0]!, 16);
}
