/** What the parts of the udp thread share: rings, bounds, senders, counters, log. Owned by the udp thread. */
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Platform } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Counters } from "../../telemetry/counters.ts";
import { type Log, type LogFields, onceEvery } from "../../telemetry/log.ts";
import { slot } from "../../telemetry/slots.ts";
import { Board } from "../../wire/board.ts";
import { connectionSlots, PresenceWriter } from "../../wire/presence.ts";
import { UDP_OUTCOMES, type UdpOutcome } from "../../wire/udp_outcome.ts";
import type { Boot } from "../boot.ts";
import { CodecTally } from "../codec/tally.ts";
import { TimerWheel } from "../codec/wheel.ts";
import { UdpRate } from "./rate.ts";
import { SenderTable } from "./sender.ts";

/** How often deadlines are looked at and the heartbeat moves. */
export const TICK_MS = 20;

/** Senders take this part of the connections there may be, at most: anybody can make them. */
const CONNECTIONS_SHARE = 4;

export interface UdpContext {
  /** Index of our rings: the last one. */
  readonly ring: number;
  /** Are commands sent, and codec 12 to 15 taken? */
  readonly takesCommands: boolean;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly board: Board;
  /** Claims refused for the device's own fault. Not the table that TCP shares: an address in a datagram is anybody's. */
  readonly refusals: UdpRate;
  readonly presence: PresenceWriter;
  readonly frames: RingProducer;
  readonly exceptions: RingConsumer;
  readonly claims: RingProducer;
  readonly decisions: RingConsumer;
  readonly table: SenderTable;
  /** When each sender has been silent for too long. */
  readonly wheel: TimerWheel;
  /** What frames and logins count, as in a codec worker. */
  readonly tally: CodecTally;
  readonly packets: UdpTally;
  readonly warn: (fields: LogFields, message: string) => void;
}

/** Counters of the channel itself, each slot looked up once. */
export class UdpTally {
  readonly #counters: Counters;
  readonly #outcomes = new Map(UDP_OUTCOMES.map((outcome) => [outcome, slot("berth_udp_packets_total", outcome)]));
  readonly #senders = slot("berth_udp_senders");

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#counters = new Counters(memory, thread);
  }

  count(outcome: UdpOutcome, by = 1): void {
    this.#counters.add(this.#outcomes.get(outcome)!, by);
  }
  senders(count: number): void {
    this.#counters.set(this.#senders, count);
  }
}

export function udpContext(boot: Boot, platform: Pick<Platform, "clock">, log: Pick<Log, "warn">): UdpContext {
  const { limits } = boot.settings;
  const { rings, roster } = boot;
  const ring = roster.codec.length + roster.peer.length + boot.index;
  const slots = connectionSlots(limits);
  const capacity = Math.max(1, Math.min(limits.udpSenders, Math.floor(limits.connections / CONNECTIONS_SHARE)));
  const once = onceEvery(limits.logIntervalMs, () => platform.clock.mono());
  return {
    ring,
    takesCommands: boot.settings.udp?.commands === true,
    limits,
    clock: platform.clock,
    board: new Board(boot.board),
    refusals: new UdpRate(limits.failedLoginsPerSecondPerAddress),
    presence: new PresenceWriter(boot.presence, ring, slots),
    frames: new RingProducer(rings.frames[ring]!, new Bell(boot.bells, roster.journal)),
    exceptions: new RingConsumer(rings.exceptions[ring]!),
    claims: new RingProducer(rings.claims[ring]!, new Bell(boot.bells, roster.registry)),
    decisions: new RingConsumer(rings.decisions[ring]!),
    table: new SenderTable(capacity),
    wheel: new TimerWheel(capacity, TICK_MS, platform.clock.mono()),
    tally: new CodecTally(boot.counters, boot.thread),
    packets: new UdpTally(boot.counters, boot.thread),
    warn: (fields, message) => once((heldBack) => log.warn({ ...fields, ...(heldBack > 0 ? { heldBack } : {}) }, message)),
  };
}
