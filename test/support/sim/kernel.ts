/** What the simulated kernel says of its connections: the evidence of probes and of what evicted peers did. */
import type { TcpInfo, TcpKernel } from "../../../src/platform/port.ts";
import type { SimLink } from "./link.ts";

export class SimKernel implements TcpKernel {
  readonly #links: () => readonly SimLink[];
  readonly #now: () => number;

  constructor(links: () => readonly SimLink[], now: () => number) {
    this.#links = links;
    this.#now = now;
  }

  info(fd: number, into: TcpInfo): boolean {
    const link = this.#find(fd);
    if (link === undefined) return false;
    into.state = link.tcpState;
    into.unacked = link.unacked;
    into.segmentsReceived = link.segments;
    into.bytesReceived = link.bytes;
    into.lastAckReceivedMs = this.#now() - link.heardAt;
    into.lastDataReceivedMs = this.#now() - link.heardAt;
    return true;
  }
  askPeer(fd: number): void {
    const link = this.#find(fd);
    if (link !== undefined) link.asked = true;
  }
  restore(fd: number): void {
    const link = this.#find(fd);
    if (link !== undefined) link.asked = false;
  }

  #find(fd: number): SimLink | undefined {
    return this.#links().find((link) => link.fd === fd && link.gateway === "open");
  }
}
