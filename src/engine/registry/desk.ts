/**
 * The registry's rings: takes events in, performs effects out. Owned by the registry thread, which never waits:
 *
 *   lifecycle   keeps room for one disconnected per owner; with only that left, newcomers are refused (store_busy)
 *   decisions   keep room for one evict per owner; with only that left, the worker's claims stay in their ring
 *   answers     a full one leaves the questions in their ring
 *
 * A round publishes lifecycle events before decisions: the journal can see a connection before its worker knows of it.
 */
import type { Clock } from "../../base/clock.ts";
import type { Discard } from "../../platform/memory.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell, type Poke } from "../../ring/wait.ts";
import { Effects } from "../../registry/effect.ts";
import type { RegistryEvent } from "../../registry/event.ts";
import { step } from "../../registry/registry.ts";
import { createRegistry, type RegistryState } from "../../registry/state.ts";
import { Counters } from "../../telemetry/counters.ts";
import type { Board } from "../../wire/board.ts";
import { type Message, type MessageOf, ORDERS, type Outcome, receive, TRANSPORTS } from "../../wire/control.ts";
import { type AllowList, NO_LIST } from "../allow_list.ts";
import { type Boot, type Recovered, ringThreads } from "../boot.ts";
import { announced, policiesFrom } from "./policies.ts";
import { RegistryCommands } from "./commands.ts";
import { sentEvent } from "./conflict_message.ts";
import { RegistryConfigs } from "./configs.ts";
import { RegistryOutbox } from "./outbox.ts";
import { RegistryQuarantine } from "./quarantine.ts";

const ACKNOWLEDGE = ORDERS.indexOf("acknowledge");
const SSE = TRANSPORTS.indexOf("sse");
/** Messages taken from one ring before the next one has its turn. */
const TURN = 256;

const LASTING = ["submit", "commandReport", "configure", "configReport", "quarantineOrder"] as const;
type Lasting = Extract<Message, { readonly type: (typeof LASTING)[number] }>;
const isLasting = (message: Message): message is Lasting => (LASTING as readonly string[]).includes(message.type);

/** Of a decisions ring for each newcomer that waits, several times what it needs: who waits must not stop who does not. */
const WAITER_BYTES = 256;

export class RegistryDesk {
  readonly #thread: number;
  readonly #board: Board;
  readonly #clock: Clock;
  readonly #state: RegistryState;
  readonly #effects = new Effects();
  readonly #claims: readonly RingConsumer[];
  readonly #asks: readonly RingConsumer[];
  readonly #frames: readonly RingConsumer[];
  readonly #outbox: RegistryOutbox;
  readonly #commands: RegistryCommands;
  readonly #configs: RegistryConfigs;
  readonly #quarantine: RegistryQuarantine;
  readonly #step: typeof step;
  /** A ring of ours has been left unread because the one to answer into is full. */
  blocked = false;

