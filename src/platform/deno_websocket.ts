/**
 * WebSockets of a node:http server, for Deno: node:http hands over the connection of a request that asks for another protocol, and
 * everything else is ours. Owned by the thread that listens.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { acceptOf } from "../wire/peer_websocket.ts";
import { closeFrame, frame, Opcode } from "../wire/ws_frame.ts";
import { WsReader } from "../wire/ws_reader.ts";
import { plainAddress } from "./address.ts";
import { type HttpHandler, MESSAGE_BYTES, type WebSocketEnd, type WebSocketHandler } from "./port.ts";

/** What `cut` leaves a connection, to take what was written last. */
const CUT_MS = 1000;
/** Of answers to pings that wait for who does not read them: more are left out. */
const PONG_BYTES = 64 * 1024;
/** How long the other side of a close has to say that it is one. */
const CLOSE_MS = 2000;
const NO_CODE = 1005;
const NORMAL = 1000;
const encoder = new TextEncoder();

export class DenoWebSockets {
  readonly #maxBytes: number;
  readonly #fetch: HttpHandler;
  readonly #sockets = new Set<Socket>();

  constructor(maxBytes: number = MESSAGE_BYTES, fetch: HttpHandler) {
    this.#maxBytes = maxBytes;
    this.#fetch = fetch;
  }

  get count(): number {
    return this.#sockets.size;
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Answers a request that asks for another protocol. What is no WebSocket is answered as any request, and is the last one. */
  async answer(request: Request, socket: Socket, head: Uint8Array): Promise<void> {
    this.#sockets.add(socket);
    socket.setTimeout(0);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    const peer = { address: plainAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
    let handler: WebSocketHandler | null = null;
    const upgrade = (wanted: WebSocketHandler): boolean => {
      if (keyOf(request) !== null) handler = wanted;
      return handler !== null;
    };
    const response = await this.#fetch(request, peer, () => void setTimeout(() => socket.destroy(), CUT_MS), upgrade);
    if (handler === null) await writeAnswer(response, socket);
    else if (socket.destroyed) (handler as WebSocketHandler).closed();
    else this.#open(handler, request, socket, head);
  }

  #open(handler: WebSocketHandler, request: Request, socket: Socket, head: Uint8Array): void {
    const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write(`${[...lines, `Sec-WebSocket-Accept: ${acceptOf(keyOf(request)!)}`].join("\r\n")}\r\n\r\n`);
    socket.setNoDelay(true);
    const end = new DenoWebSocket(socket, () => handler.drained());
    const reader = new WsReader(this.#maxBytes);
    const sink = {
      text: handler.text.bind(handler),
      binary: handler.binary.bind(handler),
      pong: handler.pong.bind(handler),
      ping(payload: Uint8Array): void {
        end.answerPing(payload);
        handler.pinged();
      },
      close: (code: number) => end.answerClose(code === NO_CODE ? NORMAL : code),
    };
    const read = (bytes: Uint8Array): void => {
      const fault = reader.push(bytes, sink);
      if (fault === null) return;
      end.close(fault, "");
      socket.end();
    };
    socket.on("data", read);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => handler.closed());
    handler.opened(end);
    if (head.length > 0) read(head);
  }
}

/** Null: no opening of a WebSocket. */
function keyOf({ method, headers }: Request): string | null {
  const asks = method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket" && headers.get("sec-websocket-version") === "13";
  return asks ? headers.get("sec-websocket-key") : null;
}

async function writeAnswer(response: Response, socket: Socket): Promise<void> {
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`, "connection: close"];
  for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
  socket.write(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
  const reader = response.body?.getReader();
  socket.on("close", () => void reader?.cancel().catch(() => undefined));
  for (let part = await reader?.read(); part?.value !== undefined && !socket.destroyed; part = await reader?.read()) {
    if (!socket.write(part.value)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
  }
  socket.end();
}

class DenoWebSocket implements WebSocketEnd {
  readonly #socket: Socket;
  /** What was written has left the process. The socket's own `drain` comes only when much was waiting. */
  readonly #passed: () => void;
  /** Of the newest ping that was not answered, as too much was waiting. */
  #owed: Uint8Array | null = null;
  #closing = false;

  constructor(socket: Socket, passed: () => void) {
    this.#socket = socket;
    this.#passed = () => {
      const owed = this.#owed;
      this.#owed = null;
      if (owed !== null) this.answerPing(owed);
      passed();
    };
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  send(frames: Uint8Array): void {
    if (!this.#closing) this.#socket.write(frames, this.#passed);
  }

  ping(): void {
    this.send(frame(Opcode.ping, new Uint8Array(0)));
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.send(closeFrame(code, reason));
    this.#closing = true;
    setTimeout(() => this.#socket.destroy(), CLOSE_MS);
  }

  answerPing(payload: Uint8Array): void {
    if (this.buffered < PONG_BYTES) this.send(frame(Opcode.pong, payload));
    else this.#owed = payload;
  }

  /** The other side has closed, or has answered our close. */
  answerClose(code: number): void {
    if (!this.#closing) this.send(closeFrame(code, ""));
    this.#closing = true;
    this.#socket.end();
  }

  cut(): void {
    this.#closing = true;
    this.#socket.destroy();
  }
}
