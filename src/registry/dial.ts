/**
 * The dial scheduler: when a gateway dials which of its peers. `stepDial(state, event, now)` returns what is to be done; no
 * I/O, clock or randomness of its own. Owned by the peer thread. The registry decides who owns an identity; this only
 * sees to it that there is something to decide about.
 *
 *   delay ──due──▶ dial (resolving ▸ connecting ▸ greeting ▸ claiming) ──registered──▶ nothing ──gone──▶ delay
 *     ▲             │  └──incoming the bigger side keeps──▶ incoming ──registered──▶ nothing
 *     └───failed────┘                                          └──gone, or too late──▶ delay
 */
import { assertNever } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import { dialDelayMs, type DialStage, keepsIncoming, settledAfterMs } from "./dial_rule.ts";
import { type AbortReason, type DialEffect, type DialEntry, type DialEvent, type DialState, NONE } from "./dial_state.ts";

export function stepDial(state: DialState, event: DialEvent, now: number): readonly DialEffect[] {
  const out: DialEffect[] = [];
  switch (event.type) {
    case "want":
      want(state, event.peer, now);
      break;
    case "tick":
      for (const entry of state.entries.values()) if (entry.deadline <= now) due(state, entry, now, out);
      break;
    case "stage":
      stage(state, event, now, out);
      break;
    case "failed":
      failed(state, event.peer, event.dial, now);
      break;
    case "incoming":
      incoming(state, event.peer, event.conn, now, out);
      break;
    case "registered":
      registered(state, event, now, out);
      break;
    case "gone":
      gone(state, event.peer, event.conn, now);
      break;
    case "drain":
      drain(state, out);
      break;
    default:
      assertNever(event, "dial event");
  }
  return out;
}

/** When the next identity wants a `tick`; infinite when none does. */
export function nextDialAt(state: DialState): number {
  let next = Infinity;
  for (const { deadline } of state.entries.values()) next = Math.min(next, deadline);
  return next;
}

function want(state: DialState, peer: DeviceId, now: number): void {
  if (state.drained || peer === state.self || state.entries.has(peer)) return;
  const entry: DialEntry = {
    peer,
    owner: NONE,
    ownerSince: 0,
    attempt: 0,
    waits: "nothing",
    deadline: Infinity,
    dial: NONE,
    stage: "resolving",
    incoming: NONE,
  };
  state.entries.set(peer, entry);
  delay(state, entry, now);
}

/** The one way into waiting: an entry's earlier wait, whatever it was, is over. */
function rest(entry: DialEntry): void {
  entry.waits = "nothing";
  entry.deadline = Infinity;
  entry.dial = NONE;
  entry.incoming = NONE;
}

function delay(state: DialState, entry: DialEntry, now: number): void {
  rest(entry);
  entry.waits = "delay";
  entry.deadline = now + dialDelayMs(entry.attempt, state.random.float(), state.limits.dialPercent);
}

/** A dial brought nothing: again after the next delay, unless there is a connection meanwhile. */
function retry(state: DialState, entry: DialEntry, now: number): void {
  entry.attempt++;
  if (entry.owner === NONE) delay(state, entry, now);
  else rest(entry);
}

function abort(entry: DialEntry, reason: AbortReason, out: DialEffect[]): void {
  out.push({ type: "abort", peer: entry.peer, dial: entry.dial, reason });
}

function due(state: DialState, entry: DialEntry, now: number, out: DialEffect[]): void {
  switch (entry.waits) {
    case "delay":
      rest(entry);
      entry.waits = "dial";
      entry.dial = ++state.lastDial;
      entry.stage = "resolving";
      entry.deadline = now + state.limits.dialStageMs;
      out.push({ type: "dial", peer: entry.peer, dial: entry.dial, attempt: entry.attempt });
      return;
    case "dial":
      abort(entry, "timeout", out);
      return retry(state, entry, now);
    case "incoming":
      return retry(state, entry, now);
    case "nothing":
      return;
    default:
      assertNever(entry.waits, "wait of a dial");
  }
}

function stage(
  state: DialState,
  event: { readonly peer: DeviceId; readonly dial: number; readonly stage: DialStage },
  now: number,
  out: DialEffect[],
): void {
  const entry = state.entries.get(event.peer);
  if (entry?.waits !== "dial" || entry.dial !== event.dial) {
    out.push({ type: "abort", peer: event.peer, dial: event.dial, reason: "late" });
    return;
  }
  entry.stage = event.stage;
  entry.deadline = now + state.limits.dialStageMs;
}

function failed(state: DialState, peer: DeviceId, dial: number, now: number): void {
  const entry = state.entries.get(peer);
  if (entry?.waits === "dial" && entry.dial === dial) retry(state, entry, now);
}

/** Once the registry is asked about our own dial too, it is for it to choose. */
const abortable = (state: DialState, entry: DialEntry): boolean =>
  entry.waits === "dial" && entry.stage !== "claiming" && keepsIncoming(state.policy, state.self > entry.peer, entry.stage);

function incoming(state: DialState, peer: DeviceId, conn: number, now: number, out: DialEffect[]): void {
  const entry = state.entries.get(peer);
  if (entry === undefined || !abortable(state, entry)) return;
  abort(entry, "superseded", out);
  rest(entry);
  // With a connection there already, a newcomer that fails changes nothing.
  if (entry.owner !== NONE) return;
  entry.waits = "incoming";
  entry.incoming = conn;
  entry.deadline = now + state.limits.dialSupersededMs;
}

function registered(
  state: DialState,
  event: { readonly peer: DeviceId; readonly conn: number; readonly dial: number },
  now: number,
  out: DialEffect[],
): void {
  const entry = state.entries.get(event.peer);
  if (entry === undefined) return;
  entry.owner = event.conn;
  entry.ownerSince = now;
  if (entry.waits !== "dial" || entry.dial === event.dial) return rest(entry);
  const early = entry.stage === "resolving" || entry.stage === "connecting";
  if (!early && !abortable(state, entry)) return;
  abort(entry, "registered", out);
  rest(entry);
}

function gone(state: DialState, peer: DeviceId, conn: number, now: number): void {
  const entry = state.entries.get(peer);
  if (entry === undefined) return;
  if (entry.waits === "incoming" && entry.incoming === conn) return retry(state, entry, now);
  // An evicted connection's end comes after its successor registered.
  if (entry.owner !== conn) return;
  entry.owner = NONE;
  const lasted = now - entry.ownerSince >= settledAfterMs(state.limits.dialPercent);
  if (lasted) entry.attempt = 0;
  if (state.drained || entry.waits !== "nothing") return;
  if (!lasted) entry.attempt++;
  delay(state, entry, now);
}

function drain(state: DialState, out: DialEffect[]): void {
  state.drained = true;
  for (const entry of state.entries.values()) {
    if (entry.waits === "dial") abort(entry, "drain", out);
    rest(entry);
  }
}
