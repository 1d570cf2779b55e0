/** A shutdown with consumers of every kind that take nothing: they are cut, in time, and nothing of them keeps a thread. */
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { DeafSocket } from "../support/deaf_socket.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { maskedFrame } from "../support/raw_ws.ts";
import { ask, metrics } from "../support/rest.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const CHANNEL = "app.stopped";
const MESSAGE = "x".repeat(60_000);
/** Messages on their way at a time. */
const BATCH = 16;
/** Of what the gateway may hold for one of them. */
const QUEUED = 512 * 1024;
/** [http] bye_ms: what the last event may take. */
const BYE_MS = 500;
/** [process] shutdown_ms: all of it. */
const WHOLE_MS = 10_000;
const text = (lines: readonly string[]): Uint8Array => new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);

function reader(port: number, path: string): DeafSocket {
  const socket = new DeafSocket(port);
  socket.write(text([`GET ${path} HTTP/1.1`, "Host: localhost", "Accept: text/event-stream"]));
  return socket;
}

function webSocket(port: number): DeafSocket {
  const socket = new DeafSocket(port);
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`;
  socket.write(
    text(["GET /v1/ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key]),
  );
  return socket;
}

test("SIGTERM with stopped event streams, WebSockets and device streams is over in time, and every thread ends by itself", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.threads": 1, "http.bye_ms": BYE_MS, log_level: "info" } });
  const port = Number(new URL(gateway.url).port);
  const pages = [`/v1/events?channel=${CHANNEL}`, `/v1/events?channel=${CHANNEL}&mode=latest`, "/v1/events"];
  const sockets = Array.from({ length: 3 }, () => webSocket(port));
  await until("both sides to speak frames", () => sockets.every((socket) => socket.unread > 0));
  for (const socket of sockets) socket.write(maskedFrame(0x81, JSON.stringify({ type: "subscribe", channel: CHANNEL })));
  const streams = pages.map((path) => reader(port, path));
  const stopped = [...sockets, ...streams];
  const devices = ["pump-1", "pump-2"].map((id) => reader(port, `/v1/devices/${id}/stream?commands=true`));
  const counted = async (name: string): Promise<number> => (await metrics(gateway.url)).get(name) ?? 0;
  await until(
    "all of them",
    async () => await counted("berth_connections") === 2 && await counted('berth_subscribers{transport="sse"}') === 3,
  );
  // Beyond what the kernel takes for them: no bye reaches them.
  const body = JSON.stringify({ channel: CHANNEL, data: MESSAGE });
  await until("all of them to be full", async () => {
    const asked = await Promise.all(Array.from({ length: BATCH }, () => ask(gateway.url, "/v1/publish", { method: "POST", body })));
    expect(asked.filter(({ status }) => status !== 202)).toEqual([]);
    return stopped.every((socket) => socket.windowIsFull) && await counted('berth_subscriber_peak_bytes{thread="0"}') > QUEUED;
  }, 30_000);
  const began = performance.now();
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  const took = performance.now() - began;
  expect(took).toBeGreaterThanOrEqual(BYE_MS);
  expect(took).toBeLessThan(WHOLE_MS);
  expect(gateway.log.filter((line) => /"level":"(?:warn|error|fatal)"/.test(line) && !line.includes("open files"))).toEqual([]);
  for (const socket of [...stopped, ...devices]) socket.close();
}, 60_000);
