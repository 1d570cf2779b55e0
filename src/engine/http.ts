/**
 * The loop of an http thread: follows the journal, moves the subscribers, serves HTTP on its event loop. The application
 * is given to it, so that this layer and src/http do not know each other. Everything runs in `drain`, after a ring of
 * the bell; a timer rings it too.
 */
import { assert } from "../base/assert.ts";
import type { MonoMs } from "../base/brand.ts";
import { faultPoints } from "../base/fault_point.ts";
import { prng } from "../base/prng.ts";
import type { Broker } from "../broker/broker.ts";
import type { HttpHandler, Platform } from "../platform/port.ts";
import { Bell } from "../ring/wait.ts";
import { Counters } from "../telemetry/counters.ts";
import { slot } from "../telemetry/slots.ts";
import { Audience } from "../wire/audience.ts";
import { Board, DrainPhase, ThreadState } from "../wire/board.ts";
import type { Boot, Report } from "./boot.ts";
import { type ConfigSchemas, configSchemas } from "./config_schemas.ts";
import { passFault } from "./fault.ts";
import { HttpAccess } from "./http/access.ts";
import type { RegistryClient } from "./http/asks.ts";
import { BatchMaker } from "./http/batch.ts";
import { PagedEntries, RingEntries } from "./http/entries.ts";
import { Follower } from "./http/follow.ts";
import { startDeviceStreams } from "./http/device_start.ts";
import { type HttpCrowd, makeCrowd } from "./http/crowd.ts";
import type { DeviceStreams } from "./http/device_streams.ts";
import { HttpGateway } from "./http/gateway.ts";
import { RenewableListener } from "./http/listener.ts";
import { type Publisher, startPublisher } from "./http/publish.ts";
import type { ReaderClient } from "./http/queries.ts";
import { Sockets } from "./http/sockets.ts";
import { startBroker, startReaders, startRegistryClient } from "./http/start.ts";
import { Streams } from "./http/streams.ts";
import { Leftovers } from "./leftovers.ts";

/** Makes the application over what this thread offers. */
export type MakeApp = (gateway: HttpGateway) => HttpHandler;

const PAUSE_MS = 20;
/** Between two looks at the heartbeats, ages and lags of subscribers, at most. */
const BEAT_MS = 100;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runHttp(boot: Boot, platform: Platform, report: (r: Report) => void, makeApp: MakeApp): Promise<void> {
  const http = new HttpThread(boot, platform);
  await http.run(report, makeApp);
}

