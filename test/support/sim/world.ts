/**
 * The simulated world of one seed: a gateway that lives and dies on one disk, devices, subscribers, the network between
 * them, and a clock. Nothing happens but in `perform`; every thing that is checked at once is checked there.
 */
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { type Prng, prng } from "../../../src/base/prng.ts";
import type { Effects } from "../../../src/registry/effect.ts";
import { StoreError } from "../../../src/engine/journal/start.ts";
import { step } from "../../../src/registry/registry.ts";
import { DrainPhase } from "../../../src/wire/board.ts";
import type { Message } from "../../../src/wire/control.ts";
import { Crash } from "../crashing_database.ts";
import { Consumer } from "./consumer.ts";
import { type Air, SimDevice } from "./device.ts";
import { SimDisk } from "./disk.ts";
import { Life, settingsOf } from "./life.ts";
import { SimLink } from "./link.ts";
import { MOST_OWNERS, type Plan } from "./plan.ts";
import { SimKernel } from "./kernel.ts";
import type { JournalWatch } from "./sim_journal.ts";
import { Truth } from "./truth.ts";
import { hold, Violation } from "./violation.ts";
import { Watch } from "./watch.ts";

export type Core = typeof step;

/** Longer than any phase takes when every thread has its turns. */
const PHASE_MS = 20_000;
const MOST_DEVICES = 10;
const FIRST_IMEI = 350_000_000_000_001;

export interface WorldOptions {
  /** Made anew for every world: a wrong registry may remember. */
  readonly core?: () => Core;
  /** The registry is not watched: what goes wrong must show outside. */
  readonly blind?: boolean;
  readonly trace?: boolean;
  /** Text of BERTH_FAULTS: what a journal that breaks its promises does. */
  readonly faults?: string;
}

export class World implements Air, JournalWatch {
  readonly plan: Plan;
  readonly watch: Watch;
  readonly truth: Truth;
  readonly disk: SimDisk;
  readonly devices: SimDevice[] = [];
  readonly consumers: Consumer[] = [];
  links: SimLink[] = [];
  /** Commands ever asked for. */
  readonly wishes: { readonly device: string; readonly key: string; readonly text: string; readonly codec: number }[] = [];
  life: Life | null = null;
  mono = 1000;
  wallOffset = 1_700_000_000_000;
  readonly clock: Clock = { wall: () => asWallMs(this.wallOffset + this.mono), mono: () => asMonoMs(this.mono) };
  readonly notes: string[] = [];
  /** Chance of the step under way. */
  random: Prng;
  readonly counts = { crashes: 0, stops: 0, commits: 0, failedCommits: 0, refused: 0, connections: 0 };
  /** What worker threads do at the end of their turn of the event loop. */
  readonly immediates: { readonly thread: string; readonly run: () => void }[] = [];
  /** What was thrown in the middle of somebody's turn. */
  found: unknown = null;
  /** Turns the http thread misses. */
  httpRests = 0;
  /** Runs something of another thread, if it likes; set by the acts. */
  interrupt: () => void = () => undefined;
  readonly #settings;
  readonly #core: Core;
  readonly #trace: boolean;
  readonly #faults: string;
  readonly #fences = new Map<string, number>();
  #attached = false;
  #links = 0;
  #phaseSince = 0;
  /** A phase of the shutdown ended without some thread having done its part: it stood still. */
  #forced = false;
  /** Commits failed during the shutdown. */
  #failedSince = false;

