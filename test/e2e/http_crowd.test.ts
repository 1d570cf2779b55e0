/** Strangers that hold connections to HTTP: there are never too many, and who was served goes on. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { denoBerth } from "../support/deno_command.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { ask, metric } from "../support/rest.ts";
import { pause, until } from "../support/until.ts";

setDefaultTimeout(90_000);
afterAll(endEverything);

const MAX = 60;
let port = 0;
/** Established connections whose near end is the gateway. */
async function open(): Promise<number> {
  const near = new RegExp(`^ *\\d+: 0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} \\S+ 01 `);
  return (await Bun.file("/proc/net/tcp").text()).split("\n").filter((line) => near.test(line)).length;
}

/** Connections that say nothing, or begin a request and never end it. */
function strangers(count: number, text: string): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, "127.0.0.1", () => void socket.write(text));
    socket.on("error", () => {});
    return socket;
  });
}

test("strangers that connect and never ask are ended, and a stream and new clients go on", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.http_connections": MAX, "http.heartbeat_ms": 100 } });
  port = Number(new URL(gateway.url).port);
  const stream = await fetch(`${gateway.url}/v1/events`);
  const reader = stream.body!.getReader();
  const kept = connect(port, "127.0.0.1", () => void kept.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const answered = new Promise((resolve) => kept.once("data", resolve));
  await answered;
  let isKept = true;
  kept.on("close", () => isKept = false);
  const all: Socket[] = [];
  for (let round = 0; round < 4; round++) {
    all.push(...strangers(MAX, "GET /v1/devices HTTP/1.1\r\nHost: loc"));
    await pause(300);
    expect((await ask(gateway.url, "/healthz")).status).toBe(200);
  }
  await until("no more than may be", async () => (await open()) <= MAX);
  // Counted by the lot.
  await until("all of them counted", async () => (await metric(gateway.url, "berth_http_crowded_total")) >= 3 * MAX);
  for (let beats = 0; beats < 3; beats++) expect((await reader.read()).done).toBe(false);
  expect(isKept).toBe(true);
  expect((await ask(gateway.url, "/v1/devices")).status).toBe(200);
  for (const socket of [...all, kept]) socket.destroy();
  await reader.cancel();
  expect((await gateway.stop()).code).toBe(0);
});

test("on Deno no more connections are taken than may be, and a stream goes on", async () => {
  const gateway = await Gateway.start({
    command: denoBerth(),
    settings: { workers: 1, "http.http_connections": MAX, "http.heartbeat_ms": 100 },
    environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" },
  });
  port = Number(new URL(gateway.url).port);
  const reader = (await fetch(`${gateway.url}/v1/events`)).body!.getReader();
  const all = strangers(3 * MAX, "GET /v1/devices HTTP/1.1\r\nHost: loc");
  await until("no more than may be", async () => (await open()) <= MAX);
  for (let beats = 0; beats < 3; beats++) expect((await reader.read()).done).toBe(false);
  for (const socket of all) socket.destroy();
  await until("new clients served", () => ask(gateway.url, "/healthz").then(({ status }) => status === 200, () => false));
  await reader.cancel();
  expect((await gateway.stop()).code).toBe(0);
});
