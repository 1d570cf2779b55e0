/**
 * The supervisor: makes the shared memory, starts the threads in order, watches them, and ends the process as a whole:
 * in order on a signal, at once when a thread throws, ends or hangs. Owns the main thread, where nothing else runs.
 *
 *   lock ▶ journal (recovers) ▶ registry, reader, http ▶ gate open (the store commits) ▶ codec, accept ▶ ready line
 */
import { assertNever } from "../base/assert.ts";
import type { Settings } from "../config/settings.ts";
import type { HttpListener, Platform, Role, Thread } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { Board, DrainPhase, Gate, ThreadState } from "../wire/board.ts";
import { checkAccess } from "./access_start.ts";
import type { Boot, Recovered, Report, Roster } from "./boot.ts";
import { drain } from "./drain.ts";
import { lingering } from "./join.ts";
import { type DataLock, lockData } from "./lock.ts";
import { codecWorkers, httpThreads, makeMemory, makeRoster, type Memory, seatsOf } from "./memory.ts";
import { effectiveSettings } from "./effective.ts";
import { readyLine, type ReadyPorts } from "./ready_line.ts";
import { probePort } from "./source/socket.ts";
import { serveWaiting } from "./http/waiting.ts";
import { Watch } from "./watch.ts";

/** What the supervisor says; the shape of a pino logger. */
export interface SupervisorLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  fatal(fields: object, text: string): void;
}

type Seat = ReturnType<typeof seatsOf>[number] & { readonly name: string };
type Ready = Extract<Report, { type: "ready" }>;

/** Looks at the heartbeats in the time after which a thread hangs; between two, at least and at most. */
const LOOKS = 20;
const WATCH_MS = [20, 500] as const;
const GATE_LOOK_MS = 5;
/** A start that waits for the store longer than this says so. */
const GATE_SAY_MS = 2000;
const SIGNALS = [["SIGTERM", 143], ["SIGINT", 130]] as const;

/**
 * Runs a gateway until it ends; resolves with the exit code. 0: drained after a signal; nothing of it is left running.
 * 1: could not start, a thread failed, or the shutdown met its hard limit: threads may still run, so the caller must
 * exit the process. A second signal exits it at once, with 128 + the signal's number.
 */
export function supervise(settings: Settings, platform: Platform, log: SupervisorLog): Promise<number> {
  const effective = effectiveSettings(settings, platform);
  if (!effective.ok) {
    log.fatal({ fault: effective.fault }, effective.message);
    return Promise.resolve(1);
  }
  const lock = lockData(platform, settings.data);
  if (!lock.ok) {
    const advice = lock.fault === "data_held" ? ". Stop it, or choose another directory with --data" : "";
    log.fatal({ fault: lock.fault }, lock.message + advice);
    return Promise.resolve(1);
  }
  const access = checkAccess(platform, effective.value);
  if (!access.ok) {
    lock.value.release();
    log.fatal({ fault: access.fault }, access.message);
    return Promise.resolve(1);
  }
  if (effective.value.limits.connections < settings.limits.connections) {
    log.warn({ connections: effective.value.limits.connections }, "the limit of open files bounds the connections");
  }
  return new Gateway(effective.value, platform, log, lock.value).run();
}

class Gateway {
  readonly #settings: Settings;
  readonly #platform: Platform;
  readonly #log: SupervisorLog;
  readonly #lock: DataLock;
  readonly #roster: Roster;
  readonly #memory: Memory;
  readonly #board: Board;
  readonly #watch: Watch;
  readonly #started: Seat[] = [];
  readonly #threads: Thread[] = [];
  #finish: (code: number) => void = () => {};
  #finished = false;
  #draining = false;
  #signalledAt = 0;
  #waiting: Promise<HttpListener> | null = null;

