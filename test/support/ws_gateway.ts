/** A gateway's WebSocket, played: a journal on channels, and whatever else a test has it say. */
import type { ServerWebSocket } from "bun";

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly channel?: string;
  readonly cursor?: string;
  readonly data?: unknown;
}

type Socket = ServerWebSocket<undefined>;

export class WsGateway {
  /** Every message of every connection. */
  readonly heard: Message[] = [];
  /** Addresses that were asked, with the Upgrade header or without. */
  readonly asked: string[] = [];
  readonly sockets: Socket[] = [];
  /** Instead of a WebSocket. */
  refusal: (() => Response) | null = null;
  /** Said to a subscription right away, after where its cursor is. */
  journal: readonly { readonly channel: string; readonly seq: number }[] = [];
  onMessage: (socket: Socket, message: Message) => void = () => {};
  onOpen: (socket: Socket) => void = () => {};
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const { pathname, search } = new URL(request.url);
        const wants = request.headers.get("upgrade") === "websocket";
        this.asked.push(`${wants ? "upgrade" : "get"} ${pathname}${search}`);
        if (this.refusal !== null) return this.refusal();
        if (wants && server.upgrade(request)) return undefined;
        return new Response("{}", { status: 426 });
      },
      websocket: {
        open: (socket) => (this.sockets.push(socket), this.onOpen(socket)),
        message: (socket, text) => this.#message(socket, JSON.parse(String(text)) as Message),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get newest(): Socket {
    return this.sockets.at(-1)!;
  }

  say(message: object, socket = this.newest): void {
    socket.send(JSON.stringify({ timestamp: "2026-01-01T00:00:00.000Z", ...message }));
  }

  event(channel: string, seq: number, socket = this.newest): void {
    this.say({ type: "event", channel, id: `e.${seq}`, data: { event: "record", data: { seq } } }, socket);
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  #message(socket: Socket, message: Message): void {
    this.heard.push(message);
    if (message.type === "subscribe") {
      const after = Number(message.cursor?.split(".")[1] ?? 0);
      for (const { channel, seq } of this.journal) if (channel === message.channel && seq > after) this.event(channel, seq, socket);
    }
    this.onMessage(socket, message);
  }
}
