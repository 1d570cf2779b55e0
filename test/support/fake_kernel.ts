/** A kernel that says of each descriptor what a test says, and writes down what it was asked to do. */
import { emptyTcpInfo, type TcpInfo, type TcpKernel } from "../../src/platform/port.ts";

export class FakeKernel implements TcpKernel {
  readonly infos = new Map<number, TcpInfo>();
  readonly calls: string[] = [];
  /** How often a descriptor was asked about. */
  asked = 0;

  /** What is known of `fd`; change it and the next look sees it. */
  of(fd: number): TcpInfo {
    let info = this.infos.get(fd);
    if (info === undefined) this.infos.set(fd, info = { ...emptyTcpInfo(), state: 1, segmentsReceived: 10 });
    return info;
  }
  /** A segment of the peer arrives. */
  hear(fd: number, bytes = 0): void {
    const info = this.of(fd);
    info.segmentsReceived++;
    info.bytesReceived += bytes;
    info.lastAckReceivedMs = 0;
  }

  info(fd: number, into: TcpInfo): boolean {
    if (fd < 0) return false;
    this.asked++;
    Object.assign(into, this.of(fd));
    return true;
  }
  askPeer(fd: number): void {
    this.calls.push(`ask ${fd}`);
  }
  restore(fd: number): void {
    this.calls.push(`restore ${fd}`);
  }
}
