/** A gateway that has very much to say, as fast as the network takes it: events of 1 KB, numbered from 1. */
import { createServer, type Server, type Socket } from "node:net";

const PIECE = 50;

export class Flood {
  readonly total: number;
  /** Events given to the system. */
  sent = 0;
  connections = 0;
  /** The network takes nothing more. */
  isStopped = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(total: number) {
    this.total = total;
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        this.#pour(socket);
      });
    });
  }

  static start(total: number): Promise<Flood> {
    const flood = new Flood(total);
    return new Promise((resolve) => flood.#server.listen(0, "127.0.0.1", () => resolve(flood)));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #pour(socket: Socket): void {
    this.isStopped = false;
    while (this.sent < this.total) {
      let text = "";
      for (let i = 0; i < PIECE; i++) text += `id: e.${++this.sent}\nevent: record\ndata: {"a":"${"x".repeat(1000)}"}\n\n`;
      if (socket.write(text)) continue;
      this.isStopped = true;
      socket.once("drain", () => this.#pour(socket));
      return;
    }
  }
}
