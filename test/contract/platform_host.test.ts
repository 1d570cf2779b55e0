/** Requests that do not name the host they are for, on each HTTP listener. */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { serveDenoHttp } from "../../src/platform/deno_http.ts";
import type { Platform } from "../../src/platform/port.ts";
import { here } from "../support/here.ts";

type Http = Pick<Platform, "serveHttp">;
const servers: [string, Http][] = here.name === "bun" ? [["bun", here], ["deno", { serveHttp: serveDenoHttp }]] : [[here.name, here]];

describe.each(servers)("HTTP on %s", (_name, { serveHttp }) => {
  const bounds = { maxBodyBytes: 1000, reusePort: false };

  test("answers a request that names no host, as a balancer's health check", async () => {
    const listener = await serveHttp("127.0.0.1", 0, bounds, async (request) => {
      const { pathname, search, host } = new URL(request.url);
      return new Response(`${request.method} ${pathname}${search} ${host !== ""} ${request.headers.get("x")} ${await request.text()}`);
    });
    const answerTo = (request: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = "";
        const socket = connect({ port: listener.port, host: "127.0.0.1" }, () => socket.write(request));
        socket.on("data", (bytes: Uint8Array) => answer += new TextDecoder().decode(bytes));
        socket.on("error", reject);
        socket.on("close", () => resolve(answer.split("\r\n\r\n")[1] ?? ""));
      });
    expect(await answerTo("GET /healthz?a=1 HTTP/1.0\r\nX: y\r\n\r\n")).toBe("GET /healthz?a=1 true y ");
    expect(await answerTo("POST / HTTP/1.0\r\nX: y\r\nContent-Length: 2\r\n\r\nhi")).toBe("POST / true y hi");
    expect(await answerTo("GET /b HTTP/1.0\r\nHost:\r\nX: y\r\n\r\n")).toBe("GET /b true y ");
    await listener.stop(true);
  });
});
