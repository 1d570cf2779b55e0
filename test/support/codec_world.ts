/**
 * One codec worker on this thread, with real sockets and rings. The registry's core is stepped beside it, and a stand-in
 * for the journal gives whatever verdicts a test wants. Ring positions start just below 2^32.
 */
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import type { Boot, Report } from "../../src/engine/boot.ts";
import { runCodec } from "../../src/engine/codec.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { RegistryDesk } from "../../src/engine/registry/desk.ts";
import { choosePlatform } from "../../src/platform/choose.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { type MetricName, METRICS, slot } from "../../src/telemetry/slots.ts";
import { Board, DrainPhase, Gate } from "../../src/wire/board.ts";
import { type Message, receive } from "../../src/wire/control.ts";
import { emptyFrameHeader, EXCEPTION_BYTES, FrameKind, readFrameHeader, Verdict } from "../../src/wire/frame_message.ts";
import { until } from "./until.ts";

export interface SeenFrame {
  readonly kind: FrameKind;
  readonly conn: number;
  readonly n: number;
  readonly end: number;
}

/** The journal's end of the rings: holds frames until told, then settles them with the verdict chosen. */
export class StandInJournal {
  readonly frames: SeenFrame[] = [];
  readonly events: Message[] = [];
  /** What a frame's verdict is; null leaves it, and all after it, without one. */
  verdict: (frame: SeenFrame) => Verdict | null = () => Verdict.kept;
  /** Rows of commands are on the disk as soon as they are taken. */
  keepsCommands = true;
  readonly #board: Board;
  readonly #bell: Bell;
  readonly #into: RingConsumer;
  readonly #lifecycle: RingConsumer;
  readonly #exceptions: RingProducer;
  readonly #waiting: SeenFrame[] = [];
  #from: number;

  constructor(boot: Boot) {
    this.#board = new Board(boot.board);
    this.#bell = new Bell(boot.bells, boot.roster.codec[0]!);
    this.#into = new RingConsumer(boot.rings.frames[0]!);
    this.#lifecycle = new RingConsumer(boot.rings.lifecycle);
    this.#exceptions = new RingProducer(boot.rings.exceptions[0]!, this.#bell);
    this.#from = this.#into.end;
  }

