/** A gateway's accepting side without the gateway: an accept thread or shared listeners, and workers that echo. */
import { connect, type Socket as RawSocket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { asMonoMs } from "../../src/base/brand.ts";
import type { Clock } from "../../src/base/clock.ts";
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import type { Boot, Report } from "../../src/engine/boot.ts";
import { chooseSource } from "../../src/engine/source/choose.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import type { SocketSource } from "../../src/engine/source/socket.ts";
import { bunPlatform } from "../../src/platform/bun.ts";
import type { Platform, Socket, SocketHandler, Thread } from "../../src/platform/port.ts";
import type { SocketLoop } from "../../src/platform/socket_loop.ts";
import { Bell } from "../../src/ring/wait.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { slot } from "../../src/telemetry/slots.ts";
import { Addresses } from "../../src/wire/addresses.ts";
import { Board, DrainPhase, Gate } from "../../src/wire/board.ts";
import type { Tls } from "../../src/platform/tls_port.ts";
import { FIRST, SECOND } from "./certificates.ts";
import { here } from "./here.ts";
import { Changes, until } from "./until.ts";

const platform = bunPlatform();
/** `blocking`: descriptors, to a thread that blocks for its sockets. `tls`: on the address for it, beside one by reuseport. */
export type Mode = "fd" | "blocking" | "reuseport" | "tls";
export const isPassed = (mode: Mode): boolean => mode === "fd" || mode === "blocking";

/** What a codec worker is to its source: a bell, a count of sockets, and a handler. Here it echoes. */
class Worker implements SocketHandler<Socket> {
  readonly sockets = new Set<Socket>();
  readonly opened: Socket[] = [];
  readonly source: SocketSource;
  readonly #board: Board;
  readonly #addresses: Addresses;
  readonly #index: number;
  readonly #changes: Changes;
  stopped = false;
  readonly warnings: string[] = [];
  /** How far its clock is ahead of ours: a test's deadlines pass when it says so. */
  aheadMs = 0;
  /** Turns sockets away as they come, as a worker without room does. */
  refuses = false;
  /** While false the worker does not look at its ring: a busy worker. */
  awake = true;

  readonly #loop: SocketLoop | null;

  constructor(boot: Boot, mode: Mode, changes: Changes) {
    const loop = mode === "blocking" ? platform.socketLoop!() : null;
    const clock: Clock = { wall: () => platform.clock.wall(), mono: () => asMonoMs(platform.clock.mono() + this.aheadMs) };
    const timed: Platform = { ...platform, clock };
    const adopting: Platform = loop === null ? timed : { ...timed, adopt: (fd, peer, handler) => loop.adopt(fd, peer, handler) };
    this.#loop = loop;
    this.source = chooseSource(boot, adopting, (text) => this.warnings.push(text));
    this.#board = new Board(boot.board);
    this.#addresses = new Addresses(boot.addresses);
    this.#index = boot.index;
    this.#changes = changes;
    const bell = new Bell(boot.bells, boot.thread);
    void bell.listen(() => this.awake && this.source.hasWork(), () => this.drain(), () => this.stopped);
    if (loop !== null) this.#turn(loop);
  }
  /** Here it blocks for no time at all. */
  #turn(loop: SocketLoop): void {
    const turning = setInterval(() => {
      if (this.stopped) clearInterval(turning);
      else if (loop.wait(0)) loop.serve();
    }, 1);
  }
  end(): void {
    this.stopped = true;
    for (const socket of this.sockets) socket.reset();
    this.#loop?.close();
  }
  /** Of the bell. Also what a socket calls when it can take more: every echo here fits. */
  drain(): void {
    if (this.awake) this.source.drain();
  }
  open(socket: Socket): Socket {
    if (this.refuses) {
      this.#addresses.leave(socket.peer.address);
      socket.reset();
      return socket;
    }
    this.sockets.add(socket);
    this.opened.push(socket);
    this.#count();
    return socket;
  }
  data(socket: Socket, bytes: Uint8Array): void {
    socket.write(bytes);
  }
  close(socket: Socket): void {
    this.sockets.delete(socket);
    this.#count();
  }
  #count(): void {
    this.#board.setSockets(this.#index, this.sockets.size);
    this.#changes.changed();
  }
}

export class AcceptWorld {
  readonly changes = new Changes();
  readonly workers: Worker[];
  readonly board: Board;
  readonly addresses: Addresses;
  readonly boot: Boot;
  readonly clients: RawSocket[] = [];
  #acceptor: Thread | null = null;
  port = 0;

  readonly #mode: Mode;
  readonly #files = here.temporaryDirectory("berth-accept-");

