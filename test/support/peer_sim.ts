/**
 * Two gateways that dial each other, without a process: the real peer worker, scheduler and registry of each, rings between
 * them, on a simulated network and clock. One seed makes everything; a violation is an error that names it.
 */
import { asMonoMs, asWallMs } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import type { Boot } from "../../src/engine/boot.ts";
import { makeMemory, makeRoster } from "../../src/engine/memory.ts";
import { peerContext } from "../../src/engine/peer/context.ts";
import { PeerWorker } from "../../src/engine/peer/worker.ts";
import { RegistryDesk } from "../../src/engine/registry/desk.ts";
import type { Platform, SocketHandler } from "../../src/platform/port.ts";
import type { stepDial } from "../../src/registry/dial.ts";
import { step } from "../../src/registry/registry.ts";
import { RingConsumer } from "../../src/ring/spsc.ts";
import { Counters } from "../../src/telemetry/counters.ts";
import { slot } from "../../src/telemetry/slots.ts";
import { Board, Gate } from "../../src/wire/board.ts";
import { type Message, receive } from "../../src/wire/control.ts";
import { DIAL_OUTCOMES, type DialOutcome, type PeerPolicy } from "../../src/wire/peer_line.ts";
import { settingsWith } from "./out_world.ts";
import { microtasks } from "./sim/settle.ts";
import { Agenda, type End, Net } from "./peer_net.ts";

const LIMITS = limitsWith({
  dialPercent: 1,
  dialStageMs: 600,
  dialSupersededMs: 100,
  greetingMs: 400,
  pingMs: 50,
  peerDeadMs: 250,
  parkMs: 400,
  probeMs: 200,
  evictedCloseMs: 50,
  controlRingBytes: 1 << 16,
  ringStartPosition: 0xffff_f000,
});
/** Virtual ms until two gateways must have found each other, with nothing in the way. */
const AGREE_MS = 5000;
const STAYS_MS = 500;

/** What decides, when it is not what the product has. */
export interface Core {
  readonly registry?: typeof step;
  readonly dials?: typeof stepDial;
}

/** One gateway. */
class Hub {
  readonly name: string;
  readonly worker: PeerWorker;
  /** What its registry has said: the owner of the other's identity. */
  owner: { readonly conn: number; readonly fence: number } | null = null;
  stalledUntil = 0;
  #fence = 0;
  readonly #counters: Counters;
  readonly #desk: RegistryDesk;
  readonly #lifecycle: RingConsumer;

  constructor(sim: PeerSim, name: string, other: string, policy: PeerPolicy, core: Core = {}) {
    const { agenda, net } = sim;
    this.name = name;
    const settings: Settings = {
      ...settingsWith(),
      limits: LIMITS,
      instance: name,
      peer: { listen: null, policy },
      peers: [{ identity: other, dial: { kind: "tcp", host: other, port: 1 } }],
    };
    const roster = makeRoster(1, 1);
    const memory = makeMemory(settings, roster);
    const board = new Board(memory.board);
    board.setGate(Gate.open);
    board.setFenceReserved(1 << 20);
    const recovered = { epoch: "e", fenceBase: 1, devices: [], commands: [], configs: [] };
    const boot: Boot = {
      role: "peer",
      thread: roster.peer[0]!,
      index: 0,
      instance: name,
      settings,
      faults: "",
      ...memory,
      roster,
      recovered,
    };
    const clock = { wall: () => asWallMs(1e12 + agenda.now), mono: () => asMonoMs(agenda.now) };
    const platform = {
      clock,
      randomBytes: (count: number) => Uint8Array.from({ length: count }, () => agenda.random.below(256)),
      lookup: (host: string) => new Promise<string>((found) => agenda.in(agenda.random.float() * net.lateMs, () => found(host))),
      connectTcp: (_host: string, _port: number, handler: SocketHandler<unknown>) =>
        net.connect(handler, sim.hubs.find((hub) => hub !== this)!.worker.handler as SocketHandler<unknown>),
    } as unknown as Platform;
    this.worker = new PeerWorker(peerContext(boot, platform, { warn: () => {} }), platform, core.dials);
    this.#desk = new RegistryDesk(boot, recovered, board, clock, core.registry ?? step);
    this.#counters = new Counters(memory.counters, boot.thread);
    this.#lifecycle = new RingConsumer(memory.rings.lifecycle);
  }

  /** Dials that were begun and have not come to anything yet. */
  get dialling(): number {
    const count = (outcome: DialOutcome): number => this.#counters.get(slot("berth_dials_total", outcome));
    return DIAL_OUTCOMES.reduce((sum, outcome) => (outcome === "begun" ? sum : sum - count(outcome)), count("begun"));
  }

