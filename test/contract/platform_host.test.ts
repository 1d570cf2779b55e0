/** Requests as they are written, byte by byte, on each HTTP listener: those that name no host, and bodies that are too long. */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { serveDenoHttp } from "../../src/platform/deno_http.ts";
import type { HttpListener, Platform } from "../../src/platform/port.ts";
import { here } from "../support/here.ts";

type Http = Pick<Platform, "serveHttp">;
const servers: [string, Http][] = here.name === "bun" ? [["bun", here], ["deno", { serveHttp: serveDenoHttp }]] : [[here.name, here]];

const chunks = (...lengths: readonly number[]): string =>
  lengths.map((length) => `${length.toString(16)}\r\n${"x".repeat(length)}\r\n`).join("");

/** What stands behind the headers of the answer; the connection has ended. */
const answerTo = ({ port }: HttpListener, request: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(request));
    socket.on("data", (bytes: Uint8Array) => answer += new TextDecoder().decode(bytes));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer.split("\r\n\r\n").slice(1).join("")));
  });

describe.each(servers)("HTTP on %s", (_name, { serveHttp }) => {
  const bounds = { maxBodyBytes: 1000, reusePort: false };

  test("answers a request that names no host, as a balancer's health check", async () => {
    const listener = await serveHttp("127.0.0.1", 0, bounds, async (request) => {
      const { pathname, search, host } = new URL(request.url);
      return new Response(`${request.method} ${pathname}${search} ${host !== ""} ${request.headers.get("x")} ${await request.text()}`);
    });
    expect(await answerTo(listener, "GET /healthz?a=1 HTTP/1.0\r\nX: y\r\n\r\n")).toBe("GET /healthz?a=1 true y ");
    expect(await answerTo(listener, "POST / HTTP/1.0\r\nX: y\r\nContent-Length: 2\r\n\r\nhi")).toBe("POST / true y hi");
    expect(await answerTo(listener, "GET /b HTTP/1.0\r\nHost:\r\nX: y\r\n\r\n")).toBe("GET /b true y ");
    await listener.stop(true);
  });

  test("leaves the answer to a body that is too long to the handler, without the body, whether its length was said before or not", async () => {
    const lengths: [number, number][] = [];
    const listener = await serveHttp("127.0.0.1", 0, bounds, async (request) => {
      const said = Number(request.headers.get("content-length") ?? -1);
      lengths.push([said, (await request.arrayBuffer()).byteLength]);
      return new Response(said > 1000 ? "too long" : "taken", { headers: { connection: "close" } });
    });
    const post = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    expect(await answerTo(listener, `${post}Content-Length: 1000\r\n\r\n${"x".repeat(1000)}`)).toContain("taken");
    expect(await answerTo(listener, `${post}Content-Length: 1001\r\n\r\n${"x".repeat(1001)}`)).toContain("too long");
    // More than is sent: nobody waits for the rest.
    expect(await answerTo(listener, `${post}Content-Length: 1000000000\r\n\r\nx`)).toContain("too long");
    expect(await answerTo(listener, `${post}Transfer-Encoding: chunked\r\n\r\n${chunks(600, 400)}0\r\n\r\n`)).toContain("taken");
    expect(await answerTo(listener, `${post}Transfer-Encoding: chunked\r\n\r\n${chunks(600, 401)}`)).toContain("too long");
    expect(lengths.slice(0, 3)).toEqual([[1000, 1000], [1001, 0], [1_000_000_000, 0]]);
    expect(lengths[3]![1]).toBe(1000);
    expect(lengths[4]![0]).toBeGreaterThan(1000);
    expect(lengths[4]![1]).toBe(0);
    await listener.stop(true);
  });
});
