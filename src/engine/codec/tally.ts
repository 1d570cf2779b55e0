/** The counters of a codec worker, each slot looked up once. Owned by the codec worker. */
import { codecName } from "../../codec/teltonika/codec_id.ts";
import type { Violation } from "../../codec/framer.ts";
import { Counters } from "../../telemetry/counters.ts";
import { Histogram } from "../../telemetry/histogram.ts";
import { slot } from "../../telemetry/slots.ts";
import { END_REASONS, type EndReason, type Refusal, REFUSALS } from "../../wire/control.ts";
import { FRAME_FAULTS, type FrameFault } from "../../wire/frame_message.ts";

const OUTCOMES = ["kept", "failed", "refused", "quarantined", "unanswered", "malformed"] as const;
export type FrameOutcome = (typeof OUTCOMES)[number];
export type LoginOutcome = "accepted" | "timeout" | Exclude<Refusal, "none">;
type Fault = Exclude<FrameFault, "none"> | Violation;

const LOGINS: readonly LoginOutcome[] = ["accepted", "timeout", ...REFUSALS.slice(1) as Exclude<Refusal, "none">[]];
const FAULTS: readonly Fault[] = [
  ...FRAME_FAULTS.slice(1) as Exclude<FrameFault, "none">[],
  "bad_preamble",
  "bad_length",
  "too_long",
  "bad_login",
];

const PROBED = "berth_probe_results_total";
const EVICTED = "berth_evicted_peers_total";

export class CodecTally {
  readonly #counters: Counters;
  readonly #closed = new Map(END_REASONS.map((reason) => [reason, slot("berth_closed_total", reason)]));
  readonly #logins = new Map(LOGINS.map((outcome) => [outcome, slot("berth_logins_total", outcome)]));
  readonly #faults = new Map(FAULTS.map((fault) => [fault, slot("berth_bad_frames_total", fault)]));
  /** By outcome, then by codec id. */
  readonly #frames = OUTCOMES.map((outcome) =>
    Uint32Array.from({ length: 256 }, (_, codec) => slot("berth_frames_total", `${codecName(codec)},${outcome}`))
  );
  readonly #probes = {
    answered: slot(PROBED, "answered"),
    silent: slot(PROBED, "silent"),
    ended: slot(PROBED, "ended"),
    assumed: slot(PROBED, "assumed"),
  };
  readonly #evicted = { answered: slot(EVICTED, "answered"), silent: slot(EVICTED, "silent") };
  readonly #pings = slot("berth_pings_total");
  readonly #invalid = slot("berth_records_invalid_total");
  readonly #sockets = slot("berth_sockets");
  readonly #framesFull = slot("berth_ring_full_total", "frames");
  readonly #claimsFull = slot("berth_ring_full_total", "claims");
  readonly #framesBytes = slot("berth_ring_bytes", "frames");
  readonly #claimsBytes = slot("berth_ring_bytes", "claims");
  readonly ackSeconds: Histogram;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#counters = new Counters(memory, thread);
    this.ackSeconds = new Histogram(this.#counters, "berth_ack_seconds");
  }

  closed(reason: EndReason): void {
    this.#counters.add(this.#closed.get(reason)!);
  }
  probed(outcome: "answered" | "silent" | "ended" | "assumed"): void {
    this.#counters.add(this.#probes[outcome]);
  }
  /** Its peer's stack was heard after the eviction, or not. */
  evicted(answered: boolean): void {
    this.#counters.add(answered ? this.#evicted.answered : this.#evicted.silent);
  }
  login(outcome: LoginOutcome): void {
    this.#counters.add(this.#logins.get(outcome)!);
  }
  fault(fault: Fault): void {
    this.#counters.add(this.#faults.get(fault)!);
  }
  frame(codec: number, outcome: FrameOutcome): void {
    this.#counters.add(this.#frames[OUTCOMES.indexOf(outcome)]![codec]!);
  }
  pings(count: number): void {
    this.#counters.add(this.#pings, count);
  }
  invalidRecords(count: number): void {
    this.#counters.add(this.#invalid, count);
  }
  framesFull(): void {
    this.#counters.add(this.#framesFull);
  }
  claimsFull(): void {
    this.#counters.add(this.#claimsFull);
  }
  gauges(sockets: number, framesBytes: number, claimsBytes: number): void {
    this.#counters.set(this.#sockets, sockets);
    this.#counters.set(this.#framesBytes, framesBytes);
    this.#counters.set(this.#claimsBytes, claimsBytes);
  }
}
