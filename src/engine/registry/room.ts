/**
 * Room in the registry's rings for what must be told: reserves that are kept before a step, so that every effect of it fits.
 * Owned by the registry thread.
 */
import type { Claim } from "../../registry/event.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import type { Owner } from "../../registry/owner.ts";
import type { RegistryState } from "../../registry/state.ts";
import { messageBytes } from "../../ring/layout.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { MESSAGES } from "../../wire/control.ts";
import { TLS_CHARACTERS } from "./conflict_message.ts";

/** What a worker may be told about each owner it has: that its peer be probed, and that it go. */
const OWNER_BYTES = messageBytes(MESSAGES.probe.sizeWith(0)) + messageBytes(MESSAGES.evict.sizeWith(0));
const DECIDED_BYTES = messageBytes(MESSAGES.decided.sizeWith(0));
/** Characters of an address (45) and of an identity or instance (64), at most. */
const ADDRESS = 45;
const NAME = 64;
const ANSWER_BYTES = messageBytes(MESSAGES.answer.sizeWith(ADDRESS + NAME));
/** The most that an operator's order tells, unless somebody waits for its holder. */
const ORDER_BYTES = messageBytes(MESSAGES.raiseFloor.sizeWith(NAME));
/** So many orders find room when everything else has to wait for the journal; in a small ring, what a part of it takes. */
const ORDERS = 64;
const ORDERS_SHARE = 16;
/** The most that one tick, order or result of a probe tells: a floor and an event. */
const TICK_BYTES = ORDER_BYTES + Math.max(
  messageBytes(MESSAGES.replaced.sizeWith(2 * ADDRESS + 3 * NAME)),
  messageBytes(MESSAGES.conflict.sizeWith(2 * ADDRESS + 3 * NAME + 2 * TLS_CHARACTERS)),
);
const disconnectedBytes = (device: string): number => messageBytes(MESSAGES.disconnected.sizeWith(device.length));
/** A message that does not fit before the end of a ring wastes less than itself. */
const withSkip = (bytes: number): number => 2 * bytes;
const LARGEST_DISCONNECT = messageBytes(MESSAGES.disconnected.sizeWith(NAME));

export class RegistryRoom {
  readonly #state: RegistryState;
  readonly #counters: Counters;
  readonly #lifecycle: RingProducer;
  readonly #decisions: readonly RingProducer[];
  readonly #answers: readonly RingProducer[];
  /** Bytes of lifecycle ring kept for the disconnects of all owners. */
  #reserve = LARGEST_DISCONNECT;
  /** Bytes of it that are for orders alone. */
  readonly #forOrders: number;
  /** Owners per worker. */
  readonly #owners: Int32Array;
  readonly #lifecycleFull = slot("berth_ring_full_total", "lifecycle");
  readonly #decisionsFull = slot("berth_ring_full_total", "decisions");

  constructor(
    state: RegistryState,
    counters: Counters,
    lifecycle: RingProducer,
    decisions: readonly RingProducer[],
    answers: readonly RingProducer[],
  ) {
    this.#state = state;
    this.#counters = counters;
    this.#lifecycle = lifecycle;
    this.#decisions = decisions;
    this.#answers = answers;
    this.#forOrders = Math.min(ORDERS * ORDER_BYTES, Math.floor(lifecycle.capacity / ORDERS_SHARE));
    this.#owners = new Int32Array(decisions.length);
  }

  /** From its admission on an owner is owed a disconnect, and its worker perhaps an eviction. */
  keep({ device, claim }: Owner): void {
    this.#reserve += disconnectedBytes(device);
    this.#owners[claim.ring]!++;
  }

  give({ device, claim }: Owner): void {
    this.#reserve -= disconnectedBytes(device);
    this.#owners[claim.ring]!--;
  }

  /** Can worker `ring` be told a decision, with room left for the eviction of every owner it has? */
  mayDecide(ring: number): boolean {
    const waiting = this.#state.waiting + 1;
    const may =
      this.#decisions[ring]!.free() >= withSkip(DECIDED_BYTES) + waiting * DECIDED_BYTES + (this.#owners[ring]! + 1) * OWNER_BYTES;
    if (!may) this.#counters.add(this.#decisionsFull);
    return may;
  }

  /** Can the journal be told of this admission, with room left for the disconnect of every owner, itself included? */
  mayAdmit(claim: Pick<Claim, "device" | "address" | "clientInstance">): boolean {
    const device = normaliseIdentity(claim.device);
    if (device === null) return true;
    const characters = device.length + claim.address.length + claim.clientInstance.length;
    const event = this.#state.owners.has(device)
      ? MESSAGES.replaced.sizeWith(characters + ADDRESS + NAME)
      : MESSAGES.connected.sizeWith(characters);
    const may = this.#lifecycle.free() >= withSkip(messageBytes(event)) + disconnectedBytes(device) + this.#forOrders + this.#reserve;
    if (!may) this.#counters.add(this.#lifecycleFull);
    return may;
  }

  /** Bytes of lifecycle ring and of a decisions ring that are not for commands. */
  get lifecycleReserve(): number {
    return withSkip(TICK_BYTES) + this.#forOrders + this.#reserve;
  }
  decisionsReserve(ring: number): number {
    return withSkip(DECIDED_BYTES) + (this.#state.waiting + 1) * DECIDED_BYTES + (this.#owners[ring]! + 1) * OWNER_BYTES;
  }

  /** Can the journal be told what one look at the deadlines may bring? */
  mayTick(): boolean {
    return this.#lifecycle.free() >= this.lifecycleReserve;
  }

  /** Can it be told an order? Also when it has not taken anything for a while: an operator may be needed then. */
  mayOrder(): boolean {
    return this.#lifecycle.free() >= withSkip(ORDER_BYTES) + this.#reserve;
  }

  mayAnswer(ring: number): boolean {
    return this.#answers[ring]!.free() >= withSkip(ANSWER_BYTES);
  }
}
