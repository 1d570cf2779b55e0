/** The WebSockets of an http thread, so that its end can end them. What is said over them is the application's. Owned by an http thread. */
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";

export interface OpenSocket {
  /** Says `bye` behind everything else, and closes. */
  end(reason: "shutdown"): void;
  cut(): void;
}

export class Sockets {
  readonly #open = new Set<OpenSocket>();
  readonly #counters: Counters;
  readonly #gauge = slot("berth_websockets");

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get count(): number {
    return this.#open.size;
  }

  add(socket: OpenSocket): void {
    this.#open.add(socket);
    this.#counters.set(this.#gauge, this.#open.size);
  }

  remove(socket: OpenSocket): void {
    this.#open.delete(socket);
    this.#counters.set(this.#gauge, this.#open.size);
  }

  endAll(): void {
    for (const socket of this.#open) socket.end("shutdown");
  }

  cutAll(): void {
    for (const socket of this.#open) socket.cut();
  }
}
