/** The one line on standard output: where a gateway listens, once it does. Made by the supervisor. */
import { formatHostPort } from "../config/host_port.ts";
import type { HostPort, Settings } from "../config/settings.ts";

/** The real ports, where the settings may say 0. */
export type ReadyPorts = Readonly<Record<"tcp" | "http", number> & Record<"tls" | "udp" | "peer", number | undefined>>;

export function readyLine({ tcp, http, udp, peer, instance }: Settings, ports: ReadyPorts, pid: number): string {
  const at = ({ host }: HostPort, port: number): string => formatHostPort({ host, port });
  const line = {
    event: "ready",
    tcp: at(tcp, ports.tcp),
    udp: udp === null || ports.udp === undefined ? null : at(udp, ports.udp),
    http: at(http, ports.http),
    ...(tcp.tls === null || ports.tls === undefined ? {} : { tls: at(tcp.tls, ports.tls) }),
    ...(peer.listen === null || ports.peer === undefined ? {} : { peer: at(peer.listen, ports.peer) }),
    instance,
    pid,
  };
  return `${JSON.stringify(line)}\n`;
}
