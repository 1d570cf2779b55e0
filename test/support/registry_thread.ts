/** A registry on its own thread, as the product runs it; the test is the codec workers, the journal and an http thread. */
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import type { Boot, Report } from "../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { Board, DrainPhase } from "../../src/wire/board.ts";
import { END_REASONS, type Message, type MessageOf, ORDERS, type OrderVerb, receive, send } from "../../src/wire/control.ts";
import { until } from "./until.ts";

const FIRST_FENCE_COUNTER = 5;

export class RegistryThread {
  readonly boot: Boot;
  readonly board: Board;
  readonly claims: readonly RingProducer[];
  readonly decisions: readonly RingConsumer[];
  readonly lifecycle: RingConsumer;
  readonly asks: RingProducer;
  readonly answers: RingConsumer;
  readonly reports: Report[] = [];
  readonly #worker: Worker;

  private constructor(boot: Boot) {
    this.boot = boot;
    this.board = new Board(boot.board);
    const bell = new Bell(boot.bells, boot.thread);
    this.claims = boot.rings.claims.map((memory) => new RingProducer(memory, bell));
    this.decisions = boot.rings.decisions.map((memory) => new RingConsumer(memory));
    this.lifecycle = new RingConsumer(boot.rings.lifecycle);
    this.asks = new RingProducer(boot.rings.asks[0]!, bell);
    this.answers = new RingConsumer(boot.rings.answers[0]!);
    this.#worker = new Worker(new URL("../../workers/registry.ts", import.meta.url).href);
    this.#worker.onmessage = ({ data }: MessageEvent<Report>): void => void this.reports.push(data);
    this.#worker.postMessage(boot);
  }

  static async start(limits: Partial<Limits> = {}, fences = 1 << 20, policy = "takeover"): Promise<RegistryThread> {
    const settings = {
      data: "",
      workers: 2,
      policy,
      policies: { classes: [], devices: [] },
      unknownDevices: "accept",
      logLevel: "silent",
      instance: "test",
      tcp: { host: "127.0.0.1", port: 0, accept: "fd", proxy: null, tls: null },
      http: { host: "127.0.0.1", port: 0 },
      peer: { listen: null, policy: "initiator" },
      udp: null,
      peers: [],
      conflict: { action: "observe" },
      configSchema: "",
      tls: null,
      access: { health: "open", metrics: "token", origins: [], allowFile: "" },
      limits: limitsWith({ rehearsalMs: 0, ringStartPosition: 0xffff_f000, frameRingBytes: 4096, controlRingBytes: 1 << 16, ...limits }),
    } as const;
    const roster = makeRoster(2);
    const memory = makeMemory(settings, roster);
    new Board(memory.board).setFenceReserved(FIRST_FENCE_COUNTER + fences);
    const thread = new RegistryThread({
      role: "registry",
      thread: roster.registry,
      index: 0,
      instance: "test",
      settings,
      faults: "",
      ...memory,
      roster,
      recovered: { epoch: "e", fenceBase: FIRST_FENCE_COUNTER, devices: [], commands: [], configs: [] },
    });
    await until("a ready registry", () => thread.reports.some((report) => report.type === "ready"));
    return thread;
  }

  /** Puts a claim; publish it yourself. */
  claim(worker: number, conn: number, device: string): boolean {
    const origin = {
      device,
      deviceClass: "",
      transport: 0,
      address: "10.0.0.1",
      port: 1,
      clientInstance: "",
      tls: "",
      at: 1000,
      dialled: false,
    };
    return send(this.claims[worker]!, { type: "claim", conn, ...origin });
  }

  close(worker: number, conn: number, device: string, fence: number): boolean {
    const reason = END_REASONS.indexOf("closed");
    return send(this.claims[worker]!, { type: "close", conn, device, fence, position: 8, reason, lastByteAt: 1 });
  }

  ask(request: number, device: string): void {
    send(this.asks, { type: "ask", request, device });
  }

  probed(worker: number, device: string, fence: number, answers: boolean): void {
    send(this.claims[worker]!, { type: "probed", device, fence, answers });
  }

  order(request: number, verb: OrderVerb, device: string, text = ""): void {
    send(this.asks, { type: "order", request, verb: ORDERS.indexOf(verb), device, text });
  }

  publish(): void {
    for (const ring of this.claims) ring.publish();
    this.asks.publish();
  }

  async login(worker: number, conn: number, device: string): Promise<MessageOf<"decided">> {
    this.claim(worker, conn, device);
    this.publish();
    for (;;) {
      const message = await this.next(this.decisions[worker]!);
      if (message.type === "decided" && message.conn === conn) return message;
    }
  }

  /** The next message of a ring. */
  async next(ring: RingConsumer): Promise<Message> {
    await until("a message", () => ring.hasNext());
    ring.next();
    const message = receive(ring);
    ring.release();
    return message;
  }

  /** Everything in a ring now. */
  take(ring: RingConsumer): Message[] {
    const messages: Message[] = [];
    while (ring.next()) messages.push(receive(ring));
    ring.release();
    return messages;
  }

  async phase(phase: DrainPhase): Promise<void> {
    this.board.setPhase(phase);
    new Bell(this.boot.bells, this.boot.thread).ring();
    await until(`phase ${phase}`, () => this.board.phaseDone(this.boot.thread) >= phase);
  }

  async stop(): Promise<void> {
    await this.phase(DrainPhase.end);
    await until("a stopped registry", () => this.reports.some((report) => report.type === "stopped"));
    this.#worker.terminate();
  }
}