  /** One look of the registry thread, or of the peer thread. */
  registry(): void {
    this.#desk.round();
    while (this.#lifecycle.next()) this.#told(receive(this.#lifecycle));
    this.#lifecycle.release();
  }

  /** The events of an identity are in order, and each fits what was there: one owner, fences that rise. */
  #told(message: Message): void {
    const wrong = (what: string): never => {
      throw new Error(`${this.name}: ${what}: ${JSON.stringify(message)}`);
    };
    if (message.type === "connected" || message.type === "replaced") {
      if (message.fence <= this.#fence) wrong("a fence that does not rise");
      if ((this.owner?.fence ?? 0) !== (message.type === "replaced" ? message.oldFence : 0)) wrong("an owner that was not there");
      this.#fence = message.fence;
      this.owner = { conn: message.conn, fence: message.fence };
    } else if (message.type === "disconnected") {
      if (this.owner?.fence !== message.fence) wrong("offline though another owns it");
      this.owner = null;
    }
  }
}

export class PeerSim {
  readonly agenda: Agenda;
  readonly net: Net;
  readonly hubs: readonly [Hub, Hub];
  /** Rounds in which two connections lived at a time. */
  met = 0;

  constructor(seed: number, policy: PeerPolicy, core: Core = {}) {
    this.agenda = new Agenda(seed);
    this.net = new Net(this.agenda);
    this.hubs = [new Hub(this, "alpha", "bravo", policy, core), new Hub(this, "bravo", "alpha", policy, core)];
    for (const hub of this.hubs) {
      hub.worker.start();
      this.#again(10, hub, () => hub.worker.tick());
      this.#again(3, hub, () => hub.worker.turn());
      this.#again(3, hub, () => hub.registry());
    }
  }

  /** Everything may go wrong for so long; then nothing does any more. */
  async chaos(ms: number): Promise<void> {
    const { net, agenda } = this;
    const { random } = agenda;
    net.refuse = random.pick([0, 0.2, 0.5]);
    net.ignore = random.pick([0, 0.1, 0.3]);
    const faults = [
      () => net.resetAll(),
      () => random.pick([...net.ends, null])?.fall("reset"),
      () => [...net.ends].forEach((end) => random.chance(0.5) && net.swallowed.add(end)),
      () => void (random.pick(this.hubs).stalledUntil = agenda.now + random.below(200)),
      () => void (net.lateMs = random.pick([1, 5, 20, 60])),
    ].filter(() => random.chance(0.6));
    const until = agenda.now + ms;
    const strike = (): void => {
      if (agenda.now >= until || faults.length === 0) return;
      random.pick(faults)();
      agenda.in(random.below(150), strike);
    };
    strike();
    await this.#run(() => agenda.now >= until, ms + 1000, () => {});
    net.refuse = net.ignore = 0;
    for (const hub of this.hubs) hub.stalledUntil = 0;
  }

  /** Until both own the same connection, nothing else lives or is being dialled, and it stays so. */
  async agree(): Promise<void> {
    await this.#run(() => this.#agreed() !== null, AGREE_MS, () => {});
    const since = this.agenda.now;
    const fences = this.hubs.map(({ owner }) => owner?.fence);
    await this.#run(() => this.agenda.now > since + STAYS_MS, 2 * STAYS_MS, () => {
      if (this.hubs.some(({ owner }, i) => owner?.fence !== fences[i])) throw new Error("The agreement did not last");
    });
  }

  /** Everything is reset at once and nothing else goes wrong: from the first connection both have, there is always one. */
  async meet(): Promise<void> {
    this.net.resetAll();
    this.net.lateMs = this.agenda.random.pick([1, 5, 20, 60]);
    let had = false;
    let most = 0;
    await this.#run(() => this.#agreed() !== null, AGREE_MS, () => {
      const live = this.net.live();
      most = Math.max(most, live.length);
      had ||= live.some((end) => this.#ownedByBoth(end));
      if (had && live.length === 0) throw new Error("Both connections were lost");
    });
    if (most > 1) this.met++;
  }

  #ownedByBoth(end: End): boolean {
    const [a, b] = this.hubs.map(({ owner }) => owner?.conn);
    const [near, far] = [end.state?.id, end.other.state?.id];
    // Who dialled is not known here: either end may be either's. Ids are small, so an accident would need equal ones.
    return near !== undefined && far !== undefined && ((a === near && b === far) || (a === far && b === near));
  }

  #agreed(): End | null {
    const live = this.net.live();
    const sockets = this.hubs.every(({ worker, dialling }) => worker.sockets === 1 && dialling === 0);
    return live.length === 1 && sockets && this.#ownedByBoth(live[0]!) ? live[0]! : null;
  }

  async #run(done: () => boolean, withinMs: number, check: () => void): Promise<void> {
    const deadline = this.agenda.now + withinMs;
    while (!done()) {
      if (this.agenda.now > deadline) {
        throw new Error(
          `No agreement within ${withinMs} ms: ${this.net.live().length} live, ${
            JSON.stringify(this.hubs.map(({ owner, worker }) => [owner, worker.sockets]))
          }`,
        );
      }
      this.agenda.step();
      await microtasks();
      check();
    }
  }

  /** Does it every so often, not quite regularly, unless the gateway stands still. */
  #again(everyMs: number, hub: Hub, act: () => void): void {
    const { agenda } = this;
    agenda.in(agenda.random.float() * everyMs, () => {
      if (agenda.now >= hub.stalledUntil) act();
      this.#again(everyMs, hub, act);
    });
  }
}
