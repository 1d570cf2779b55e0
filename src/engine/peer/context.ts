/** What the parts of the peer thread share: rings, bounds, connections, counters, log. Owned by the peer thread. */
import type { Clock } from "../../base/clock.ts";
import type { DeviceId } from "../../base/brand.ts";
import type { Limits } from "../../base/limits.ts";
import { assert } from "../../base/assert.ts";
import { type Prng, prng } from "../../base/prng.ts";
import type { PeerSetting } from "../../config/settings.ts";
import type { Platform } from "../../platform/port.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Counters } from "../../telemetry/counters.ts";
import type { Log, LogFields } from "../../telemetry/log.ts";
import { onceEvery } from "../../telemetry/log.ts";
import { slot } from "../../telemetry/slots.ts";
import { Board } from "../../wire/board.ts";
import { type Refusal, REFUSALS } from "../../wire/control.ts";
import { DIAL_OUTCOMES, type DialOutcome, GREETING_FAULTS, type GreetingFault, type PeerPolicy } from "../../wire/peer_line.ts";
import { connectionSlots, PresenceWriter } from "../../wire/presence.ts";
import type { Boot } from "../boot.ts";
import { PeerTable } from "./connection.ts";

/** How often deadlines are looked at and the heartbeat moves. */
export const TICK_MS = 10;

export type PeerRefusal = GreetingFault | Exclude<Refusal, "none">;
const REFUSED_FOR: readonly PeerRefusal[] = [...GREETING_FAULTS, ...REFUSALS.slice(1) as Exclude<Refusal, "none">[]];

export interface PeerContext {
  /** Index of our rings: the one after the codec workers'. */
  readonly ring: number;
  readonly self: DeviceId;
  readonly policy: PeerPolicy;
  /** By identity, in its one spelling. */
  readonly peers: ReadonlyMap<DeviceId, PeerSetting>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly board: Board;
  readonly random: Prng;
  readonly claims: RingProducer;
  readonly decisions: RingConsumer;
  readonly presence: PresenceWriter;
  readonly table: PeerTable;
  readonly tally: PeerTally;
  readonly warn: (fields: LogFields, message: string) => void;
}

/** Counters, each slot looked up once. */
export class PeerTally {
  readonly #counters: Counters;
  readonly #dials = new Map(DIAL_OUTCOMES.map((outcome) => [outcome, slot("berth_dials_total", outcome)]));
  readonly #refusals = new Map(REFUSED_FOR.map((cause) => [cause, slot("berth_peer_refusals_total", cause)]));
  readonly #sockets = slot("berth_peer_sockets");

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#counters = new Counters(memory, thread);
  }

  dial(outcome: DialOutcome): void {
    this.#counters.add(this.#dials.get(outcome)!);
  }
  refused(cause: PeerRefusal): void {
    this.#counters.add(this.#refusals.get(cause)!);
  }
  sockets(count: number): void {
    this.#counters.set(this.#sockets, count);
  }
}

function spelled(identity: string): DeviceId {
  const device = normaliseIdentity(identity);
  assert(device !== null, `identity ${identity} passed the configuration`);
  return device;
}

export function peerContext(boot: Boot, platform: Platform, log: Pick<Log, "warn">): PeerContext {
  const { limits, peer, peers } = boot.settings;
  const { rings, roster } = boot;
  const ring = roster.codec.length + boot.index;
  const once = onceEvery(limits.logIntervalMs, () => platform.clock.mono());
  return {
    ring,
    self: spelled(boot.instance),
    policy: peer.policy,
    peers: new Map(peers.map((one) => [spelled(one.identity), one])),
    limits,
    clock: platform.clock,
    board: new Board(boot.board),
    random: prng(new DataView(platform.randomBytes(4).buffer).getUint32(0)),
    claims: new RingProducer(rings.claims[ring]!, new Bell(boot.bells, roster.registry)),
    decisions: new RingConsumer(rings.decisions[ring]!),
    presence: new PresenceWriter(boot.presence, ring, connectionSlots(limits)),
    table: new PeerTable(limits.peerSockets),
    tally: new PeerTally(boot.counters, boot.thread),
    warn: (fields, message) => once((heldBack) => log.warn({ ...fields, ...(heldBack > 0 ? { heldBack } : {}) }, message)),
  };
}
