/** The port but for its sockets: files, process, SQLite, HTTP. What runs on this runtime of each implementation. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { bunPlatform } from "../../src/platform/bun.ts";
import { openDenoDatabase } from "../../src/platform/deno_sqlite.ts";
import { nodeFiles } from "../../src/platform/node_files.ts";
import { type Platform, SqlError } from "../../src/platform/port.ts";
import { rejection } from "../support/rejection.ts";

const bun = bunPlatform();
const directory = bun.temporaryDirectory("berth-platform-");
afterAll(() => bun.removeTree(directory));
let files = 0;
const freshPath = (): string => `${directory}/f${files++}`;

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
}

describe.each<[string, Pick<Platform, "openDatabase">]>([["bun", bun], ["deno", { openDatabase: openDenoDatabase }]])(
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
      bun.writeText(noDatabase, "no database ".repeat(1000));
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

describe.each<[string, ReturnType<typeof nodeFiles>]>([["bun", bun], ["without fallocate", nodeFiles(null)]])(
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
  // More than any file may have: refused before a block is taken.
  expect(codeOf(() => bun.allocateFile(path, 2 ** 52))).toMatch(/^E/);
  expect(bun.exists(path)).toBe(false);
});

describe("the process on bun", () => {
  test("thread id is the kernel's", () => {
    expect(bun.threadId()).toBe(Number(readFileSync("/proc/thread-self/stat", "utf8").split(" ")[0]));
  });
  test("the file limit in force is the hard one", () => {
    const limit = bun.raiseFileLimit();
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))!;
    expect(String(limit)).toBe(soft!);
    expect(soft).toBe(hard!);
  });
  test("clocks, randomness, cores", () => {
    expect(Math.abs(bun.clock.wall() - Date.now())).toBeLessThan(1000);
    const before = bun.clock.mono();
    expect(bun.clock.mono()).toBeGreaterThanOrEqual(before);
    expect(bun.randomBytes(16)).toHaveLength(16);
    expect(bun.randomBytes(16)).not.toEqual(bun.randomBytes(16));
    expect(bun.cores()).toBeGreaterThan(0);
    expect(bun.hostName()).not.toBe("");
  });
});

describe("HTTP on bun", () => {
  test("answers with the peer's address, bounds bodies, streams", async () => {
    const listener = await bun.serveHttp("127.0.0.1", 0, { maxBodyBytes: 1000, reusePort: false }, async (request, peer) => {
      if (new URL(request.url).pathname === "/stream") {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
            controller.close();
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }
      return new Response(`${peer.address} ${(await request.text()).length}`);
    });
    const url = `http://127.0.0.1:${listener.port}`;
    expect(await (await fetch(url, { method: "POST", body: "12345" })).text()).toBe("127.0.0.1 5");
    expect((await fetch(url, { method: "POST", body: "x".repeat(1001) })).status).toBe(413);
    expect(await (await fetch(`${url}/stream`)).text()).toBe("data: 1\n\n");
    expect(await rejection(bun.serveHttp("127.0.0.1", listener.port, { maxBodyBytes: 1, reusePort: false }, () => new Response()))).toBe(
      `Cannot listen on 127.0.0.1:${listener.port}: address already in use`,
    );
    await listener.stop(true);
    expect(await rejection(fetch(url))).not.toBe("");
  });
});
