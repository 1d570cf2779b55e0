/** A client that opens an event stream and takes nothing until told to: what a slow consumer looks like to a gateway. */
import { connect, type Socket } from "node:net";

export class StalledClient {
  closed = false;
  /** The body as far as it was taken, without the chunk sizes of the transfer encoding. */
  text = "";
  readonly #socket: Socket;

  constructor(url: string, path: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.pause();
    this.#socket.on("data", (piece: Buffer) => this.text += piece.toString("latin1"));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.closed = true);
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n\r\n`);
  }

  /** Chunk borders may split a line: they are taken out. */
  get #body(): string {
    return this.text.slice(this.text.indexOf("\r\n\r\n") + 4).replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
  }

  /** Seqs of the ids of its events, in order of arrival. */
  get seqs(): number[] {
    return [...this.#body.matchAll(/^id: \w+\.(\d+)\nevent: (?!resync|gap)/gm)].map((match) => Number(match[1]));
  }

  /** Its events in order, each with the seqs it stands for: its own, or those of a gap. Retry, resync and heartbeats are left out. */
  get story(): { event: string; from: number; to: number; data: Record<string, unknown> }[] {
    return [...this.#body.matchAll(/^id: \w+\.(\d+)\nevent: (?!resync)(\w+)\ndata: (.*)\n\n/gm)].map(([, id, event, text]) => {
      const data = JSON.parse(text!) as Record<string, unknown>;
      return { event: event!, from: event === "gap" ? Number(data["from"]) : Number(id), to: Number(id), data };
    });
  }

  /** The gateway ended the stream: its last chunk came, or the connection went. */
  get ended(): boolean {
    return this.closed || this.text.endsWith("\r\n0\r\n\r\n");
  }

  take(): void {
    this.#socket.resume();
  }
  close(): void {
    this.#socket.destroy();
  }
}
