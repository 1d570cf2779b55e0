/** A peer made by hand: says any line, and keeps every line it hears. */
import { connect, type Socket } from "node:net";
import { Changes } from "./until.ts";

export class PeerClient {
  readonly lines: Record<string, unknown>[] = [];
  readonly changes = new Changes();
  ended = false;
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    let rest = "";
    this.#socket.on("data", (bytes) => {
      const parts = (rest + bytes.toString()).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts.map((line) => JSON.parse(line) as Record<string, unknown>));
      this.changes.changed();
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.ended = true;
      this.changes.changed();
    });
  }

  say(line: string | object): void {
    this.#socket.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  }

  /** The first line that has this member. */
  heard(member: string): Promise<Record<string, unknown>> {
    return this.changes.until(`a line with ${member} in ${JSON.stringify(this.lines)}`, () => this.lines.find((line) => member in line));
  }

  gone(): Promise<true> {
    return this.changes.until(`the end after ${JSON.stringify(this.lines)}`, () => this.ended || undefined);
  }

  end(): void {
    this.#socket.destroy();
  }
}