  /** `core`: what decides; the simulation puts its eyes, and wrong ones, in its place. */
  constructor(
    boot: Boot,
    recovered: Recovered,
    board: Board,
    clock: Clock,
    core: typeof step = step,
    list: AllowList = NO_LIST,
    poke?: Poke,
  ) {
    this.#step = core;
    const { unknownDevices, limits } = boot.settings;
    this.#thread = boot.thread;
    this.#board = board;
    this.#clock = clock;
    this.#state = createRegistry({
      ...policiesFrom(boot.settings),
      self: boot.instance,
      conflictAction: boot.settings.conflict.action,
      admitUnknown: unknownDevices !== "reject",
      limits: { ...limits, pendingCandidates: Math.min(limits.pendingCandidates, Math.floor(limits.controlRingBytes / WAITER_BYTES)) },
      // Devices with a policy of their own are announced by it.
      devices: [...recovered.devices, ...announced(boot.settings)],
      ...list,
      counter: recovered.fenceBase,
      counterEnd: board.fenceReserved(),
    });
    this.#claims = boot.rings.claims.map((memory) => new RingConsumer(memory));
    this.#asks = boot.rings.asks.map((memory) => new RingConsumer(memory));
    this.#frames = boot.rings.frames.map((memory) => new RingConsumer(memory));
    const threads = ringThreads(boot.roster);
    const bell = (thread: number): Bell => new Bell(boot.bells, thread, poke);
    const lifecycle = new RingProducer(boot.rings.lifecycle, bell(boot.roster.journal));
    const decisions = boot.rings.decisions.map((memory, i) => new RingProducer(memory, bell(threads[i]!)));
    const answers = boot.rings.answers.map((memory, i) => new RingProducer(memory, bell(boot.roster.http[i]!)));
    this.#outbox = new RegistryOutbox(boot, this.#state, lifecycle, decisions, answers, this.#frames);
    const { room } = this.#outbox;
    const counters = new Counters(boot.counters, boot.thread);
    const isOverUdp = boot.settings.udp?.commands === true;
    const parts = { board, clock, state: this.#state, counters, room, lifecycle, decisions, answers, isOverUdp };
    this.#commands = new RegistryCommands(parts, limits, recovered);
    this.#configs = new RegistryConfigs(parts, this.#commands, limits, recovered);
    this.#quarantine = new RegistryQuarantine(parts, this.#outbox.kept);
  }

  hasWork(): boolean {
    return this.#commands.hasWork() || this.#configs.hasWork() || this.#outbox.kept.hasWork() ||
      this.#claims.some((ring) => ring.hasNext()) ||
      this.#asks.some((ring) => ring.hasNext());
  }

  /** How long nothing is due, if no ring brings anything; at most `mostMs`. */
  idleMs(mostMs: number): number {
    const { conflicts } = this.#state;
    if (conflicts.isDue) return 0;
    const nextDeadline = Math.min(this.#state.nextDeadline, this.#commands.nextDeadline);
    return nextDeadline === Number.POSITIVE_INFINITY ? mostMs : Math.min(mostMs, Math.max(0, nextDeadline - this.#clock.mono()));
  }

  /** What the rings hold nothing in. */
  giveBack(discard: Discard): void {
    this.#outbox.giveBack(discard);
  }

  /** One turn of every ring and of the deadlines. Returns how much it took from the rings. */
  round(): number {
    this.blocked = false;
    this.#state.counterEnd = this.#board.fenceReserved();
    let taken = 0;
    for (let i = 0; i < this.#claims.length; i++) taken += this.#takeClaims(i, this.#claims[i]!);
    for (let i = 0; i < this.#asks.length; i++) taken += this.#takeAsks(i, this.#asks[i]!);
    this.#tick(this.#clock.mono());
    this.#flush();
    this.#board.setDoorShut(this.#state.draining);
    this.#outbox.publish();
    this.#outbox.count();
    return taken;
  }

  /** Shutdown: every owner still here leaves. The workers have stopped reading; most have said goodbye by themselves. */
  releaseAll(): void {
    // However much there is still to take, this thread does not hang.
    while (this.round() > 0) this.#board.beat(this.#thread);
    this.#do({ type: "releaseAll", at: this.#clock.wall(), positions: this.#frames.map((ring) => ring.snapshot()) }, 0);
    const { refused, conflicts } = this.#state;
    while ((refused.size > 0 || conflicts.isDue) && this.#tick(Number.POSITIVE_INFINITY)) this.#board.beat(this.#thread);
    this.#flush();
    this.#outbox.publish();
  }

  /** Commands before configurations, which follow how those end; and once more, as they may have brought new ones. */
  #flush(): void {
    const done = this.#commands.flush();
    const told = this.#configs.flush();
    const ordered = this.#outbox.kept.flush();
    if (!(this.#commands.flush() && told && done && ordered)) this.blocked = true;
  }

  #takeClaims(ring: number, claims: RingConsumer): number {
    let taken = 0;
    for (; taken < TURN; taken++) {
      if (!this.#outbox.room.mayDecide(ring)) {
        this.blocked ||= claims.hasNext();
        break;
      }
      if (!claims.next()) break;
      const message = receive(claims);
      if (message.type === "claim") {
        this.#state.blocked = this.#outbox.room.mayAdmit(message) ? "none" : "store_busy";
        this.#do({ ...message, ring }, this.#clock.mono());
      } else if (message.type === "claimStream") this.#claimStream(message, ring);
      else if (message.type === "close") {
        this.#state.blocked = this.#state.pending.size === 0 || this.#outbox.room.mayTick() ? "none" : "store_busy";
        this.#do({ ...message, ring, at: this.#clock.wall() }, this.#clock.mono());
      } else if (message.type === "probed") {
        this.#state.blocked = this.#outbox.room.mayTick() ? "none" : "store_busy";
        this.#do(message, this.#clock.mono());
      } else if (message.type === "afterlife") {
        this.#do({ ...message, at: this.#clock.wall() }, this.#clock.mono());
      } else if (message.type === "sent") this.#do(sentEvent(message, this.#clock.wall()), this.#clock.mono());
      else if (message.type === "commandDone") this.#commands.done(message);
      else if (message.type === "commandAnswer") this.#commands.answered(message);
      else throw new Error(`unexpected ${message.type} in a claims ring`);
    }
    claims.release();
    return taken;
  }

  /** A device's own request does not take the device from a connection of another kind unless it says so. */
  #claimStream({ conn, device, address, port, at, takeover, commands }: MessageOf<"claimStream">, ring: number): void {
    const claim = { conn, device, deviceClass: "", transport: SSE, address, port, clientInstance: "", at, dialled: false };
    this.#state.blocked = this.#outbox.room.mayAdmit(claim) ? "none" : "store_busy";
    this.#do({ type: "claim", ...claim, ring, spares: !takeover, takesCommands: commands }, this.#clock.mono());
  }

  #takeAsks(ring: number, asks: RingConsumer): number {
    let taken = 0;
    for (; taken < TURN; taken++) {
      if (!this.#outbox.room.mayAnswer(ring)) {
        this.blocked ||= asks.hasNext();
        break;
      }
      if (!asks.next()) break;
      const message = receive(asks);
      if (isLasting(message)) {
        const refused = this.#takeLasting(message, ring);
        if (refused !== null) this.#outbox.perform({ type: "done", ring, request: message.request, outcome: refused[0], text: refused[1] });
        continue;
      }
      if (message.type !== "ask" && message.type !== "order") throw new Error(`unexpected ${message.type} in an ask ring`);
      if (message.type === "order") this.#order(message, ring);
      else this.#do({ ...message, ring }, this.#clock.mono());
    }
    asks.release();
    return taken;
  }

  /** Done whatever the journal does, but for what has to be on its disk; nobody is admitted by one while it cannot be told. */
  #order(message: MessageOf<"order">, ring: number): void {
    const { room, kept } = this.#outbox;
    const mayTick = room.mayTick();
    const mayWait = message.verb !== ACKNOWLEDGE || (mayTick && !kept.isFull);
    if (!mayWait || !room.mayOrder()) {
      return this.#outbox.perform({ type: "done", ring, request: message.request, outcome: "busy", text: "" });
    }
    this.#state.blocked = mayTick ? "none" : "store_busy";
    this.#do({ ...message, ring, at: this.#clock.wall() }, this.#clock.mono());
  }

  /** What is answered when it is on the disk. Not null: it is refused at once. */
  #takeLasting(message: Lasting, ring: number): readonly [Outcome, string] | null {
    switch (message.type) {
      case "submit":
        return this.#commands.submit(message, ring);
      case "commandReport":
        return this.#commands.report(message, ring);
      case "configure":
        return this.#configs.put(message, ring);
      case "configReport":
        return this.#configs.report(message, ring);
      case "quarantineOrder":
        return this.#quarantine.order(message, ring);
    }
  }

  /** Does what is due, a turn's worth of it. False when there is no room to tell it. */
  #tick(now: number): boolean {
    const { refused, conflicts } = this.#state;
    for (let i = 0; i < TURN; i++) {
      if (refused.size === 0 && now < this.#state.nextDeadline && !conflicts.wantsTick(now)) return true;
      if (!this.#outbox.room.mayTick()) {
        this.blocked = true;
        return false;
      }
      this.#state.blocked = "none";
      this.#do({ type: "tick" }, now);
      if (this.#effects.length === 0) return true;
    }
    return true;
  }

  #do(event: RegistryEvent, now: number): void {
    this.#effects.clear();
    this.#step(this.#state, event, now, this.#effects);
    for (let i = 0; i < this.#effects.length; i++) {
      this.#outbox.perform(this.#effects.at(i));
      this.#commands.follow(this.#effects.at(i));
      this.#configs.follow(this.#effects.at(i));
    }
  }
}
