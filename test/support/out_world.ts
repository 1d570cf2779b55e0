/**
 * The out side of a gateway in one thread: a real http loop on a free port, a reader's desk over a memory store, a
 * registry that answers from a map, and a journal whose commits are the test's calls.
 */
import { asSeq } from "../../src/base/brand.ts";
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import type { Boot, Report } from "../../src/engine/boot.ts";
import { runHttp } from "../../src/engine/http.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { ReaderDesk } from "../../src/engine/reader/desk.ts";
import { createApp } from "../../src/http/app.ts";
import { here } from "./here.ts";
import type { HttpListener } from "../../src/platform/port.ts";
import { BroadcastProducer } from "../../src/ring/broadcast.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { type MetricName, slot } from "../../src/telemetry/slots.ts";
import { Board, DrainPhase, Gate } from "../../src/wire/board.ts";
import { type MessageOf, ORDERS, type OrderVerb, type Outcome, OUTCOMES, receive, send } from "../../src/wire/control.ts";
import { type Entry, MemoryStore } from "./memory_store.ts";
import { until } from "./until.ts";

export const settingsWith = (limits: Partial<Limits> = {}): Settings => ({
  data: "",
  workers: 1,
  policy: "takeover",
  policies: { classes: [], devices: [] },
  unknownDevices: "accept",
  logLevel: "silent",
  instance: "test",
  tcp: { host: "127.0.0.1", port: 0, accept: "auto", proxy: null, tls: null },
  http: { host: "127.0.0.1", port: 0 },
  peer: { listen: null, policy: "initiator" },
  udp: null,
  peers: [],
  conflict: { action: "observe" },
  configSchema: "",
  tls: null,
  access: { health: "open", metrics: "token", origins: [], allowFile: "" },
  limits: limitsWith(limits),
});

type Standing = Partial<MessageOf<"answer">>;

export class OutWorld {
  readonly boot: Boot;
  readonly board: Board;
  readonly store: MemoryStore;
  /** What the registry says of a device; of others: not known, not connected. */
  readonly standing = new Map<string, Standing>();
  /** A registry or a reader that is false answers nothing. */
  registryAnswers = true;
  readerAnswers = true;
  url = "";
  failure: unknown = null;
  /** What the http loop is given for the listener that was opened. */
  onListener = (listener: HttpListener): HttpListener => listener;
  readonly #broadcast: BroadcastProducer;
  readonly #desk: ReaderDesk;
  readonly #asks: RingConsumer;
  readonly #answers: RingProducer;
  readonly #pump: ReturnType<typeof setInterval>;
  readonly #reports: Report[] = [];
  #done: Promise<void> = Promise.resolve();

  private constructor(limits: Partial<Limits>, faults: string) {
    const settings = settingsWith(limits);
    const roster = makeRoster(1);
    const memory = makeMemory(settings, roster);
    const recovered = { epoch: "e1", fenceBase: 1, devices: [], commands: [], configs: [] };
    this.boot = { role: "http", thread: roster.http[0]!, index: 0, instance: "test", settings, faults, roster, recovered, ...memory };
    this.board = new Board(memory.board);
    this.board.setGate(Gate.open);
    this.board.setOldest(asSeq(1));
    this.store = new MemoryStore(settings.limits.pageBytes);
    const bell = new Bell(memory.bells, roster.http[0]!);
    this.#broadcast = new BroadcastProducer(memory.rings.broadcast, [bell]);
    this.#asks = new RingConsumer(memory.rings.asks[0]!);
    this.#answers = new RingProducer(memory.rings.answers[0]!, bell);
    const line = { queries: memory.rings.queries[0]![0]!, results: memory.rings.results[0]![0]!, bell };
    const patience = { monoMs: () => performance.now(), rest: () => {} };
    this.#desk = new ReaderDesk([line], this.store, this.board, settings.limits, patience);
    // The other threads take their turns here.
    this.#pump = setInterval(() => {
      if (this.readerAnswers) { while (this.#desk.round()); }
      if (this.registryAnswers) this.#answerAsks();
    }, 1);
  }

