/** What the kernel says of a connection, and how it is made to ask the peer: over real sockets on loopback. */
import { afterEach, describe, expect, test } from "bun:test";
import { bunPlatform } from "../../src/platform/bun.ts";
import type { Socket, SocketHandler, TcpInfo, TcpListener } from "../../src/platform/port.ts";
import { emptyTcpInfo, FIN_ACKNOWLEDGED } from "../../src/platform/port.ts";
import { intOption } from "../support/socket_option.ts";
import { until } from "../support/until.ts";

const platform = bunPlatform();
const kernel = platform.tcpKernel!;
const OPTIONS = { keepAliveIdleS: 300, keepAliveIntervalS: 30, keepAliveProbes: 4, userTimeoutMs: 120_000, backlog: 16 };
const [ESTABLISHED, TCP] = [1, 6];

let listener: TcpListener | null = null;
let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.reset();
  sockets = [];
  listener?.stop();
  listener = null;
});

/** Two ends of one connection: the accepted one and the peer. */
async function pair(): Promise<{ server: Socket; peer: Socket }> {
  let server: Socket | null = null;
  const handler = (open: (socket: Socket) => void): SocketHandler<void> => ({
    open: (socket) => {
      sockets.push(socket);
      open(socket);
    },
    data: () => {},
    drain: () => {},
    close: () => {},
  });
  listener = await platform.listenTcp("127.0.0.1", 0, { reusePort: false, socket: OPTIONS }, handler((socket) => server = socket));
  const peer = await platform.connectTcp("127.0.0.1", listener.port, handler(() => {}));
  return { server: await until("the accepted socket", () => server), peer };
}

function infoOf(socket: Socket): TcpInfo {
  const info = emptyTcpInfo();
  expect(kernel.info(socket.fd, info)).toBe(true);
  return info;
}

const timesOf = (fd: number): number[] => [4, 5, 6, 18].map((name) => intOption(fd, TCP, name));

describe("TCP_INFO", () => {
  test("counts the peer's bytes and segments, and knows an established connection", async () => {
    const { server, peer } = await pair();
    const before = infoOf(server);
    expect([before.state, before.bytesReceived, before.unacked, before.retransmits]).toEqual([ESTABLISHED, 0, 0, 0]);
    peer.write(new Uint8Array(1000));
    const after = await until("the bytes", () => {
      const info = infoOf(server);
      return info.bytesReceived === 1000 && info;
    });
    expect(after.segmentsReceived).toBeGreaterThan(before.segmentsReceived);
    expect(after.lastDataReceivedMs).toBeLessThan(1000);
    expect(after.lastAckReceivedMs).toBeLessThan(1000);
    expect(after.rttUs).toBeGreaterThan(0);
  });

  test("shows that the peer's kernel took our FIN though the peer reads nothing", async () => {
    const { server, peer } = await pair();
    peer.pause();
    server.end();
    await until("a FIN acknowledged", () => FIN_ACKNOWLEDGED.includes(infoOf(server).state));
  });

  test("is not there for what is no socket", async () => {
    const { server } = await pair();
    const { fd } = server;
    expect(kernel.info(-1, emptyTcpInfo())).toBe(false);
    expect(kernel.info(1 << 20, emptyTcpInfo())).toBe(false);
    expect(kernel.info(fd, emptyTcpInfo())).toBe(true);
  });
});

describe("asking the peer", () => {
  test("makes a silent peer's kernel answer within a second or so, and restore ends it", async () => {
    const { server } = await pair();
    const before = infoOf(server).segmentsReceived;
    expect(timesOf(server.fd)).toEqual([300, 30, 4, 120_000]);
    kernel.askPeer(server.fd);
    expect(timesOf(server.fd)).toEqual([1, 1, 127, 0]);
    const began = performance.now();
    const answered = await until("an answer", () => {
      const info = infoOf(server);
      return info.segmentsReceived > before && info;
    });
    // When it came is the kernel's word: this thread may look later.
    expect(performance.now() - began - answered.lastAckReceivedMs).toBeLessThan(2000);
    kernel.restore(server.fd, OPTIONS);
    expect(timesOf(server.fd)).toEqual([300, 30, 4, 120_000]);
  });
});
