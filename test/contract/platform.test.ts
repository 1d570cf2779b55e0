/** The port but for its sockets: files, process, SQLite, HTTP. What runs on this runtime of each implementation. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { get } from "node:https";
import { connect, type Socket as RawSocket } from "node:net";
import process from "node:process";
import { serveDenoHttp } from "../../src/platform/deno_http.ts";
import { openDenoDatabase } from "../../src/platform/deno_sqlite.ts";
import { nodeFiles } from "../../src/platform/node_files.ts";
import { type Platform, SqlError } from "../../src/platform/port.ts";
import { FIRST, SECOND } from "../support/certificates.ts";
import { here } from "../support/here.ts";
import { rejection } from "../support/rejection.ts";

const onBun = here.name === "bun";
const directory = here.temporaryDirectory("berth-platform-");
afterAll(() => here.removeTree(directory));
const freshPath = (): string => `${directory}/${crypto.randomUUID()}`;

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
}

describe.each<[string, Pick<Platform, "openDatabase">]>([
  [here.name, here],
  ...(onBun ? [["deno", { openDatabase: openDenoDatabase }] satisfies [string, Pick<Platform, "openDatabase">]] : []),
])(
  "SQLite on %s",
  (_name, { openDatabase }) => {
    test("values come back as they were stored", () => {
      const db = openDatabase(freshPath(), { readOnly: false });
      db.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b REAL, c TEXT, d BLOB, e); CREATE INDEX i ON t (b);");
      const bytes = new Uint8Array([0, 1, 255]);
      expect(db.prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?)").run(2 ** 52, 1.5, "é", bytes, null)).toMatchObject({ changes: 1 });
      const row = db.prepare("SELECT * FROM t").get()!;
      expect([row["a"], row["b"], row["c"], row["e"]]).toEqual([2 ** 52, 1.5, "é", null]);
      expect(row["d"]).toBeInstanceOf(Uint8Array);
      expect([...(row["d"] as Uint8Array)]).toEqual([0, 1, 255]);
      expect(db.prepare("SELECT a FROM t WHERE a = ?").get(1)).toBeUndefined();
      db.close();
    });

    test("all and iterate give every row in order", () => {
      const db = openDatabase(freshPath(), { readOnly: false });
      db.exec("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (3), (1), (2);");
      const select = db.prepare("SELECT a FROM t WHERE a >= ? ORDER BY a");
      expect(select.all(2).map((row) => row["a"])).toEqual([2, 3]);
      const seen: unknown[] = [];
      for (const row of select.iterate(1)) seen.push(row["a"]);
      expect(seen).toEqual([1, 2, 3]);
      db.close();
    });

    test("errors carry SQLite's symbolic name", () => {
      const path = freshPath();
      const db = openDatabase(path, { readOnly: false });
      db.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE); INSERT INTO t VALUES (1, 1); PRAGMA max_page_count = 4;");
      expect(codeOf(() => db.exec("INSERT INTO t VALUES (2, 1)"))).toBe("SQLITE_CONSTRAINT_UNIQUE");
      expect(codeOf(() => db.prepare("SELEC"))).toBe("SQLITE_ERROR");
      expect(codeOf(() => db.prepare("INSERT INTO t VALUES (3, randomblob(50000))").run())).toBe("SQLITE_FULL");
      db.exec("BEGIN EXCLUSIVE");
      const other = openDatabase(path, { readOnly: false });
      expect(codeOf(() => other.exec("BEGIN IMMEDIATE"))).toBe("SQLITE_BUSY");
      db.exec("COMMIT");
      other.close();
      db.close();
      const reading = openDatabase(path, { readOnly: true });
      expect(codeOf(() => reading.exec("DELETE FROM t"))).toBe("SQLITE_READONLY");
      reading.close();
      const noDatabase = freshPath();
      here.writeText(noDatabase, "no database ".repeat(1000));
      expect(codeOf(() => openDatabase(noDatabase, { readOnly: false }).exec("SELECT * FROM sqlite_master"))).toBe("SQLITE_NOTADB");
      expect(codeOf(() => openDatabase(`${directory}/nowhere/x`, { readOnly: false }))).toBe("SQLITE_CANTOPEN");
      expect(() => openDatabase(`${directory}/nowhere/x`, { readOnly: false })).toThrow(SqlError);
    });

    test("close frees the file's locks, though statements were prepared", () => {
      const path = freshPath();
      const db = openDatabase(path, { readOnly: false });
      db.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1);");
      db.exec("BEGIN EXCLUSIVE");
      const select = db.prepare("SELECT a FROM t");
      select.get();
      db.close();
      const other = openDatabase(path, { readOnly: false });
      expect(codeOf(() => other.exec("BEGIN EXCLUSIVE"))).toBe("none");
      other.close();
    });
  },
);

describe.each<[string, ReturnType<typeof nodeFiles>]>([[here.name, here], ["without fallocate", nodeFiles(null)]])(
  "files of %s",
  (_name, platform) => {
    test("text, sizes and directories", () => {
      const path = `${freshPath()}/deep`;
      platform.makeDirectory(path);
      platform.makeDirectory(path);
      expect(platform.exists(`${path}/a`)).toBe(false);
      expect(platform.fileSize(`${path}/a`)).toBe(-1);
      platform.writeText(`${path}/a`, "héllo");
      expect(platform.readText(`${path}/a`)).toBe("héllo");
      expect(platform.fileSize(`${path}/a`)).toBe(6);
      platform.removeFile(`${path}/a`);
      platform.removeFile(`${path}/a`);
      expect(platform.exists(`${path}/a`)).toBe(false);
    });

    test("an allocated file has its blocks", () => {
      const path = freshPath();
      platform.allocateFile(path, 3_000_000);
      expect(platform.fileSize(path)).toBe(3_000_000);
      expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(3_000_000);
      platform.allocateFile(path, 0);
      expect(platform.fileSize(path)).toBe(0);
    });

    test("space of a file system", () => {
      const { free, total } = platform.space(directory);
      expect(free).toBeGreaterThan(0);
      expect(total).toBeGreaterThanOrEqual(free);
    });
  },
);

test("a file that cannot be allocated says why and is not left behind", () => {
  const path = freshPath();
  const full = nodeFiles(() => {
    throw Object.assign(new Error("no room"), { code: "ENOSPC" });
  });
  expect(codeOf(() => full.allocateFile(path, 10))).toBe("ENOSPC");
  // More than any file may have: refused before a block is taken. Without fallocate the blocks would really be written.
  if (onBun) expect(codeOf(() => here.allocateFile(path, 2 ** 52))).toMatch(/^E/);
  expect(here.exists(path)).toBe(false);
});

describe("the process", () => {
  test("thread id is the kernel's, or 0 where it cannot be told", () => {
    expect(here.threadId()).toBe(onBun ? Number(readFileSync("/proc/thread-self/stat", "utf8").split(" ")[0]) : 0);
  });
  test("the file limit in force is the hard one", () => {
    const limit = here.raiseFileLimit();
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))!;
    expect(String(limit)).toBe(soft!);
    expect(soft).toBe(hard!);
  });
  test("clocks, randomness, cores", () => {
    expect(Math.abs(here.clock.wall() - Date.now())).toBeLessThan(1000);
    const before = here.clock.mono();
    expect(here.clock.mono()).toBeGreaterThanOrEqual(before);
    expect(here.randomBytes(16)).toHaveLength(16);
    expect(here.randomBytes(16)).not.toEqual(here.randomBytes(16));
    expect(here.cores()).toBeGreaterThan(0);
    expect(here.hostName()).not.toBe("");
  });
});

type Http = Pick<Platform, "serveHttp">;
const servers: [string, Http][] = [[here.name, here], ...(onBun ? [["deno", { serveHttp: serveDenoHttp }] satisfies [string, Http]] : [])];
const text = new TextEncoder();
const eventStream = { headers: { "content-type": "text/event-stream" } };

describe.each(servers)("HTTP on %s", (_name, { serveHttp }) => {
  const bounds = { maxBodyBytes: 1000, reusePort: false };

  test("answers with the peer's address, streams", async () => {
    const listener = await serveHttp("127.0.0.1", 0, bounds, async (request, peer) => {
      if (new URL(request.url).pathname === "/stream") {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(text.encode("data: 1\n\n"));
            controller.close();
          },
        });
        return new Response(body, eventStream);
      }
      return new Response(`${request.method} ${peer.address} ${(await request.text()).length}`);
    });
    const url = `http://127.0.0.1:${listener.port}`;
    expect(await (await fetch(url, { method: "POST", body: "12345" })).text()).toBe("POST 127.0.0.1 5");
    expect(await (await fetch(`${url}/stream`)).text()).toBe("data: 1\n\n");
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    expect(await rejection(serveHttp("127.0.0.1", listener.port, bounds, () => new Response()))).toBe(
      `Cannot listen on 127.0.0.1:${listener.port}: address already in use`,
    );
    await listener.stop(true);
    expect(await rejection(fetch(url))).not.toBe("");
  });

  test("speaks HTTPS with a certificate, and says what is wrong with one", async () => {
    const listener = await serveHttp(
      "127.0.0.1",
      0,
      { ...bounds, tls: FIRST },
      (request, peer) => new Response(`${new URL(request.url).pathname} ${peer.address}`),
    );
    expect(await secureGet(listener.port, FIRST.cert, "/a")).toBe("/a 127.0.0.1");
    expect(await rejection(secureGet(listener.port, SECOND.cert, "/a"))).not.toBe("");
    await listener.stop(true);
    const wrong = async (tls: typeof FIRST) => await serveHttp("127.0.0.1", 0, { ...bounds, tls }, () => new Response());
    expect(await rejection(wrong({ ...FIRST, key: SECOND.key }))).toContain("the key is not that of its first certificate");
    expect(await rejection(wrong({ ...FIRST, key: "" }))).toStartWith("Cannot use the certificate or its key");
  });

  test("a client that goes away cancels its stream", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const listener = await serveHttp("127.0.0.1", 0, bounds, () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(text.encode(": open\n\n")),
        cancel: () => resolve(),
      });
      return new Response(body, eventStream);
    });
    const client = new AbortController();
    const response = await fetch(`http://127.0.0.1:${listener.port}`, { signal: client.signal });
    await response.body!.getReader().read();
    client.abort();
    await cancelled;
    await listener.stop(true);
  });

  test("cut ends the connection of a client that takes nothing", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    let cutIt = (): void => {};
    const listener = await serveHttp("127.0.0.1", 0, bounds, (_request, _peer, cut) => {
      cutIt = cut;
      const body = new ReadableStream<Uint8Array>(
        { pull: (controller) => controller.enqueue(new Uint8Array(1 << 16)), cancel: () => resolve() },
        { highWaterMark: 0 },
      );
      return new Response(body, eventStream);
    });
    const client = await stalledClient(listener.port);
    cutIt();
    await cancelled;
    client.destroy();
    await listener.stop(true);
  });

  test("many requests on one connection leave nothing on it", async () => {
    const warnings: string[] = [];
    const heard = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", heard);
    const listener = await serveHttp("127.0.0.1", 0, bounds, () => new Response("here"));
    const answers = await new Promise<number>((resolve) => {
      const client: RawSocket = connect(listener.port, "127.0.0.1");
      const ask = (): void => void client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      let count = 0;
      client.on("connect", ask);
      client.on("data", () => ++count < 30 ? ask() : client.destroy());
      client.on("close", () => resolve(count));
    });
    await listener.stop(true);
    process.off("warning", heard);
    expect([answers, warnings]).toEqual([30, []]);
  });

  test("an orderly stop that a stream holds up can still be made a stop at once", async () => {
    const listener = await serveHttp("127.0.0.1", 0, bounds, () => {
      const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(text.encode(": open\n\n")) });
      return new Response(body, eventStream);
    });
    const url = `http://127.0.0.1:${listener.port}`;
    const reader = (await fetch(url)).body!.getReader();
    await reader.read();
    const orderly = listener.stop(false);
    await listener.stop(true);
    await orderly;
    expect(await reader.read().then(({ done }) => done, () => true)).toBe(true);
    expect(await rejection(fetch(url))).not.toBe("");
  });
});

function secureGet(port: number, ca: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, ca, servername: "localhost", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (piece: string) => (body += piece)).on("end", () => resolve(body));
    });
    request.on("error", reject);
  });
}

/** Asks, reads the beginning of the answer and no more. */
function stalledClient(port: number): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => void socket.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n"));
    socket.on("error", reject);
    socket.once("data", () => {
      socket.pause();
      resolve(socket);
    });
  });
}
