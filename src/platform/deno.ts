/** Berth on Deno: the port without descriptor hand-over, so codec workers listen for themselves. One object per thread. */
import process from "node:process";
import { Readable } from "node:stream";
import { serveDenoHttp } from "./deno_http.ts";
import { connectDenoTcp, listenDenoTcp } from "./deno_socket.ts";
import { connectDenoTls, listenDenoTls } from "./deno_tls.ts";
import { openDenoDatabase } from "./deno_sqlite.ts";
import { nodeFiles } from "./node_files.ts";
import { openNodeUdp } from "./node_udp.ts";
import { lookupHost } from "./node_lookup.ts";
import { nodeProcess } from "./node_process.ts";
import type { Platform } from "./port.ts";
import { pulledBody } from "./pulled_body.ts";
import { spawnSelf } from "./self_process.ts";
import { spawnThread } from "./spawn.ts";

const SOFT_LIMIT = /^Max open files\s+(\d+)/m;

export function denoPlatform(): Platform {
  const files = nodeFiles(null);
  return {
    name: "deno",
    ...nodeProcess(),
    ...files,
    stdin: () => Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    // Deno raises it by itself at start; it cannot be asked to.
    raiseFileLimit:
      () => (files.exists("/proc/self/limits") ? Number(SOFT_LIMIT.exec(files.readText("/proc/self/limits"))?.[1] ?? 1024) : 1024),
    threadId: () => 0,
    collect: () => {},
    collectYoung: () => {},
    // There is nothing to collect by.
    residentBytes: () => 0,
    discard: () => {},
    spawn: spawnThread,
    spawnSelf,
    openDatabase: openDenoDatabase,
    listenTcp: listenDenoTcp,
    openUdp: openNodeUdp,
    lookup: lookupHost,
    connectTcp: connectDenoTcp,
    listenTls: listenDenoTls,
    connectTls: connectDenoTls,
    acceptor: null,
    tcpKernel: null,
    descriptors: null,
    socketLoop: null,
    poke: () => {
      throw new Error("Cannot poke a doorbell: no thread has one on Deno");
    },
    dropDoorbell: () => {},
    httpSockets: null,
    adopt: () => {
      throw new Error("Cannot adopt a descriptor: Deno has no such call");
    },
    streamBody: pulledBody,
    serveHttp: serveDenoHttp,
  };
}
