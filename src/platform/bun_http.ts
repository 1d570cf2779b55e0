/** An HTTP listener over Bun.serve, WebSockets included. Owned by the thread that opened it. */
import { textsOf } from "../wire/ws_frame.ts";
import { listening } from "./address.ts";
import { checkTls } from "./node_tls.ts";
import { type HttpHandler, type HttpListener, type HttpOptions, MESSAGE_BYTES, type WebSocketEnd, type WebSocketHandler } from "./port.ts";
import { boundedRequest } from "./request_body.ts";

/** A client that sends or takes nothing for this long is closed. Event streams are exempt: they have their own heartbeat. */
const IDLE_SECONDS = 30;
/** Beyond this the runtime drops messages. Who sends stops far earlier. */
const BACKPRESSURE_BYTES = 1 << 30;

type Socket = Bun.ServerWebSocket<WebSocketHandler>;

export function serveBunHttp(
  host: string,
  port: number,
  options: HttpOptions,
  fetch: HttpHandler,
): HttpListener {
  if (options.tls) checkTls(options.tls);
  const server = listening(host, port, () =>
    Bun.serve<WebSocketHandler>({
      hostname: host,
      port,
      reusePort: options.reusePort,
      // The runtime's own refusal has no words.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: IDLE_SECONDS,
      ...(options.tls ? { tls: { ...options.tls } } : {}),
      development: false,
      async fetch(request, self) {
        const peer = self.requestIP(request);
        let upgraded = false;
        const bounded = boundedRequest(addressed(request), options.maxBodyBytes);
        const response = await fetch(
          bounded instanceof Promise ? await bounded : bounded,
          { address: peer?.address ?? "", port: peer?.port ?? 0 },
          () => self.timeout(request, 1),
          (data) => upgraded = self.upgrade(request, { data }),
        );
        if (upgraded) return undefined;
        if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) self.timeout(request, 0);
        return response;
      },
      websocket: webSockets(options.maxMessageBytes ?? MESSAGE_BYTES),
    }));
  return {
    port: server.port ?? port,
    pending: () => server.pendingRequests + server.pendingWebSockets,
    stop: (now) => server.stop(now),
  };
}

/** Without the name of a host, as HTTP 1.0 allows, the runtime gives the path alone, which is no address. */
const addressed = (request: Request): Request =>
  request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;

function webSockets(maxPayloadLength: number): Bun.WebSocketHandler<WebSocketHandler> {
  return {
    maxPayloadLength,
    backpressureLimit: BACKPRESSURE_BYTES,
    // Whether a client is alive is asked by who has the socket.
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open: (socket) => socket.data.opened(new BunWebSocket(socket)),
    message(socket, message) {
      if (typeof message === "string") socket.data.text(message);
      else socket.data.binary();
    },
    pong: (socket) => socket.data.pong(),
    ping: (socket) => socket.data.pinged(),
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.closed(),
  };
}

/** The texts of the frames that were sent last: many sockets are sent the same ones. */
let sentFrames: Uint8Array | null = null;
let sentTexts: readonly string[] = [];

class BunWebSocket implements WebSocketEnd {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get buffered(): number {
    return this.#socket.getBufferedAmount();
  }

  send(frames: Uint8Array): void {
    if (frames !== sentFrames) sentTexts = textsOf(frames);
    sentFrames = frames;
    const [only] = sentTexts;
    if (sentTexts.length === 1) this.#socket.sendText(only!);
    else this.#socket.cork(() => sentTexts.forEach((text) => this.#socket.sendText(text)));
  }

  ping(): void {
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  cut(): void {
    this.#socket.terminate();
  }
}