  turn(): void {
    while (this.#lifecycle.next()) this.events.push(receive(this.#lifecycle));
    this.#lifecycle.release();
    if (this.keepsCommands) this.#board.setCommandsKept(this.#lifecycle.end);
    const header = emptyFrameHeader();
    while (this.#into.next()) {
      readFrameHeader(this.#into.view, this.#into.offset, header);
      const frame: SeenFrame = { kind: this.#into.kind as FrameKind, conn: header.conn, n: header.n, end: this.#into.end };
      this.frames.push(frame);
      this.#waiting.push(frame);
    }
    this.#settle();
  }

  /** As the real one: bytes are given back with the verdict. */
  #settle(): void {
    let settled = this.#board.settled(0);
    while (this.#waiting.length > 0) {
      const frame = this.#waiting[0]!;
      const verdict = this.verdict(frame);
      if (verdict === null) break;
      this.#waiting.shift();
      if (verdict !== Verdict.kept) this.#except(frame.end, verdict);
      this.#from = frame.end;
      settled = frame.end;
    }
    if (this.#waiting.length === 0) this.#into.release();
    this.#exceptions.publish();
    if (settled === this.#board.settled(0)) return;
    this.#board.setSettled(0, settled);
    this.#bell.ring();
  }

  #except(to: number, verdict: Verdict): void {
    const at = this.#exceptions.reserve(EXCEPTION_BYTES, 1);
    this.#exceptions.view.setUint32(at, this.#from, true);
    this.#exceptions.view.setUint32(at + 4, to, true);
    this.#exceptions.view.setUint32(at + 8, verdict, true);
    this.#exceptions.commit();
  }
}

export interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export class CodecWorld {
  readonly boot: Boot;
  readonly board: Board;
  readonly journal: StandInJournal;
  readonly lines: LogLine[] = [];
  readonly reports: Report[] = [];
  registryRuns = true;
  #desk: RegistryDesk;
  #turning: ReturnType<typeof setInterval>;
  #running: Promise<void> = Promise.resolve();

  private constructor(boot: Boot, desk: RegistryDesk) {
    this.boot = boot;
    this.board = new Board(boot.board);
    this.#desk = desk;
    this.journal = new StandInJournal(boot);
    this.#turning = setInterval(() => {
      if (this.registryRuns) this.#desk.round();
      this.journal.turn();
    }, 1);
  }

  static async start(limits: Partial<Limits> = {}, more: Partial<Settings> = {}): Promise<CodecWorld> {
    const platform = await choosePlatform();
    const probe = await platform.listenTcp("127.0.0.1", 0, { reusePort: false, socket: SOCKET }, NOBODY);
    const { port } = probe;
    probe.stop();
    const settings: Settings = {
      data: "",
      workers: 1,
      policy: "takeover",
      policies: { classes: [], devices: [] },
      unknownDevices: "accept",
      logLevel: "silent",
      instance: "test",
      tcp: { host: "127.0.0.1", port, accept: "reuseport", proxy: null, tls: null },
      http: { host: "127.0.0.1", port: 0 },
      peer: { listen: null, policy: "initiator" },
      udp: null,
      peers: [],
      conflict: { action: "observe" },
      configSchema: "",
      tls: null,
      access: { health: "open", metrics: "token", origins: [], allowFile: "" },
      limits: limitsWith({ rehearsalMs: 0, frameRingBytes: 1 << 17, controlRingBytes: 1 << 14, ringStartPosition: 0xffff_f000, ...limits }),
      ...more,
    };
    const roster = makeRoster(1);
    const recovered = { epoch: "e", fenceBase: 1, devices: ["000000000000999"], commands: [], configs: [] };
    const boot: Boot = {
      role: "codec",
      thread: roster.codec[0]!,
      index: 0,
      instance: "test",
      settings,
      faults: "",
      ...makeMemory(settings, roster),
      roster,
      recovered,
    };
    const board = new Board(boot.board);
    board.setFenceReserved(1 << 20);
    board.setGate(Gate.open);
    const world = new CodecWorld(boot, new RegistryDesk({ ...boot, thread: roster.registry }, recovered, board, platform.clock));
    const warn = (fields: Readonly<Record<string, unknown>>, message: string): void => void world.lines.push({ fields, message });
    world.#running = runCodec(boot, platform, (report) => world.reports.push(report), { warn });
    await until("a ready worker", () => world.reports.some((report) => report.type === "ready"));
    return world;
  }

  get port(): number {
    return this.boot.settings.tcp.port;
  }

  count(name: MetricName, label = ""): number {
    return sumOf(this.boot.counters, slot(name, label));
  }

  /** How many values a histogram has seen. */
  observed(name: MetricName): number {
    const { buckets } = METRICS.find((metric) => metric.name === name)!;
    return sumOf(this.boot.counters, slot(name) + buckets.length + 2);
  }

  get sockets(): number {
    return this.board.sockets(0);
  }

  warned(code: string): LogLine[] {
    return this.lines.filter((line) => line.fields["code"] === code);
  }

  events<T extends Message["type"]>(type: T): Extract<Message, { type: T }>[] {
    return this.journal.events.filter((event) => event.type === type) as Extract<Message, { type: T }>[];
  }

  async phase(phase: DrainPhase): Promise<void> {
    this.board.setPhase(phase);
    new Bell(this.boot.bells, this.boot.thread).ring();
    if (phase === DrainPhase.releaseAll) this.#desk.releaseAll();
    await until(`phase ${phase}`, () => this.board.phaseDone(this.boot.thread) >= phase);
  }

  async stop(): Promise<void> {
    this.board.setPhase(DrainPhase.end);
    new Bell(this.boot.bells, this.boot.thread).ring();
    await this.#running;
    clearInterval(this.#turning);
  }
}

const SOCKET = { keepAliveIdleS: 300, keepAliveIntervalS: 30, keepAliveProbes: 4, userTimeoutMs: 120_000, backlog: 64 };
const NOBODY = { open: () => null, data: () => {}, drain: () => {}, close: () => {} };
