/** Performs the registry's effects: messages to the journal, the workers and the http threads. Owned by the registry thread. */
import { assertNever, broken } from "../../base/assert.ts";
import type { Effect, EffectOf } from "../../registry/effect.ts";
import type { RegistryState } from "../../registry/state.ts";
import { POSITION_UNKNOWN } from "../../registry/swap.ts";
import type { Discard } from "../../platform/memory.ts";
import type { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { Board } from "../../wire/board.ts";
import { DECISIONS, END_REASONS, type Message, type MessageOf, OUTCOMES, POLICIES, REFUSALS, send, VERDICTS } from "../../wire/control.ts";
import { connectionSlots, Presence } from "../../wire/presence.ts";
import type { Boot } from "../boot.ts";
import { JustLeft } from "./just_left.ts";
import { KeptAnswers } from "./kept_answers.ts";
import { RegistryRoom } from "./room.ts";
import { conflictMessage } from "./conflict_message.ts";
import { answerMessage, originOf, replacedMessage } from "./messages.ts";

export class RegistryOutbox {
  readonly #state: RegistryState;
  readonly #counters: Counters;
  readonly #lifecycle: RingProducer;
  readonly #decisions: readonly RingProducer[];
  readonly #answers: readonly RingProducer[];
  readonly #frames: readonly RingConsumer[];
  readonly #presence: Presence;
  /** Ask it before a step whether everything the step may bring will fit. */
  readonly room: RegistryRoom;
  readonly kept: KeptAnswers;
  readonly #board: Board;
  readonly #justLeft = new JustLeft();
  readonly #takeovers = POLICIES.map((policy) => slot("berth_takeovers_total", `${policy},admitted`));
  readonly #rejections = POLICIES.map((policy) => slot("berth_takeovers_total", `${policy},refused`));
  readonly #probes = slot("berth_probes_total");
  readonly #conflicts = slot("berth_conflicts_total");
  readonly #verdicts = VERDICTS.map((verdict) => verdict === "none" ? -1 : slot("berth_takeover_verdicts_total", verdict));
  readonly #waiting = slot("berth_waiting");
  readonly #evictions = END_REASONS.map((reason) => slot("berth_evictions_total", reason));
  readonly #failures = slot("berth_registry_failures_total");
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
    this.room = new RegistryRoom(state, this.#counters, lifecycle, decisions, answers);
    this.#board = new Board(boot.board);
    this.kept = new KeptAnswers({ board: this.#board, room: this.room, lifecycle, answers }, boot.settings.limits.lastingOrders);
  }

  /** Makes what was performed visible, the journal's part first. It is woken last: devices wait for decisions, nobody for events. */
  publish(): void {
    this.#justLeft.drop(this.#board.commandsKept());
    const told = this.#lifecycle.reveal();
    for (const ring of this.#decisions) ring.publish();
    for (const ring of this.#answers) ring.publish();
    if (told) this.#lifecycle.wake();
  }

  giveBack(discard: Discard): void {
    this.#lifecycle.giveBack(discard);
    for (const ring of this.#decisions) ring.giveBack(discard);
    for (const ring of this.#answers) ring.giveBack(discard);
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
        this.room.keep(effect.owner);
        return this.#tell({ type: "connected", ...originOf(effect.owner) });
      case "replaced":
        this.room.give(effect.old);
        this.room.keep(effect.owner);
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
      case "beside": {
        const { owner: { device, fence }, ring, conn, at } = effect;
        this.#tell({ type: "beside", device, fence, ring, conn, at });
        return this.#put(this.#decisions[ring]!, { type: "alongside", conn });
      }
      case "decided":
        return this.#decided(effect);
      case "evidence":
        return this.#evidence(effect);
      case "conflict":
        this.#counters.add(this.#conflicts);
        return this.#tell(conflictMessage(effect.alarm));
      case "conflictOver":
        return this.#tell({ type: "conflictOver", device: effect.device });
      case "listed":
        return this.#tell({ type: "listed", device: effect.device, on: effect.on });
      case "acknowledged":
        this.#tell({ type: "acknowledged", device: effect.device, conflict: effect.conflict, at: effect.at });
        return this.kept.add(effect.ring, effect.request);
      case "answer":
        return this.#put(this.#answers[effect.ring]!, this.#answer(effect));
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

  #answer(effect: EffectOf<"answer">): MessageOf<"answer"> {
    const kept = this.#board.commandsKept();
    return answerMessage(effect, this.#presence, effect.device === null ? kept : this.#justLeft.of(effect.device, kept));
  }

  #disconnected(effect: EffectOf<"disconnected">): void {
    const { reason, at, lastByteAt, left, owner: { device, fence, claim: { ring, conn } } } = effect;
    this.room.give(effect.owner);
    const position = effect.position === POSITION_UNKNOWN ? this.#frames[ring]?.snapshot() ?? 0 : effect.position;
    this.#tell({ type: "disconnected", device, fence, ring, conn, position, reason, at, lastByteAt, left });
    this.#justLeft.add(device, this.#lifecycle.position);
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
    if (this.room.mayTick()) this.#tell({ type: "evidence", device, fence, answered, bytesAfter, verdict: index });
  }

  #tell(message: Message): void {
    this.#put(this.#lifecycle, message);
  }

  #put(ring: RingProducer, message: Message): void {
    if (!send(ring, message)) broken(`no room was kept for ${message.type}`);
  }
}
