/** An answer that lasts, on this runtime: written as its client takes it, ended by either side. */
import { afterEach, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import type { BodySink, BodySource } from "../../src/platform/body.ts";
import type { HttpListener } from "../../src/platform/port.ts";
import { here } from "../support/here.ts";
import { until } from "../support/until.ts";

const CHUNK = 64 * 1024;
/** More than the kernel keeps for a connection. */
const CHUNKS = 512;

const listeners: HttpListener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listener of listeners.splice(0)) await listener.stop(true);
});

/** Writes chunks that begin with their number, as long as the sink takes them. */
class Source implements BodySource {
  sent = 0;
  isReady = false;
  isGone = false;
  #sink: BodySink | null = null;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  ready(sink: BodySink): void {
    this.#sink = sink;
    this.isReady = true;
    this.go();
  }
  gone(): void {
    this.isGone = true;
  }
  go(): void {
    while (this.isReady && this.sent < this.#limit) {
      this.isReady = this.#sink!.write(new Uint8Array(CHUNK).fill(this.sent++ % 251));
    }
  }
  end(): void {
    this.#sink!.end();
  }
}

async function open(source: Source): Promise<{ socket: Socket; got: () => number; text: () => string }> {
  const headers = { "content-type": "text/event-stream" };
  const listener = await here.serveHttp(
    "127.0.0.1",
    0,
    { maxBodyBytes: 1000, reusePort: false },
    () => new Response(here.streamBody(source), { headers }),
  );
  listeners.push(listener);
  const socket = connect(listener.port, "127.0.0.1");
  sockets.push(socket);
  socket.pause();
  let bytes = 0;
  let tail = "";
  socket.on("data", (piece: Buffer) => {
    bytes += piece.length;
    tail = (tail + piece.toString("latin1")).slice(-16);
  });
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return { socket, got: () => bytes, text: () => tail };
}

test("a body that lasts waits for a client that takes nothing, and gives it all when it does", async () => {
  const source = new Source(CHUNKS);
  const { socket, got, text } = await open(source);
  let seen = -1;
  let looks = 0;
  await until("a full connection", () => {
    looks = source.sent > 0 && source.sent === seen && !source.isReady ? looks + 1 : 0;
    seen = source.sent;
    return looks >= 10;
  });
  expect(source.sent).toBeLessThan(CHUNKS);
  socket.resume();
  await until("all of it", () => got() > CHUNKS * CHUNK && source.isReady);
  expect(source.sent).toBe(CHUNKS);
  source.end();
  await until("its end", () => text().endsWith("\r\n0\r\n\r\n"));
  expect(source.isGone).toBe(false);
}, 60_000);

test("a body that lasts goes out piece by piece as it is written", async () => {
  const source = new Source(1);
  const { socket, got } = await open(source);
  socket.resume();
  await until("the first", () => got() > CHUNK && source.isReady);
  const before = got();
  source.sent = 0;
  source.go();
  await until("another", () => got() >= before + CHUNK);
});

test("a body that lasts hears of a client that goes away", async () => {
  const source = new Source(1);
  const { socket, got } = await open(source);
  socket.resume();
  await until("the first", () => got() > CHUNK);
  socket.destroy();
  await until("it has gone", () => source.isGone);
});
