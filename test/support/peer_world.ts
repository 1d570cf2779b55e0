/** A peer thread's worker under test: the test is the network, the name service, the clock and the registry. */
import { asMonoMs, asWallMs } from "../../src/base/brand.ts";
import type { Limits } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import type { Boot } from "../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { peerContext } from "../../src/engine/peer/context.ts";
import { PeerWorker } from "../../src/engine/peer/worker.ts";
import type { Platform, Socket, SocketHandler } from "../../src/platform/port.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { Board, Gate } from "../../src/wire/board.ts";
import { DECISIONS, END_REASONS, type EndReason, type Message, receive, type Refusal, REFUSALS, send } from "../../src/wire/control.ts";
import { settingsWith } from "./out_world.ts";

type Handler = SocketHandler<unknown>;

/** One side of a connection: what the worker wrote, and whether it has ended it. */
export class FakeSocket implements Socket {
  readonly peer = { address: "127.0.0.1", port: 4321 };
  readonly fd = -1;
  readonly lines: Record<string, unknown>[] = [];
  end_ = false;
  wasReset = false;
  /** It takes nothing. */
  stuck = false;
  readonly #handler: Handler;
  #state: unknown = null;

  constructor(handler: Handler) {
    this.#handler = handler;
  }
  open(): this {
    this.#state = this.#handler.open(this);
    return this;
  }
  write(bytes: Uint8Array): number {
    if (this.stuck) return 0;
    const text = new TextDecoder().decode(bytes);
    this.lines.push(...text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>));
    return bytes.length;
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.end_ = true;
  }
  reset(): void {
    this.wasReset = true;
  }
  says(line: object): void {
    this.#handler.data(this.#state, new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  }
  closes(how: "closed" | "reset" | "lost" = "closed"): void {
    this.#handler.close(this.#state, how);
  }
}

/** A promise of the platform that the test keeps or breaks. */
export interface Asked<T> {
  readonly what: string;
  keep(value: T): Promise<void>;
  break(): Promise<void>;
}

export class PeerWorld {
  readonly boot: Boot;
  readonly board: Board;
  readonly worker: PeerWorker;
  readonly warnings: object[] = [];
  readonly lookups: Asked<string>[] = [];
  readonly connects: (Asked<Socket> & { readonly handler: Handler })[] = [];
  now = 1000;
  readonly #claims: RingConsumer;
  readonly #decisions: RingProducer;

  /** Our identity is "m"; the peers are "a" and "z", both with an address. */
  constructor(policy: "initiator" | "recent" = "initiator", limits: Partial<Limits> = {}) {
    const dial = (host: string) => ({ kind: "tcp", host, port: 1 }) as const;
    const settings: Settings = {
      ...settingsWith({ dialPercent: 1, ...limits }),
      instance: "m",
      peer: { listen: null, policy },
      peers: [{ identity: "A", dial: dial("a.test") }, { identity: "z", dial: dial("z.test") }],
    };
    const roster = makeRoster(1, 1);
    const memory = makeMemory(settings, roster);
    const thread = roster.peer[0]!;
    this.boot = { role: "peer", thread, index: 0, instance: "m", settings, faults: "", ...memory, roster, recovered: null };
    this.board = new Board(memory.board);
    this.board.setGate(Gate.open);
    this.#claims = new RingConsumer(memory.rings.claims[1]!);
    this.#decisions = new RingProducer(memory.rings.decisions[1]!, new Bell(memory.bells, thread));
    const platform = {
      clock: { wall: () => asWallMs(this.now), mono: () => asMonoMs(this.now) },
      randomBytes: (count: number) => new Uint8Array(count).fill(7),
      lookup: (host: string) => this.#asked(this.lookups, host, {}),
      connectTcp: (host: string, port: number, handler: Handler) => this.#asked(this.connects, `${host}:${port}`, { handler }),
    } as unknown as Platform;
    this.worker = new PeerWorker(peerContext(this.boot, platform, { warn: (fields: object) => void this.warnings.push(fields) }), platform);
  }

  /** An incoming connection. */
  accept(): FakeSocket {
    return new FakeSocket(this.worker.handler as Handler).open();
  }

  /** Lets time pass and the deadlines be looked at. */
  pass(ms: number): void {
    this.now += ms;
    this.worker.tick();
  }

  /** Both delays are over: both peers are being looked up. */
  startDials(): void {
    this.worker.start();
    this.pass(30);
  }

  /** The socket of a dial opens. */
  async opens(dial: (typeof this.connects)[number]): Promise<FakeSocket> {
    const socket = new FakeSocket(dial.handler).open();
    await dial.keep(socket);
    return socket;
  }

  /** What the registry has been told since the last look. */
  told(): Message[] {
    const messages: Message[] = [];
    while (this.#claims.next()) messages.push(receive(this.#claims));
    this.#claims.release();
    return messages;
  }

  decide(conn: number, refusal: Refusal, fence = 1024): void {
    const decision = DECISIONS.indexOf(refusal === "none" ? "admit" : "refuse");
    this.say({ type: "decided", conn, decision, refusal: REFUSALS.indexOf(refusal), fence, retryAfterMs: 0 });
  }
  evict(conn: number, reason: EndReason): void {
    this.say({ type: "evict", conn, reason: END_REASONS.indexOf(reason) });
  }
  say(message: Message): void {
    if (!send(this.#decisions, message)) throw new Error("Cannot say it: the decisions ring is full");
    this.#decisions.publish();
    this.worker.turn();
  }

  #asked<T, More>(list: (Asked<T> & More)[], what: string, more: More): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settled = (): Promise<void> => new Promise((done) => setImmediate(done));
    list.push({
      what,
      keep: (value) => (resolve(value), settled()),
      break: () => (reject(new Error("Cannot reach it")), settled()),
      ...more,
    });
    return promise;
  }
}

export const greetingOf = (identity: string, policy = "initiator"): object => ({ identity, policy, version: 1 });
