/** A TCP relay on loopback that passes everything on a little later, and tells which of its connections live: a network between two gateways. */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { type Prng, prng } from "../../src/base/prng.ts";

interface Leg {
  readonly near: Socket;
  readonly far: Socket;
  /** Neither side has begun to end it. */
  live: boolean;
}

export class Relay {
  /** Called for every connection it is asked for. */
  onOpen: () => void = () => {};
  targetPort = 0;
  /** How late a piece may be, at most. */
  delayMs = 0;
  readonly #server: Server;
  readonly #random: Prng;
  readonly #legs = new Set<Leg>();
  #silent = false;

  private constructor(server: Server, random: Prng) {
    this.#server = server;
    this.#random = random;
    server.on("connection", (near) => this.#join(near));
  }

  static async start(seed: number): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return new Relay(server, prng(seed));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("Cannot tell the relay's port");
    return address.port;
  }

  get live(): number {
    return [...this.#legs].filter((leg) => leg.live).length;
  }

  /** Every connection is reset, both sides at once. */
  cut(): void {
    for (const { near, far } of this.#legs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** From now on nothing is passed on, and nobody hears of it: a path that swallows. */
  swallow(): void {
    this.#silent = true;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  #join(near: Socket): void {
    const far = createConnection({ host: "127.0.0.1", port: this.targetPort, allowHalfOpen: true, noDelay: true });
    const leg: Leg = { near, far, live: true };
    this.#legs.add(leg);
    this.onOpen();
    this.#pass(leg, near, far);
    this.#pass(leg, far, near);
  }

  #pass(leg: Leg, from: Socket, to: Socket): void {
    let last = 0;
    const later = (act: () => void): void => {
      if (this.#silent) return;
      last = Math.max(last, performance.now() + this.#random.float() * this.delayMs);
      setTimeout(() => this.#silent || to.destroyed || act(), Math.max(0, last - performance.now()));
    };
    from.on("data", (bytes) => later(() => to.write(bytes)));
    from.on("end", () => {
      leg.live = false;
      later(() => to.end());
    });
    from.on("error", () => later(() => to.resetAndDestroy()));
    from.on("close", () => {
      leg.live = false;
      later(() => to.destroy());
      if (leg.near.destroyed && leg.far.destroyed) this.#legs.delete(leg);
    });
  }
}
