/** Berth on Bun: the whole port. One object per thread. */
import { edenGC } from "bun:jsc";
import { bunAcceptor } from "./bun_acceptor.ts";
import { epollLoop } from "./bun_epoll.ts";
import { bunBody } from "./bun_body.ts";
import { bunHttpSockets } from "./bun_http_sockets.ts";
import { serveBunHttp } from "./bun_http.ts";
import { allocateBlocks, discardPages, libc, poke, raiseFileLimit } from "./bun_libc.ts";
import { adoptBunTcp, connectBunTcp, listenBunTcp } from "./bun_socket.ts";
import { openBunDatabase } from "./bun_sqlite.ts";
import { bunDescriptors } from "./bun_descriptors.ts";
import { bunTcpKernel } from "./bun_tcp_kernel.ts";
import { connectBunTls, listenBunTls } from "./bun_tls.ts";
import { nodeFiles } from "./node_files.ts";
import { openNodeUdp } from "./node_udp.ts";
import { lookupHost } from "./node_lookup.ts";
import { nodeProcess } from "./node_process.ts";
import type { Platform } from "./port.ts";
import { spawnSelf } from "./self_process.ts";
import { spawnThread } from "./spawn.ts";

export function bunPlatform(): Platform {
  const lib = libc();
  return {
    name: "bun",
    ...nodeProcess(),
    ...nodeFiles(lib === null ? null : (fd, bytes) => allocateBlocks(lib, fd, bytes)),
    stdin: () => Bun.stdin.stream(),
    raiseFileLimit,
    collect() {
      Bun.gc(true);
      // What a collection frees goes back to the system when the next one begins.
      Bun.gc(true);
    },
    collectYoung: () => void edenGC(),
    residentBytes: () => process.memoryUsage.rss(),
    discard: (memory, from, to) => (lib === null ? undefined : discardPages(lib, memory, from, to)),
    threadId: () => lib?.gettid() ?? 0,
    spawn: spawnThread,
    spawnSelf,
    openDatabase: openBunDatabase,
    listenTcp: async (host, port, options, handler) => listenBunTcp(host, port, options, handler),
    openUdp: openNodeUdp,
    lookup: lookupHost,
    connectTcp: connectBunTcp,
    listenTls: listenBunTls,
    connectTls: connectBunTls,
    acceptor: lib === null ? null : (host, port, options) => bunAcceptor(lib, host, port, options),
    tcpKernel: lib === null ? null : bunTcpKernel(lib),
    descriptors: lib === null ? null : bunDescriptors(lib),
    socketLoop: lib === null ? null : () => epollLoop(lib),
    poke: (doorbell) => poke(lib!, doorbell),
    dropDoorbell: (doorbell) => void lib!.close(doorbell),
    httpSockets: lib === null ? null : bunHttpSockets(lib),
    adopt: adoptBunTcp,
    streamBody: bunBody,
    serveHttp: async (host, port, options, fetch) => serveBunHttp(host, port, options, fetch),
  };
}
