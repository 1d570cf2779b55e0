/**
 * Performs the registry's effects and keeps the reserves of its rings, so that what must be told always finds room.
 * Owned by the registry thread. Ask `may…` before a step; then every effect of it fits.
 */
import { assert, assertNever } from "../base/assert.ts";
import type { Effect, EffectOf } from "../registry/effect.ts";
import type { Claim } from "../registry/event.ts";
import { normaliseIdentity } from "../registry/identity.ts";
import type { RegistryState } from "../registry/state.ts";
import { POSITION_UNKNOWN } from "../registry/swap.ts";
import { messageBytes } from "../ring/layout.ts";
import type { RingConsumer, RingProducer } from "../ring/spsc.ts";
import { Counters } from "../telemetry/counters.ts";
import { slot } from "../telemetry/slots.ts";
import { DECISIONS, END_REASONS, type Message, MESSAGES, OUTCOMES, POLICIES, REFUSALS, send, VERDICTS } from "../wire/control.ts";
import { connectionSlots, Presence } from "../wire/presence.ts";
import type { Boot } from "./boot.ts";
import { conflictMessage } from "./conflict_message.ts";
import { answerMessage, originOf, replacedMessage } from "./registry_messages.ts";

/** What a worker may be told about each owner it has: that its peer be probed, and that it go. */
const OWNER_BYTES = messageBytes(MESSAGES.probe.sizeWith(0)) + messageBytes(MESSAGES.evict.sizeWith(0));
const DECIDED_BYTES = messageBytes(MESSAGES.decided.sizeWith(0));
/** Characters of an address (45) and of an identity or instance (64), at most. */
const ADDRESS = 45;
const NAME = 64;
const ANSWER_BYTES = messageBytes(MESSAGES.answer.sizeWith(ADDRESS + NAME));
/** The most that one tick, order or result of a probe tells: a floor and an event. */
const TICK_BYTES = messageBytes(MESSAGES.raiseFloor.sizeWith(NAME)) + Math.max(
  messageBytes(MESSAGES.replaced.sizeWith(2 * ADDRESS + 3 * NAME)),
  messageBytes(MESSAGES.conflict.sizeWith(2 * ADDRESS + 3 * NAME)),
);
const disconnectedBytes = (device: string): number => messageBytes(MESSAGES.disconnected.sizeWith(device.length));
/** A message that does not fit before the end of a ring wastes less than itself. */
const withSkip = (bytes: number): number => 2 * bytes;
const LARGEST_DISCONNECT = messageBytes(MESSAGES.disconnected.sizeWith(NAME));

export class RegistryOutbox {
  readonly #state: RegistryState;
  readonly #counters: Counters;
  readonly #lifecycle: RingProducer;
  readonly #decisions: readonly RingProducer[];
  readonly #answers: readonly RingProducer[];
  readonly #frames: readonly RingConsumer[];
  readonly #presence: Presence;
  /** Bytes of lifecycle ring kept for the disconnects of all owners. */
  #reserve = LARGEST_DISCONNECT;
  /** Owners per worker. */
  readonly #live: Int32Array;
  readonly #takeovers = POLICIES.map((policy) => slot("berth_takeovers_total", `${policy},admitted`));
  readonly #rejections = POLICIES.map((policy) => slot("berth_takeovers_total", `${policy},refused`));
  readonly #probes = slot("berth_probes_total");
  readonly #conflicts = slot("berth_conflicts_total");
  readonly #verdicts = VERDICTS.map((verdict) => verdict === "none" ? -1 : slot("berth_takeover_verdicts_total", verdict));
  readonly #waiting = slot("berth_waiting");
  readonly #evictions = END_REASONS.map((reason) => slot("berth_evictions_total", reason));
  readonly #failures = slot("berth_registry_failures_total");
  readonly #lifecycleFull = slot("berth_ring_full_total", "lifecycle");
  readonly #decisionsFull = slot("berth_ring_full_total", "decisions");
  readonly #connections = slot("berth_connections");
  readonly #lifecycleBytes = slot("berth_ring_bytes", "lifecycle");
  readonly #decisionBytes = slot("berth_ring_bytes", "decisions");

  constructor(
    boot: Boot,
    state: RegistryState,
    lifecycle: RingProducer,
    decisions: readonly RingProducer[],
    answers: readonly RingProducer[],
    frames: readonly RingConsumer[],
  ) {
    this.#state = state;
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#lifecycle = lifecycle;
    this.#decisions = decisions;
    this.#answers = answers;
    this.#frames = frames;
    this.#presence = new Presence(boot.presence, connectionSlots(boot.settings.limits));
    this.#live = new Int32Array(decisions.length);
  }

  /** Can worker `ring` be told a decision, with room left for the eviction of every owner it has? */
  mayDecide(ring: number): boolean {
    const waiting = this.#state.waiting + 1;
    const may = this.#decisions[ring]!.free() >= withSkip(DECIDED_BYTES) + waiting * DECIDED_BYTES + (this.#live[ring]! + 1) * OWNER_BYTES;
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
    const may = this.#lifecycle.free() >= withSkip(messageBytes(event)) + disconnectedBytes(device) + this.#reserve;
    if (!may) this.#counters.add(this.#lifecycleFull);
    return may;
  }