  constructor(settings: Settings, platform: Platform, log: SupervisorLog, lock: DataLock) {
    this.#settings = settings;
    this.#platform = platform;
    this.#log = log;
    this.#lock = lock;
    this.#roster = makeRoster(
      codecWorkers(settings, platform.cores()),
      settings.peers.length > 0 ? 1 : 0,
      settings.udp === null ? 0 : 1,
      httpThreads(settings, platform.cores()),
    );
    this.#memory = makeMemory(settings, this.#roster);
    this.#board = new Board(this.#memory.board);
    this.#watch = new Watch(this.#board, settings.limits);
  }

  run(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const { heartbeatStaleMs, storeStaleMs } = this.#settings.limits;
    const [least, most] = WATCH_MS;
    const lookMs = Math.max(least, Math.min(most, heartbeatStaleMs / LOOKS, storeStaleMs / LOOKS));
    const watching = setInterval(() => this.#look(), lookMs);
    this.#finish = (code) => {
      if (this.#finished) return;
      this.#finished = true;
      clearInterval(watching);
      resolve(code);
    };
    for (const [name, code] of SIGNALS) this.#platform.onSignal(name, () => this.#signal(name, code));
    if (this.#settings.tls !== null || this.#settings.tcp.tls !== null) this.#platform.onSignal("SIGHUP", () => this.#renew());
    this.#start().catch((error: unknown) => this.#fail("supervisor", error instanceof Error ? error.message : String(error)));
    return promise;
  }

  async #start(): Promise<void> {
    const [journal] = await this.#spawn(["journal"], null, this.#settings);
    const recovered = journal!.recovered ?? null;
    const inner = this.#spawn(["sync", "registry", "reader", "http"], recovered, await this.#httpSettings());
    await this.#gateOpen();
    const { tcp } = this.#settings;
    const ownListeners = tcp.accept === "reuseport";
    const port = ownListeners ? await probePort(this.#platform, this.#settings, tcp) : tcp.port;
    const tls = tcp.tls === null ? null : { ...tcp.tls, port: await probePort(this.#platform, this.#settings, tcp.tls) };
    const outer = this.#spawn(ownListeners ? ["codec", "peer", "udp"] : ["codec", "accept", "peer", "udp"], recovered, {
      ...this.#settings,
      tcp: { ...tcp, port, tls },
    });
    const ready = [...(await inner), ...(await outer)];
    const portOf = (role: Role): number | undefined => ready.find((each) => each.role === role)?.port;
    const ports = { tcp: portOf("accept") ?? port, tls: tls?.port, http: portOf("http") ?? port };
    this.#sayReady({ ...ports, udp: portOf("udp"), peer: portOf("peer") });
  }

  #sayReady(ports: ReadyPorts): void {
    if (this.#draining || this.#finished) return;
    const threads = this.#started.map(({ name, thread }) => ({ name, id: this.#board.threadId(thread) }));
    this.#log.info({ threads, accept: this.#settings.tcp.accept, data: this.#settings.data }, "ready");
    this.#platform.writeOut(readyLine(this.#settings, ports, this.#platform.pid));
  }

  /** Starts every thread of the roles; resolves when all are ready. One that fails ends the process instead. */
  #spawn(roles: readonly Role[], recovered: Recovered | null, settings: Settings): Promise<(Ready & { role: Role })[]> {
    const seats = seatsOf(this.#roster).filter(({ role }) => roles.includes(role));
    return Promise.all(seats.map((seat) => this.#spawnOne(seat, recovered, settings)));
  }

  #spawnOne(plain: Omit<Seat, "name">, recovered: Recovered | null, settings: Settings): Promise<Ready & { role: Role }> {
    const several = seatsOf(this.#roster).filter(({ role }) => role === plain.role).length > 1;
    const seat: Seat = { ...plain, name: several ? `${plain.role}-${plain.index}` : plain.role };
    const boot: Boot = {
      role: seat.role,
      thread: seat.thread,
      index: seat.index,
      instance: settings.instance,
      settings,
      faults: this.#platform.env("BERTH_FAULTS") ?? "",
      ...this.#memory,
      roster: this.#roster,
      recovered,
    };
    this.#started.push(seat);
    this.#watch.add(seat.role, seat.name, seat.thread, this.#platform.clock.mono());
    return new Promise((resolve) => {
      this.#threads.push(this.#platform.spawn(seat.role, boot, {
        message: (message) => this.#heard(seat, message as Report, (ready) => resolve({ ...ready, role: seat.role })),
        failed: (reason) => this.#fail(seat.name, reason),
      }));
    });
  }

  #heard(seat: Seat, report: Report, ready: (report: Ready) => void): void {
    switch (report.type) {
      case "ready":
        return ready(report);
      case "waiting":
        this.#log.warn({ thread: seat.name }, report.reason);
        return this.#beginWaiting();
      case "warning":
        return this.#log.warn({ thread: seat.name }, report.text);
      case "progress":
        this.#watch.alive(seat.thread, this.#platform.clock.mono());
        return this.#log.info({ thread: seat.name }, report.text);
      case "fatal":
        return this.#fail(seat.name, report.reason, report.stack);
      case "stopped":
        return;
      default:
        assertNever(report, "report");
    }
  }

  #beginWaiting(): void {
    this.#waiting = serveWaiting(this.#platform, this.#settings);
    this.#waiting.catch((error: unknown) => this.#fail("supervisor", error instanceof Error ? error.message : String(error)));
  }

  /** Of several http threads that share a port, none would notice another gateway on it. */
  async #httpSettings(): Promise<Settings> {
    const settings = await this.#endWaiting();
    if (this.#roster.http.length === 1) return settings;
    return { ...settings, http: { ...settings.http, port: await probePort(this.#platform, settings, settings.http) } };
  }

  /** The settings for the http threads: they take the port over. */
  async #endWaiting(): Promise<Settings> {
    if (this.#waiting === null) return this.#settings;
    const listener = await this.#waiting;
    await listener.stop(true);
    return { ...this.#settings, http: { ...this.#settings.http, port: listener.port } };
  }

  /** The store commits: devices may come. Until then HTTP says why not. */
  async #gateOpen(): Promise<void> {
    const began = this.#platform.clock.mono();
    let said = false;
    while (this.#board.gate() !== Gate.open) {
      if (!said && this.#platform.clock.mono() - began > GATE_SAY_MS) {
        said = true;
        this.#log.warn({ data: this.#settings.data }, "the store cannot commit yet: device listeners stay closed");
      }
      await new Promise((resolve) => setTimeout(resolve, GATE_LOOK_MS));
    }
  }

  #look(): void {
    const hung = this.#watch.look(this.#platform.clock.mono());
    if (hung !== null) this.#fail(hung.name, hung.reason);
  }

  #fail(name: string, reason: string, stack?: string): void {
    const seat = this.#started.find((each) => each.name === name);
    // A thread that has left its loop at the end of the shutdown may end.
    if (seat !== undefined && this.#board.state(seat.thread) === ThreadState.stopped) return;
    if (this.#finished) return;
    this.#log.fatal({ thread: name, reason, ...(stack === undefined ? {} : { stack }) }, `${name}: ${reason}`);
    this.#finish(1);
  }

  #signal(name: string, code: number): void {
    const now = this.#platform.clock.mono();
    // Ctrl-C reaches every process of a terminal, and a launcher like npm hands it on: one wish, told twice.
    if (this.#draining && now - this.#signalledAt < this.#settings.limits.sameSignalMs) return;
    if (this.#draining) this.#platform.exit(code);
    this.#draining = true;
    this.#signalledAt = now;
    this.#log.info({ signal: name }, "shutting down; a second signal ends at once");
    void this.#drain();
  }

  /** Who listens with TLS reads its certificate again. */
  #renew(): void {
    this.#log.info({ signal: "SIGHUP" }, "reading the certificate again");
    this.#board.wantRenewal();
    for (const thread of [...this.#roster.http, ...this.#roster.codec]) new Bell(this.#memory.bells, thread, this.#platform.poke).ring();
  }

  async #drain(): Promise<void> {
    const stuck = await drain({
      board: this.#board,
      bells: this.#memory.bells,
      poke: this.#platform.poke,
      limits: this.#settings.limits,
      clock: this.#platform.clock,
      threads: this.#started.filter(({ thread }) => this.#board.state(thread) === ThreadState.ready),
      late: (phase, names) => this.#log.warn({ phase, waitingFor: names }, "the shutdown takes longer than it should"),
    });
    if (stuck !== null) return this.#fail("shutdown", `not done at the hard limit, in ${stuck}`);
    await this.#joinThreads();
    this.#lock.release();
    this.#log.info({ phase: DrainPhase.end }, "stopped");
    this.#finish(0);
  }

  /** After it nothing of the gateway runs: no thread, and so no timer and no descriptor. */
  async #joinThreads(): Promise<void> {
    const { shutdownMs, threadEndMs } = this.#settings.limits;
    const passedMs = this.#platform.clock.mono() - this.#signalledAt;
    const threads = this.#threads.map(({ ended }, i) => ({ name: this.#started[i]!.name, ended }));
    const left = await lingering(threads, Math.max(threadEndMs, shutdownMs - passedMs));
    if (left.length > 0) this.#log.warn({ threads: left }, "threads that have left their loops do not end: something keeps them");
    for (const thread of this.#threads) thread.terminate();
    if (left.length > 0) return;
    for (const thread of [...this.#roster.codec, this.#roster.accept]) {
      const doorbell = new Bell(this.#memory.bells, thread).takeDoorbell();
      if (doorbell !== null) this.#platform.dropDoorbell(doorbell);
    }
  }
}
