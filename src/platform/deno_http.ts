/**
 * An HTTP listener over node:http, for Deno. Owned by the thread that opened it. Deno.serve has no hold on one connection:
 * it cannot cut a client that takes nothing, nor end what is left once it has begun to close.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import { listenError, plainAddress } from "./address.ts";
import { DenoWebSockets } from "./deno_websocket.ts";
import { checkTls } from "./node_tls.ts";
import type { HttpHandler, HttpListener, HttpOptions } from "./port.ts";
import { readPieces } from "./request_body.ts";

/** A client that sends or takes nothing for this long is closed. Event streams are exempt: they have their own heartbeat. */
const IDLE_MS = 30_000;
/** What `cut` leaves a connection, to take what was written last. */
const CUT_MS = 1000;

export async function serveDenoHttp(host: string, port: number, options: HttpOptions, fetch: HttpHandler): Promise<HttpListener> {
  const { tls } = options;
  let requests = 0;
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    requests++;
    // A connection that broke on the way: nobody is there to be told.
    answer(incoming, outgoing, options.maxBodyBytes, fetch).catch(() => incoming.socket.destroy()).finally(() => requests--);
  };
  if (tls) checkTls(tls);
  const server = tls ? createSecureServer({ ...tls }, listener) : createServer(listener);
  const webSockets = new DenoWebSockets(options.maxMessageBytes, fetch);
  server.on("upgrade", (incoming, socket, head) => {
    const request = requestOf(incoming, new Uint8Array(0));
    if (request === null) socket.destroy();
    else webSockets.answer(request, socket as Socket, head).catch(() => socket.destroy());
  });
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let stopping = false;
  return await new Promise((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => reject(listenError(host, port, error.code ?? "", error.message)));
    server.listen({ host: host.replace(/^\[(.*)\]$/, "$1"), port, exclusive: true, reusePort: options.reusePort }, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        pending: () => requests + webSockets.count,
        stop(now) {
          if (!stopping) server.close(() => close());
          stopping = true;
          if (now) {
            server.closeAllConnections();
            webSockets.cutAll();
          } else server.closeIdleConnections();
          return closed;
        },
      });
    });
  });
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, maxBodyBytes: number, fetch: HttpHandler): Promise<void> {
  const { socket } = incoming;
  // One listener a connection, not one a request.
  if (socket.listenerCount("timeout", endIdle) === 0) socket.on("timeout", endIdle);
  socket.setTimeout(IDLE_MS);
  const body = await readBody(incoming, maxBodyBytes);
  if (typeof body === "number") {
    // The application refuses it, by its length; nobody reads the rest.
    incoming.headers["content-length"] = String(body);
    outgoing.setHeader("connection", "close");
  }
  const request = requestOf(incoming, typeof body === "number" ? new Uint8Array(0) : body);
  if (request === null) return refuse(outgoing, 400, "Cannot read the request's address");
  const peer = { address: plainAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
  const response = await fetch(request, peer, () => void setTimeout(() => socket.destroy(), CUT_MS));
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) socket.setTimeout(0);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await writeBody(response.body, outgoing);
}

function endIdle(this: Socket): void {
  this.destroy();
}

/** Says no and closes: what the client still sends is not read. */
function refuse(outgoing: ServerResponse, status: number, text: string): void {
  outgoing.writeHead(status, { "content-type": "text/plain", connection: "close" });
  outgoing.end(text);
}

/** The whole body, or how long it is, as far as that is known, when it is too large. */
async function readBody(incoming: IncomingMessage, most: number): Promise<Uint8Array<ArrayBuffer> | number> {
  const declared = Number(incoming.headers["content-length"] ?? 0);
  return declared > most ? declared : await readPieces(incoming as AsyncIterable<Uint8Array>, most);
}

function requestOf(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>): Request | null {
  const { method = "GET", url = "/", headers } = incoming;
  const address = url.startsWith("/") ? `http://${headers.host || "localhost"}${url}` : url;
  if (!URL.canParse(address)) return null;
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) for (const each of [value ?? []].flat()) given.append(name, each);
  return new Request(address, { method, headers: given, ...(body.length > 0 && method !== "GET" && method !== "HEAD" ? { body } : {}) });
}

/** As fast as the client takes it; a client that goes away cancels the stream. */
async function writeBody(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  let goOn = (): void => {};
  outgoing.on("drain", () => goOn());
  outgoing.on("close", () => {
    goOn();
    reader.cancel().catch(() => undefined);
  });
  outgoing.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || outgoing.destroyed) break;
    if (!outgoing.write(value)) await new Promise<void>((resolve) => goOn = resolve);
  }
  outgoing.end();
}