  /** Can the journal be told what one look at the deadlines may bring? */
  mayTick(): boolean {
    return this.#lifecycle.free() >= withSkip(TICK_BYTES) + this.#reserve;
  }

  mayAnswer(ring: number): boolean {
    return this.#answers[ring]!.free() >= withSkip(ANSWER_BYTES);
  }

  /** Makes what was performed visible, the journal's part first. */
  publish(): void {
    this.#lifecycle.publish();
    for (const ring of this.#decisions) ring.publish();
    for (const ring of this.#answers) ring.publish();
  }

  /** Brings the gauges up to date. */
  count(): void {
    this.#counters.set(this.#connections, this.#state.living);
    this.#counters.set(this.#waiting, this.#state.waiting);
    this.#counters.set(this.#lifecycleBytes, this.#lifecycle.capacity - this.#lifecycle.free());
    let bytes = 0;
    for (const ring of this.#decisions) bytes += ring.capacity - ring.free();
    this.#counters.set(this.#decisionBytes, bytes);
  }

  perform(effect: Effect): void {
    switch (effect.type) {
      case "connected":
        this.#reserve += disconnectedBytes(effect.owner.device);
        this.#live[effect.owner.claim.ring]!++;
        return this.#tell({ type: "connected", ...originOf(effect.owner) });
      case "replaced":
        this.#live[effect.old.claim.ring]!--;
        this.#live[effect.owner.claim.ring]!++;
        this.#counters.add(this.#takeovers[POLICIES.indexOf(effect.policy)]!);
        return this.#tell(replacedMessage(effect, this.#presence));
      case "disconnected":
        return this.#disconnected(effect);
      case "refusedMany": {
        const { device, fence, count, refusal, policy, address, port, at } = effect.refused;
        const [why, rule] = [REFUSALS.indexOf(refusal), POLICIES.indexOf(policy)];
        return this.#tell({ type: "refusedMany", device, fence, count, refusal: why, policy: rule, address, port, at });
      }
      case "raiseFloor":
        return this.#tell({ type: "raiseFloor", device: effect.device, fence: effect.fence });
      case "evict": {
        const { ring, conn } = effect.owner.claim;
        const reason = END_REASONS.indexOf(effect.reason);
        this.#counters.add(this.#evictions[reason]!);
        return this.#put(this.#decisions[ring]!, { type: "evict", conn, reason });
      }
      case "decided":
        return this.#decided(effect);
      case "evidence":
        return this.#evidence(effect);
      case "conflict":
        this.#counters.add(this.#conflicts);
        return this.#tell(conflictMessage(effect.alarm));
      case "acknowledged":
        return this.#tell({ type: "acknowledged", device: effect.device, conflict: effect.conflict, at: effect.at });
      case "answer":
        return this.#put(this.#answers[effect.ring]!, answerMessage(effect, this.#presence));
      case "done": {
        const { request, text } = effect;
        return this.#put(this.#answers[effect.ring]!, { type: "done", request, outcome: OUTCOMES.indexOf(effect.outcome), text });
      }
      case "probe": {
        const { fence, claim } = effect.owner;
        this.#counters.add(this.#probes);
        return this.#put(this.#decisions[claim.ring]!, { type: "probe", conn: claim.conn, fence, deadlineMs: effect.deadlineMs });
      }
      default:
        assertNever(effect, "registry effect");
    }
  }

  #disconnected(effect: EffectOf<"disconnected">): void {
    const { reason, at, lastByteAt, left, owner: { device, fence, claim: { ring, conn } } } = effect;
    this.#reserve -= disconnectedBytes(device);
    this.#live[ring]!--;
    const position = effect.position === POSITION_UNKNOWN ? this.#frames[ring]?.snapshot() ?? 0 : effect.position;
    this.#tell({ type: "disconnected", device, fence, ring, conn, position, reason, at, lastByteAt, left });
  }

  #decided(effect: EffectOf<"decided">): void {
    const { ring, conn, fence, retryAfterMs } = effect;
    if (effect.refusal === "held" || effect.refusal === "equal_identities" || effect.refusal === "conflict") {
      this.#counters.add(this.#rejections[POLICIES.indexOf(effect.policy)]!);
    }
    if (effect.refusal === "store_busy" || effect.refusal === "store_failing") this.#counters.add(this.#failures);
    const [decision, refusal] = [DECISIONS.indexOf(effect.decision), REFUSALS.indexOf(effect.refusal)];
    this.#put(this.#decisions[ring]!, { type: "decided", conn, decision, refusal, fence, retryAfterMs });
  }

  #evidence({ device, fence, answered, bytesAfter, verdict }: EffectOf<"evidence">): void {
    const index = VERDICTS.indexOf(verdict ?? "none");
    if (verdict !== null) this.#counters.add(this.#verdicts[index]!);
    // Without room the row of its takeover stays without it.
    if (this.mayTick()) this.#tell({ type: "evidence", device, fence, answered, bytesAfter, verdict: index });
  }

  #tell(message: Message): void {
    this.#put(this.#lifecycle, message);
  }

  #put(ring: RingProducer, message: Message): void {
    assert(send(ring, message), `no room was kept for ${message.type}`);
  }
}
