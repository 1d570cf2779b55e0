/** The WebSockets of an http thread, so that its end can end them. What is said over them is the application's. Owned by an http thread. */
import { type Counters, sumOf } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";

export interface OpenSocket {
  /** Says `bye` behind everything else, and closes. */
  end(reason: "shutdown"): void;
  cut(): void;
}

export class Sockets {
  readonly #open = new Set<OpenSocket>();
  readonly #counters: Counters;
  readonly #all: SharedArrayBuffer;
  readonly #gauge = slot("berth_websockets");

  /** `all`: the counters of all threads. */
  constructor(counters: Counters, all: SharedArrayBuffer) {
    this.#counters = counters;
    this.#all = all;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Those of all http threads. */
  get total(): number {
    return sumOf(this.#all, this.#gauge);
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