  constructor(mode: Mode, port: number, limits: Partial<Limits>, workers: number, proxy: Settings["tcp"]["proxy"], clientCa: string) {
    this.#mode = mode;
    const tls = {
      host: "127.0.0.1",
      port,
      cert: `${this.#files}/cert.pem`,
      key: `${this.#files}/key.pem`,
      clientCa: clientCa === "" ? "" : `${this.#files}/ca.pem`,
    };
    this.offer(FIRST);
    here.writeText(`${this.#files}/ca.pem`, clientCa);
    const settings: Settings = {
      data: "",
      workers,
      policy: "takeover",
      policies: { classes: [], devices: [] },
      unknownDevices: "accept",
      logLevel: "silent",
      instance: "test",
      tcp: mode === "tls"
        ? { host: "127.0.0.1", port: 0, accept: "reuseport", proxy, tls }
        : { host: "127.0.0.1", port, accept: isPassed(mode) ? "fd" : "reuseport", proxy, tls: null },
      http: { host: "127.0.0.1", port: 0 },
      peer: { listen: null, policy: "initiator" },
      udp: null,
      peers: [],
      conflict: { action: "observe" },
      configSchema: "",
      tls: null,
      access: { health: "open", metrics: "token", origins: [], allowFile: "" },
      limits: limitsWith({ idleWaitMs: 50, ...limits }),
    };
    const roster = makeRoster(workers);
    this.boot = {
      role: "accept",
      thread: roster.accept,
      index: 0,
      instance: "test",
      settings,
      faults: "",
      recovered: null,
      roster,
      ...makeMemory(settings, roster),
    };
    this.board = new Board(this.boot.board);
    this.board.setGate(Gate.open);
    this.addresses = new Addresses(this.boot.addresses);
    this.workers = roster.codec.map((thread, index) => new Worker({ ...this.boot, role: "codec", thread, index }, mode, this.changes));
    this.port = port;
  }

  static async open(
    mode: Mode,
    limits: Partial<Limits> = {},
    workers = 1,
    proxy: Settings["tcp"]["proxy"] = null,
    clientCa = "",
  ): Promise<AcceptWorld> {
    const world = new AcceptWorld(mode, isPassed(mode) ? 0 : await freePort(), limits, workers, proxy, clientCa);
    for (const worker of world.workers) await worker.source.start(worker);
    if (isPassed(mode)) await world.#spawnAcceptor();
    return world;
  }

  #spawnAcceptor(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#acceptor = platform.spawn("accept", this.boot, {
        message: (message) => {
          const report = message as Report;
          if (report.type === "fatal") reject(new Error(report.reason));
          if (report.type !== "ready") return;
          this.port = report.port!;
          resolve();
        },
        failed: (reason) => reject(new Error(reason)),
      });
    });
  }

  /** A client whose end is known: its bytes, whether it is still open. */
  /** `own`: the certificate it shows. */
  connect(from = "127.0.0.1", own: Partial<Tls> = {}): Promise<RawSocket & { got: string; gone: boolean }> {
    const where = { port: this.port, host: "127.0.0.1", localAddress: from };
    const raw = this.#mode === "tls" ? connectSecure({ ...where, ...own, ca: [FIRST.cert, SECOND.cert] }) : connect(where);
    return this.follow(raw, this.#mode === "tls" ? "secureConnect" : "connect");
  }

  /** What the listeners show from the next renewal on. */
  offer({ cert, key }: Tls): void {
    here.writeText(`${this.#files}/cert.pem`, cert);
    here.writeText(`${this.#files}/key.pem`, key);
  }

  /** One that is being connected, and is when `event` says so. */
  follow<S extends RawSocket>(raw: S, event: string): Promise<S & { got: string; gone: boolean }> {
    const client = Object.assign(raw, { got: "", gone: false });
    this.clients.push(client);
    client.on("error", () => {});
    client.on("data", (bytes) => {
      client.got += bytes.toString();
      this.changes.changed();
    });
    client.on("close", () => {
      client.gone = true;
      this.changes.changed();
    });
    return new Promise((resolve) => {
      client.once(event, () => resolve(client));
      client.once("close", () => resolve(client));
    });
  }

  seen(what: string, check: () => boolean): Promise<true> {
    return this.changes.until(what, () => check() || undefined);
  }
  counted(cause: string): number {
    return sumOf(this.boot.counters, slot("berth_accept_refused_total", cause));
  }
  get open(): number {
    return this.workers.reduce((sum, worker) => sum + worker.sockets.size, 0);
  }

  async close(): Promise<void> {
    this.board.setPhase(DrainPhase.end);
    for (const worker of this.workers) worker.source.stopAccepting();
    for (const client of this.clients) client.destroy();
    here.removeTree(this.#files);
    for (const worker of this.workers) {
      worker.end();
    }
    if (this.#acceptor === null) return;
    await until("the accept thread's end", () => this.board.phaseDone(this.boot.thread) === DrainPhase.end);
    this.#acceptor.terminate();
  }
}

async function freePort(): Promise<number> {
  const nobody = { open: () => {}, data: () => {}, drain: () => {}, close: () => {} };
  const socket = { keepAliveIdleS: 1, keepAliveIntervalS: 1, keepAliveProbes: 1, userTimeoutMs: 1000, backlog: 1 };
  const listener = await platform.listenTcp("127.0.0.1", 0, { reusePort: false, socket }, nobody);
  listener.stop();
  return listener.port;
}