  constructor(plan: Plan, options: WorldOptions = {}) {
    this.plan = plan;
    this.random = prng(plan.seed);
    this.watch = new Watch(options.blind ?? false);
    this.truth = new Truth(this.watch.origins);
    this.#core = options.core?.() ?? step;
    this.#trace = options.trace ?? false;
    this.#faults = options.faults ?? "";
    this.#settings = settingsOf(plan.shape, plan.faults.has("holds"));
    if (plan.faults.has("policies") || plan.shape.policy.startsWith("multi")) this.truth.mostOwners = MOST_OWNERS;
    this.disk = new SimDisk(() => this.pause(), (nextSeq) => this.#kept(nextSeq));
    for (let i = 0; i < plan.shape.devices; i++) this.devices.push(new SimDevice(this, String(FIRST_IMEI + i), 0));
    if (plan.faults.has("clones")) this.truth.contested.add(String(FIRST_IMEI));
    if (plan.faults.has("clones")) this.devices.push(new SimDevice(this, String(FIRST_IMEI), 1));
    for (let i = 0; i < plan.shape.subscribers; i++) {
      this.consumers.push(new Consumer(`subscriber ${i}`, i === 0 ? null : [String(FIRST_IMEI)], this.truth));
    }
  }

  note(text: string): void {
    if (this.#trace) this.notes.push(`${this.mono}ms  ${text}`);
  }
  wall(): number {
    return this.clock.wall();
  }

  /** More is on the disk. What is wrong with it must not pass for a failure of the sync. */
  #kept(nextSeq: number): void {
    try {
      this.truth.keep(nextSeq);
    } catch (error) {
      this.found ??= error;
      throw error;
    }
  }

  // The journal's eyes.
  committed(): void {
    if (this.#attached) return this.truth.read();
    this.#attached = true;
    this.truth.attach(this.disk.raw, this.disk.nextSeq);
  }
  told(message: Message, seq: number): void {
    if (message.type === "connected" || message.type === "replaced") this.#fences.set(`${message.ring}:${message.conn}`, message.fence);
    if (message.type === "replaced") this.truth.raise(message.device, message.floor, seq);
    if (message.type === "raiseFloor") this.truth.raise(message.device, message.fence, seq);
  }
  refused(ring: number, conn: number, fence: number | null): void {
    this.counts.refused++;
    const own = fence ?? this.#fences.get(`${ring}:${conn}`);
    hold(
      this.#forced || (own !== undefined && this.watch.lost.has(own)),
      "drained before closed",
      () => `a frame of ${own} is refused, and nobody took its device`,
    );
  }
  pause(): void {
    this.interrupt();
  }

  connect(device: SimDevice): SimLink {
    const link = new SimLink(++this.#links, device.address, device, () => this.mono);
    if (this.plan.faults.has("mute")) link.mute = this.random.chance(0.3);
    this.links.push(link);
    this.counts.connections++;
    return link;
  }

  /** A device nobody has heard of, and perhaps somebody who waits for it. */
  stranger(random: Prng): void {
    if (this.devices.length >= MOST_DEVICES) return;
    const imei = String(FIRST_IMEI + 100 + this.devices.length);
    const device = new SimDevice(this, imei, 0);
    this.devices.push(device);
    device.act(random, false, false);
    if (random.chance(0.5)) this.consumers.push(new Consumer(`subscriber of ${imei}`, [imei], this.truth));
  }

  /** A new process on the disk as it is. */
  start(): void {
    this.disk.failure = null;
    this.disk.failSync = false;
    this.#attached = false;
    this.#forced = false;
    this.#failedSince = false;
    this.#fences.clear();
    const core: Core = (state, event, now, out: Effects) => {
      this.#core(state, event, now, out);
      this.watch.see(state, event, now, out);
      this.pause();
    };
    this.note("the gateway starts");
    this.life = new Life({
      settings: this.#settings,
      faults: this.#faults,
      workers: this.plan.shape.workers,
      disk: this.disk,
      clock: this.clock,
      tcpKernel: new SimKernel(() => this.links, () => this.mono),
      watch: this,
      core,
    });
  }

  /** The process is gone, in the middle of whatever it did. `told`: the kernel is still there to reset its connections. */
  crash(told: boolean): void {
    this.note(`the gateway dies${told ? "" : " with its machine"}`);
    this.counts.crashes++;
    this.#end(told);
  }

  #end(told: boolean): void {
    if (this.life !== null) {
      this.counts.commits += this.life.journal.commits;
      this.counts.failedCommits += this.life.journal.failures;
    }
    if (this.life !== null) this.life.http.gone = true;
    this.life = null;
    this.disk.lose(!told, this.random);
    this.immediates.length = 0;
    for (const link of this.links) if (link.gateway === "open") link.lost(told);
    for (const consumer of this.consumers) consumer.lose();
    this.watch.restart();
  }

  /** Runs what may end in the death of the process. */
  perform(act: () => void, told: boolean): void {
    try {
      if (this.life?.http.fault) throw this.life.http.fault;
      act();
      this.#supervise();
      this.#look();
    } catch (caught) {
      const error = this.found ?? caught;
      this.found = null;
      if (error instanceof Violation) throw error;
      if (!(error instanceof Crash) && !(error instanceof StoreError)) {
        throw new Violation("no crash", error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      this.crash(told);
    }
    if (this.links.some((link) => link.over)) this.links = this.links.filter((link) => !link.over);
  }

  /** Nothing is shown that a machine's death could take back. */
  #look(): void {
    const follower = this.life?.http.follower;
    if (follower === undefined || !follower.hydrated) return;
    const { position } = follower;
    hold(
      position <= this.truth.committed,
      "I11 acknowledged is stored",
      () => `http is at ${position}, on disk is ${this.truth.committed}`,
    );
  }

  stop(): void {
    if (this.life === null || this.life.board.phase() !== DrainPhase.running) return;
    this.note("the gateway is told to stop");
    this.life.board.setPhase(DrainPhase.stopAccepting);
    this.#phaseSince = this.mono;
  }

  /** The supervisor's part of a shutdown: the next phase when all have done this one, or when it takes too long. */
  #supervise(): void {
    const { life } = this;
    if (life === null || life.busy.length > 0) return;
    const phase = life.board.phase();
    this.#failedSince ||= phase !== DrainPhase.running && life.journal.failing;
    if (phase === DrainPhase.running || (!life.phaseDone && this.mono - this.#phaseSince < PHASE_MS)) return;
    if (!life.phaseDone) this.#forced = true;
    if (phase === DrainPhase.end) return this.#stopped();
    this.note(`shutdown phase ${phase + 1}`);
    this.#phaseSince = this.mono;
    life.board.setPhase((phase + 1) as DrainPhase);
    if (phase + 1 === DrainPhase.sayBye) life.http.broker.endAll("shutdown", asMonoMs(this.mono));
  }

  #stopped(): void {
    const left = this.#forced ? [] : this.links.filter((link) => link.gateway === "open" && !link.released);
    hold(left.length === 0, "I9 shutdown", () => `${left.map((link) => link.name).join()} is still open`);
    hold(!this.disk.writing, "I9 shutdown", () => "a transaction is not finished");
    // What a failing disk did not take is said at the next start.
    if (!this.#failedSince && !this.#forced) {
      for (const [id, device] of this.truth.devices) {
        hold(device.open.size === 0, "I9 shutdown", () => `${id} is still connected by the log under ${[...device.open].join()}`);
      }
    }
    this.counts.stops++;
    this.note("the gateway has stopped");
    this.#end(true);
  }
}