class HttpThread {
  readonly #boot: Boot;
  readonly #platform: Platform;
  readonly #board: Board;
  readonly #bell: Bell;
  readonly #counters: Counters;
  readonly #faults;
  readonly #readers: ReaderClient;
  readonly #registry: RegistryClient;
  readonly #broker: Broker;
  readonly #follower: Follower;
  readonly #streams: Streams;
  readonly #devices: DeviceStreams;
  readonly #access: HttpAccess;
  readonly #publisher: Publisher;
  readonly #sockets: Sockets;
  readonly #random;
  readonly #crowd: HttpCrowd;
  #listener: RenewableListener | null = null;
  #renewals = 0;
  #closely = false;
  #beatAt = 0;
  readonly #leftovers: Leftovers;
  #warn: (text: string) => void = () => {};
  #phase: DrainPhase = DrainPhase.running;
  #saidBye = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(boot: Boot, platform: Platform) {
    const { limits } = boot.settings;
    assert(boot.recovered !== null, "an http thread needs the recovered store");
    const { epoch } = boot.recovered;
    this.#boot = boot;
    this.#platform = platform;
    this.#leftovers = new Leftovers(platform, boot.settings.limits);
    this.#board = new Board(boot.board);
    this.#bell = new Bell(boot.bells, boot.thread);
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#faults = faultPoints(boot.faults);
    this.#access = new HttpAccess(platform, boot.settings, this.#counters, boot.asked);
    const seed = platform.randomBytes(4);
    this.#random = prng(new DataView(seed.buffer, seed.byteOffset).getUint32(0));
    this.#readers = startReaders(boot);
    this.#registry = startRegistryClient(boot);
    const maker = new BatchMaker(epoch, (no) => this.#follower.fold.nameOf(no), boot.settings.limits);
    this.#broker = startBroker(boot, epoch, this.#counters);
    const fail = (error: unknown): void => this.#fail(error);
    const mono = platform.clock.mono.bind(platform.clock);
    this.#streams = new Streams({
      broker: this.#broker,
      readers: this.#readers,
      maker,
      bodyOf: platform.streamBody,
      reached: () => this.#follower.position,
      mono,
      byeMs: limits.byeMs,
      opened: () => this.#bell.ring(),
      fail,
    });
    const random = (): number => this.#random.float();
    this.#devices = startDeviceStreams(boot, platform, this.#readers, this.#registry, () => this.#listener?.port ?? 0, { random, fail });
    this.#crowd = makeCrowd(boot, platform, this.#board, this.#counters, () => this.#listener?.port ?? 0);
    this.#publisher = startPublisher(boot, this.#board, this.#counters, () => platform.clock.wall());
    this.#sockets = new Sockets(this.#counters, boot.counters);
    const committed = this.#board.committed.bind(this.#board);
    const overruns = slot("berth_broadcast_overruns_total");
    this.#follower = new Follower(
      {
        ring: new RingEntries(boot.rings.broadcast, limits.pageBytes, committed),
        pages: new PagedEntries(this.#readers, () => pause(PAUSE_MS)),
        devices: (after) => this.#readers.ask({ type: "devices", after, limit: limits.pageRecords }),
        committed,
        mono,
        pause: () => pause(PAUSE_MS),
        wake: () => this.#bell.ring(),
      },
      maker,
      {
        published: (batches, now) => this.#broker.publish(batches, now),
        restarted: (next) => this.#broker.restart(next),
        overrun: () => this.#counters.add(overruns),
      },
    );
  }

  async run(report: (r: Report) => void, makeApp: MakeApp): Promise<void> {
    const { settings, thread, roster } = this.#boot;
    this.#board.setThreadId(thread, this.#platform.threadId());
    const app = makeApp(this.#gateway(await configSchemas(this.#platform, settings)));
    const { requestBytes, httpConnections } = settings.limits;
    const options = {
      maxBodyBytes: requestBytes,
      maxMessageBytes: settings.limits.socketMessageBytes,
      maxConnections: Math.ceil(httpConnections / roster.http.length),
      reusePort: roster.http.length > 1,
    };
    this.#renewals = this.#board.renewals();
    this.#listener = await RenewableListener.open(this.#platform, settings, options, app);
    this.#warn = (text) => report({ type: "warning", text });
    const { port } = this.#listener;
    const ready = (): void => {
      this.#board.setState(thread, ThreadState.ready);
      report({ type: "ready", port });
      this.#bell.ring();
    };
    this.#follower.hydrate().then(ready).catch((error: unknown) => this.#fail(error));
    const tickMs = Math.max(5, Math.min(settings.limits.idleWaitMs, settings.limits.heartbeatMs / 4, settings.limits.windowMs / 4));
    // Also what keeps the thread alive: a pending wait does not.
    const timer = setInterval(() => this.#bell.ring(), tickMs);
    try {
      await this.#bell.listen(() => this.#hasWork(), () => this.#drain(), () => this.#phase === DrainPhase.end);
    } finally {
      clearInterval(timer);
      this.#readers.stop();
      this.#registry.stop();
      this.#publisher.stop();
      this.#follower.stop();
      this.#access.stop();
      this.#crowd.stop();
      await this.#endListener();
    }
    this.#board.setState(thread, ThreadState.stopped);
    this.#board.setPhaseDone(thread, DrainPhase.end);
    report({ type: "stopped" });
  }

  #gateway(schemas: ConfigSchemas | null): HttpGateway {
    const { settings, instance, counters, recovered, audiences } = this.#boot;
    return new HttpGateway({
      epoch: recovered!.epoch,
      instance,
      settings,
      board: this.#board,
      counterMemory: counters,
      counters: this.#counters,
      follower: this.#follower,
      readers: this.#readers,
      registry: this.#registry,
      streams: this.#streams,
      devices: this.#devices,
      publisher: this.#publisher,
      sockets: this.#sockets,
      audience: new Audience(audiences[this.#boot.index]!),
      audiences,
      access: this.#access,
      schemas,
      wall: () => this.#platform.clock.wall(),
      random: () => this.#random.float(),
    });
  }

  #hasWork(): boolean {
    return this.#failure !== null || this.#readers.hasWork() || this.#registry.hasWork() || this.#devices.hasWork() ||
      this.#isFollowed() !== this.#closely || (this.#closely && this.#follower.hasWork()) || this.#publisher.hasWork() ||
      this.#board.phase() !== this.#phase || this.#board.renewals() !== this.#renewals;
  }

  #drain(): void {
    const { thread } = this.#boot;
    this.#board.beat(thread);
    passFault(this.#platform, this.#faults, "http.loop");
    if (this.#failure !== null) throw this.#failure.error;
    this.#access.follow();
    this.#readers.drain();
    this.#registry.drain();
    this.#publisher.drain();
    this.#devices.drain();
    this.#devices.tick();
    if (this.#boot.index === 0) this.#crowd.tick();
    // Said before the look: what is committed after it rings.
    this.#closely = this.#isFollowed();
    this.#board.setFollows(this.#boot.index, this.#closely);
    this.#follow();
    const now = this.#platform.clock.mono();
    this.#broker.settle(this.#board.oldest(), now);
    this.#beat(now);
    this.#streams.deliver();
    this.#renew();
    const phase = this.#board.phase();
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#devices.stopCommands();
    if (phase < DrainPhase.sayBye) this.#board.setPhaseDone(thread, phase);
    else if (phase === DrainPhase.sayBye) this.#sayBye().catch((error: unknown) => this.#fail(error));
  }

  /** It looks at every subscriber, and at how the process has grown: not with each event. */
  #beat(now: MonoMs): void {
    if (now < this.#beatAt) return;
    this.#beatAt = now + Math.min(BEAT_MS, this.#boot.settings.limits.heartbeatMs / 4);
    this.#broker.beat(now);
    this.#leftovers.worked();
  }

  /** SIGHUP: there may be a new certificate. One that cannot be used changes nothing. */
  #renew(): void {
    const renewals = this.#board.renewals();
    if (renewals === this.#renewals) return;
    this.#renewals = renewals;
    if (this.#listener === null || this.#saidBye) return;
    this.#listener.renew().catch((error: unknown) => this.#warn(`the old certificate stays: ${(error as Error).message}`));
  }

  /** Does anybody wait for events? While nobody does, a commit need not wake this thread. */
  #isFollowed(): boolean {
    return this.#broker.count > 0 || this.#follower.awaited;
  }

  #follow(): void {
    const pages = this.#follower.advance();
    if (pages !== null) pages.then(() => this.#bell.ring(), (error: unknown) => this.#fail(error));
    else if (this.#follower.againInMs !== null) setTimeout(() => this.#bell.ring(), this.#follower.againInMs);
  }

  /** Delivers what is committed, says `bye` to every stream, closes. A client that takes nothing is cut. */
  async #sayBye(): Promise<void> {
    if (this.#saidBye) return;
    this.#saidBye = true;
    const { byeMs } = this.#boot.settings.limits;
    const mono = (): MonoMs => this.#platform.clock.mono();
    const deadline = mono() + byeMs;
    await this.#follower.reach(this.#board.committed(), byeMs);
    this.#broker.settle(this.#board.oldest(), mono());
    this.#streams.deliver();
    while (this.#broker.behind > 0 && mono() < deadline) await pause(1);
    this.#broker.endAll("shutdown", mono());
    this.#streams.deliver();
    this.#devices.endAll("shutdown");
    this.#sockets.endAll();
    while (this.#streams.count + this.#devices.count + this.#sockets.count > 0 && mono() < deadline) await pause(1);
    this.#streams.cutAll();
    this.#devices.cutAll();
    this.#sockets.cutAll();
    // What was taken from here may not have left the process: the listener knows when it has.
    await this.#listener?.stop(Math.max(PAUSE_MS, deadline - mono()));
    await this.#endListener();
    this.#board.setPhaseDone(this.#boot.thread, DrainPhase.sayBye);
  }

  async #endListener(): Promise<void> {
    const { listenerEndMs } = this.#boot.settings.limits;
    const left = await this.#listener?.end(listenerEndMs) ?? null;
    if (left !== null) this.#warn(`connections do not end in ${listenerEndMs} ms; the thread ends without its ${left}`);
  }

  /** What failed outside of `drain` ends the thread from inside it. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#bell.ring();
  }
}
