/** A simulated network between two gateways: late, in order per direction, and with faults. Time is the test's. */
import { type Prng, prng } from "../../src/base/prng.ts";
import type { Socket, SocketHandler } from "../../src/platform/port.ts";

type Handler = SocketHandler<unknown>;

/** What is to happen, by time and then by order of asking. */
export class Agenda {
  now = 0;
  readonly random: Prng;
  #items: { readonly at: number; readonly act: () => void }[] = [];

  constructor(seed: number) {
    this.random = prng(seed);
  }

  in(ms: number, act: () => void): void {
    const at = this.now + ms;
    let i = this.#items.length;
    while (i > 0 && this.#items[i - 1]!.at > at) i--;
    this.#items.splice(i, 0, { at, act });
  }

  /** Does the next thing. */
  step(): void {
    const next = this.#items.shift();
    if (next === undefined) throw new Error("Nothing is to happen any more");
    this.now = next.at;
    next.act();
  }
}

/** One gateway's side of a connection. */
export class End implements Socket {
  readonly peer = { address: "127.0.0.1", port: 1 };
  readonly fd = -1;
  state: { readonly id: number } | null = null;
  other!: End;
  /** It has said its last, by FIN or RST. */
  ended = false;
  closed = false;
  #opened = false;
  readonly #net: Net;
  readonly #handler: Handler;
  #last = 0;

  constructor(net: Net, handler: Handler) {
    this.#net = net;
    this.#handler = handler;
  }

  open(): void {
    this.#opened = true;
    this.state = this.#handler.open(this) as { id: number } | null;
  }
  write(bytes: Uint8Array): number {
    if (this.closed || this.ended) return -1;
    const copy = bytes.slice();
    this.#send(() => this.other.#hear(copy));
    return bytes.length;
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    if (this.ended || this.closed) return;
    this.ended = true;
    this.#send(() => this.other.#fin());
  }
  reset(): void {
    if (this.closed) return;
    this.ended = true;
    this.#send(() => this.other.fall("reset"));
    this.#net.agenda.in(0, () => this.fall("reset"));
  }
  /** The connection is no more, for this side. */
  fall(how: "closed" | "reset"): void {
    if (this.closed) return;
    this.closed = this.ended = true;
    if (this.#opened) this.#handler.close(this.state, how);
  }

  #hear(bytes: Uint8Array): void {
    if (!this.closed) this.#handler.data(this.state, bytes);
  }
  /** Runtimes answer a FIN with their own, and the socket is closed. */
  #fin(): void {
    this.end();
    this.fall("closed");
  }
  #send(act: () => void): void {
    const { agenda, lateMs } = this.#net;
    this.#last = Math.max(this.#last, agenda.now + agenda.random.float() * lateMs);
    agenda.in(this.#last - agenda.now, () => this.#net.swallowed.has(this) || this.#net.swallowed.has(this.other) || act());
  }
}

export class Net {
  readonly agenda: Agenda;
  /** How late anything may be, at most. */
  lateMs = 5;
  /** Share of dials that are refused, and that nobody ever answers. */
  refuse = 0;
  ignore = 0;
  /** Ends that hear nothing and are not heard. */
  readonly swallowed = new Set<End>();
  readonly ends = new Set<End>();

  constructor(agenda: Agenda) {
    this.agenda = agenda;
  }

  connect(from: Handler, to: Handler): Promise<Socket> {
    const { agenda } = this;
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const late = (): number => agenda.random.float() * this.lateMs;
    const fate = agenda.random.float();
    if (fate < this.refuse) agenda.in(late(), () => reject(new Error("refused")));
    else if (fate >= this.refuse + this.ignore) {
      const [near, far] = [new End(this, from), new End(this, to)];
      near.other = far;
      far.other = near;
      agenda.in(late(), () => {
        this.ends.add(near).add(far);
        far.open();
        agenda.in(late(), () => {
          if (near.closed) return reject(new Error("reset"));
          near.open();
          resolve(near);
        });
      });
    }
    return promise;
  }

  /** Connections that neither side has begun to end, each once. */
  live(): End[] {
    for (const end of this.ends) if (end.closed && end.other.closed) this.ends.delete(end);
    return [...this.ends].filter((end) => !end.ended && !end.other.ended && !this.swallowed.has(end) && !this.swallowed.has(end.other))
      .filter((end, _i, all) => all.indexOf(end.other) > all.indexOf(end));
  }

  resetAll(): void {
    for (const end of this.ends) end.fall("reset");
  }
}
