/**
 * A codec worker driven by hand: sockets that do what a test says, a clock that moves when told, the registry's core and
 * the stand-in journal stepped in turn. Nothing runs by itself.
 */
import { asMonoMs, asWallMs } from "../../src/base/brand.ts";
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import type { Boot } from "../../src/engine/boot.ts";
import { type CodecContext, codecContext } from "../../src/engine/codec/context.ts";
import type { Connection } from "../../src/engine/codec/connection.ts";
import { CodecWorker } from "../../src/engine/codec/worker.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { RegistryDesk } from "../../src/engine/registry/desk.ts";
import type { Platform, Socket, TcpKernel } from "../../src/platform/port.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { type MetricName, slot } from "../../src/telemetry/slots.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell } from "../../src/ring/wait.ts";
import { Board } from "../../src/wire/board.ts";
import { COMMAND_STATES } from "../../src/wire/command.ts";
import { type MessageOf, type Outcome, OUTCOMES, receive, send } from "../../src/wire/control.ts";
import { StandInJournal } from "./codec_world.ts";
import { encodeLogin } from "./frames.ts";

/** A peer whose kernel takes `room` bytes before it is full. */
export class BenchSocket implements Socket {
  readonly peer = { address: "10.0.0.1", port: 1 };
  readonly fd: number;
  readonly written: number[] = [];
  room = Infinity;
  pauses = 0;
  resumes = 0;
  fins = 0;
  resets = 0;

  constructor(fd = -1) {
    this.fd = fd;
  }

  write(bytes: Uint8Array): number {
    const taken = Math.min(this.room, bytes.length);
    this.written.push(...bytes.subarray(0, taken));
    this.room -= taken;
    return taken;
  }
  pause(): void {
    this.pauses++;
  }
  resume(): void {
    this.resumes++;
  }
  end(): void {
    this.fins++;
  }
  reset(): void {
    this.resets++;
  }
}

export class CodecBench {
  readonly boot: Boot;
  readonly context: CodecContext;
  readonly worker: CodecWorker;
  readonly journal: StandInJournal;
  readonly #desk: RegistryDesk;
  /** What an http thread asks the registry; there is one writer of a ring. */
  readonly asks: RingProducer;
  readonly #answers: RingConsumer;
  readonly #told = new Map<number, readonly [Outcome, string]>();
  #request = 0;
  /** A journal that is false takes nothing. */
  journalRuns = true;
  now = 1000;

  constructor(limits: Partial<Limits> = {}, kernel: TcpKernel | null = null, policy = "takeover") {
    const settings = {
      data: "",
      workers: 1,
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
      limits: limitsWith({ controlRingBytes: 1 << 16, ringStartPosition: 0xffff_f000, ...limits }),
    } as const;
    const roster = makeRoster(1);
    const recovered = { epoch: "e", fenceBase: 1, devices: [], commands: [], configs: [] };
    const memory = makeMemory(settings, roster);
    this.boot = { role: "codec", thread: roster.codec[0]!, index: 0, instance: "test", settings, faults: "", ...memory, roster, recovered };
    const board = new Board(memory.board);
    board.setFenceReserved(1 << 20);
    const clock = { wall: () => asWallMs(1_700_000_000_000 + this.now), mono: () => asMonoMs(this.now) };
    this.context = codecContext(this.boot, { clock, tcpKernel: kernel } as Platform, { warn: () => {} });
    this.worker = new CodecWorker(this.context);
    this.journal = new StandInJournal(this.boot);
    this.#answers = new RingConsumer(memory.rings.answers[0]!);
    this.asks = new RingProducer(memory.rings.asks[0]!, new Bell(memory.bells, roster.registry));
    this.#desk = new RegistryDesk({ ...this.boot, thread: roster.registry }, recovered, board, clock);
  }

  /** One turn of everybody: codec, registry, journal, and the codec with what they said. */
  turn(): void {
    this.worker.tick();
    this.#desk.round();
    if (this.journalRuns) this.journal.turn();
    this.worker.tick();
    while (this.#answers.next()) {
      const message = receive(this.#answers);
      if (message.type === "done") this.#told.set(message.request, [OUTCOMES[message.outcome]!, message.text]);
    }
    this.#answers.release();
  }

  /** What the http thread was told of a command's submission, or null. */
  told(id: string): readonly [Outcome, string] | null {
    return this.#told.get(Number(id.slice(1))) ?? null;
  }

  /** Lets time pass in ticks. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 10);
      this.turn();
    }
  }

  open(socket: BenchSocket): Connection {
    this.context.addresses.enter(socket.peer.address);
    return this.worker.open(socket)!;
  }

  login(imei: string, socket = new BenchSocket()): { connection: Connection; socket: BenchSocket } {
    const connection = this.open(socket);
    this.worker.data(connection, encodeLogin(imei));
    this.turn();
    return { connection, socket };
  }

  /** An http thread submits a command; a turn later it may be written. Returns its id. */
  command(
    device: string,
    text = "getinfo",
    more: { readonly codec?: 12 | 14; readonly ttlMs?: number; readonly timeoutMs?: number } = {},
  ): string {
    const { codec = 12, ttlMs = 60_000, timeoutMs = 5000 } = more;
    const request = ++this.#request;
    const createdAt = 1_700_000_000_000 + this.now;
    const id = `c${request}`;
    send(this.asks, { type: "submit", request, id, device, key: "", codec, text, createdAt, expiresAt: createdAt + ttlMs, timeoutMs });
    this.asks.publish();
    return id;
  }

  /** The states a command's rows went through, each with its reason or response. */
  states(id: string): string[] {
    const rows = this.journal.events.filter((event) => event.type === "commandRow" && event.id === id) as MessageOf<"commandRow">[];
    return rows.map((row) => [COMMAND_STATES[row.state], row.reason || row.response].filter(Boolean).join(" "));
  }

  count(name: MetricName, label = ""): number {
    return sumOf(this.boot.counters, slot(name, label));
  }
}