  /** Starts the http loop and waits until it is ready. */
  static async start(limits: Partial<Limits> = {}, before: (world: OutWorld) => void = () => {}, faults = ""): Promise<OutWorld> {
    const world = await OutWorld.startUnready(limits, before, faults);
    await world.ready();
    return world;
  }

  /** The same, waiting only until it listens. */
  static async startUnready(limits: Partial<Limits> = {}, before: (world: OutWorld) => void = () => {}, faults = ""): Promise<OutWorld> {
    const world = new OutWorld({ heartbeatMs: 1000, ...limits }, faults);
    before(world);
    const platform = here;
    const listening = async (...args: Parameters<typeof platform.serveHttp>): Promise<HttpListener> => {
      const listener = await platform.serveHttp(...args);
      world.url = `http://127.0.0.1:${listener.port}`;
      return world.onListener(listener);
    };
    const report = (message: Report): void => void world.#reports.push(message);
    world.#done = runHttp(world.boot, { ...platform, serveHttp: listening }, report, createApp).catch((error: unknown) => {
      world.failure = error;
    });
    await until("the listener", () => world.url !== "");
    return world;
  }

  async ready(): Promise<void> {
    await until("the http thread ready", () => this.#reports.some((report) => report.type === "ready"));
  }

  get warnings(): string[] {
    return this.#reports.flatMap((report) => report.type === "warning" ? [report.text] : []);
  }

  async failed(): Promise<void> {
    await until("the http loop to fail", () => this.failure !== null);
    clearInterval(this.#pump);
  }

  /** Commits one row as the journal does: store, committed word, broadcast. */
  commit(entries: readonly Entry[], broadcast = true): void {
    const row = this.store.append(entries);
    this.board.setCommitted(asSeq(this.store.nextSeq - 1));
    if (broadcast) this.#broadcast.append(row.seq, row.body);
    this.#broadcast.publish();
  }

  forget(seq: number): void {
    this.store.forget(seq);
    this.board.setOldest(asSeq(seq));
  }

  metric(name: MetricName, label = ""): number {
    return sumOf(this.boot.counters, slot(name, label));
  }

  /** The end of the ordered shutdown, from `bye` on. */
  async stop(): Promise<void> {
    const { thread } = this.boot;
    for (const phase of [DrainPhase.sayBye, DrainPhase.end]) {
      this.board.setPhase(phase);
      new Bell(this.boot.bells, thread).ring();
      await until(`phase ${phase} done`, () => this.board.phaseDone(thread) >= phase || this.failure !== null);
    }
    await this.#done;
    clearInterval(this.#pump);
  }

  /** The registry's part in orders. */
  onOrder = (_verb: OrderVerb, _device: string, _text: string): { outcome: Outcome; text: string } => ({ outcome: "done", text: "" });

  #answerAsks(): void {
    while (this.#asks.next()) {
      const ask = receive(this.#asks);
      if (ask.type === "order") {
        const { verb, device, text, request } = ask;
        const { outcome, text: told } = this.onOrder(ORDERS[verb]!, device, text);
        send(this.#answers, { type: "done", request, outcome: OUTCOMES.indexOf(outcome), text: told });
      }
      if (ask.type !== "ask") continue;
      const standing = this.standing.get(ask.device);
      const none = {
        told: this.board.commandsKept(),
        known: false,
        connected: false,
        fence: 0,
        transport: 0,
        address: "",
        port: 0,
        clientInstance: "",
        since: 0,
        lastByteAt: 0,
        inFlight: 0,
        lastAckAt: 0,
        rttUs: 0,
        retransmits: 0,
      };
      send(this.#answers, { ...none, ...standing, type: "answer", request: ask.request });
    }
    this.#asks.release();
    this.#answers.publish();
  }
}
