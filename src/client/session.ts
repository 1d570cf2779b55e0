/**
 * A connection with a gateway that heals itself, without the connection: what happens goes in, what is to be done comes out.
 *
 *   waiting ──due──▶ connecting ──opened──▶ connected
 *      ▲                 │ failed, silent        │ failed, silent, ended
 *      └─────────────────┴──────────────────────┘        any ──close, auth, superseded, refused──▶ over
 *
 * Every attempt has a number; what an earlier one still says is not heard. A cursor moves with each event and each position that was
 * accepted, and the next attempt begins there: so nothing is lost and nothing comes twice. Pure: time and chance are arguments.
 */
import { BACKOFF_MIN_MS, backoffMs, retryAfterMs } from "./backoff.ts";
import { causeOfBye, isFinal, type Loss } from "./loss.ts";
import type { SessionEffect, SessionInput } from "./session_step.ts";

export interface SessionOptions {
  readonly silentMs: number;
  /** Whatever the gateway says of its heartbeats. */
  readonly isSilenceFixed?: boolean;
  /** The transport can leave bytes where they are while nobody takes events. Without that it is closed, and opened again later. */
  readonly canPause: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A heartbeat may come late, and two may be lost; a machine may be busy for seconds. */
const BEATS = 3;
const SILENT_MIN_MS = 5000;
/** After waking up an answer is waited for so long. */
const CHECK_MS = 3000;
/** Heard within this time, with heartbeats every 15 s: alive unless there is a reason to doubt. */
const FRESH_MS = 20_000;

export type Phase = "waiting" | "connecting" | "connected" | "over";

export class Session {
  phase: Phase = "waiting";
  /** When `tick` is due, on the clock of the inputs. */
  dueAt = Infinity;
  readonly #options: SessionOptions;
  readonly #cursors = new Map<string, string | null>();
  #silentMs: number;
  #attempt = 0;
  #failures = 0;
  #baseMs = BACKOFF_MIN_MS;
  #heardAt = 0;
  /** The gateway asked not to come before. */
  #notBeforeAt = -Infinity;
  /** Nobody takes events. */
  #isFull = false;
  #hasConnected = false;
  /** Why the gateway is about to end the connection; "" when it did not say. */
  #farewell = "";
  #effects: SessionEffect[] = [];

  constructor(options: SessionOptions, cursors: ReadonlyMap<string, string | null>) {
    this.#options = options;
    this.#silentMs = options.silentMs;
    for (const [channel, cursor] of cursors) this.#cursors.set(channel, cursor);
  }

  /** `now`: ms of a clock that never goes back. */
  step(input: SessionInput, now: number): readonly SessionEffect[] {
    this.#effects = [];
    if (this.phase !== "over") this.#take(input, now);
    return this.#effects;
  }

  #take(input: SessionInput, now: number): void {
    switch (input.type) {
      case "start":
        return this.#connect(now);
      case "tick":
        return now < this.dueAt ? undefined : this.#due(now);
      case "full":
        return this.#full();
      case "room":
        return this.#room(now);
      case "woke":
        return this.#woke(input.isSure, now);
      case "subscribe":
        return this.#subscribe(input.channel, input.cursor);
      case "unsubscribe":
        return this.#unsubscribe(input.channel);
      case "close":
        return this.#end({ cause: "closed", reason: "closed", status: null, waitMs: null });
      default:
        // Of a connection that was given up.
        if (input.attempt === this.#attempt && this.phase !== "waiting") this.#said(input, now);
    }
  }

  #said(input: Extract<SessionInput, { readonly attempt: number }>, now: number): void {
    switch (input.type) {
      case "opened":
        return this.#opened(now);
      case "heard":
        return this.#heard(now);
      case "event":
        return this.#event(input);
      case "position":
        return this.#position(input.channel, input.id);
      case "retry":
        this.#baseMs = input.ms;
        return;
      case "pace":
        if (this.#options.isSilenceFixed !== true) this.#silentMs = Math.max(SILENT_MIN_MS, BEATS * input.heartbeatMs);
        return this.#heard(now);
      case "bye":
        return input.channel === undefined ? this.#bye(input.reason, now) : this.#byeOf(input.channel, input.reason);
      case "denied":
        if (this.#cursors.delete(input.channel)) {
          this.#effects.push({ type: "deliver", channel: input.channel, id: "", event: "denied", data: input.data });
        }
        return;
      case "failed":
        return this.#lost(input, now);
    }
  }

  #bye(reason: string, now: number): void {
    this.#farewell = reason;
    // It is over whatever else may come: the close of the connection is not waited for.
    if (isFinal(causeOfBye(reason))) this.#lost({ cause: "ended", reason: "" }, now);
  }

  /** The others go on; it goes on from where it was. */
  #byeOf(channel: string, reason: string): void {
    const cursor = this.#cursors.get(channel);
    if (cursor === undefined) return;
    if (isFinal(causeOfBye(reason))) this.#denied(channel, { reason });
    else this.#effects.push({ type: "subscribe", attempt: this.#attempt, channel, cursor });
  }

  #denied(channel: string, data: unknown): void {
    if (this.#cursors.delete(channel)) this.#effects.push({ type: "deliver", channel, id: "", event: "denied", data });
  }

  #connect(now: number): void {
    if (this.#isFull) {
      this.dueAt = Infinity;
      return;
    }
    this.phase = "connecting";
    this.#farewell = "";
    this.dueAt = now + this.#silentMs;
    this.#effects.push({ type: "open", attempt: ++this.#attempt, cursors: new Map(this.#cursors) });
  }

  #opened(now: number): void {
    this.phase = "connected";
    this.#heard(now);
    this.#effects.push({ type: "connected", isAgain: this.#hasConnected });
    this.#hasConnected = true;
  }

  #heard(now: number): void {
    this.#heardAt = now;
    this.dueAt = this.#isFull ? Infinity : now + this.#silentMs;
  }

  #event({ channel, id, event, data }: Extract<SessionInput, { readonly type: "event" }>): void {
    // Of a channel that was given up; the gateway did not know yet.
    if (!this.#cursors.has(channel)) return;
    this.#failures = 0;
    if (id !== null) this.#cursors.set(channel, id);
    this.#effects.push({ type: "deliver", channel, id: id ?? this.#cursors.get(channel) ?? "", event, data });
  }

  #position(channel: string | null, id: string): void {
    this.#failures = 0;
    for (const each of channel === null ? this.#cursors.keys() : [channel]) {
      if (!this.#cursors.has(each)) continue;
      this.#cursors.set(each, id);
      this.#effects.push({ type: "reached", channel: each, id });
    }
  }

  #subscribe(channel: string, cursor: string | null): void {
    if (this.#cursors.has(channel)) return;
    this.#cursors.set(channel, cursor);
    if (this.phase === "connected") this.#effects.push({ type: "subscribe", attempt: this.#attempt, channel, cursor });
  }

  #unsubscribe(channel: string): void {
    if (this.#cursors.delete(channel) && this.phase === "connected") {
      this.#effects.push({ type: "unsubscribe", attempt: this.#attempt, channel });
    }
  }

  #due(now: number): void {
    if (this.phase === "waiting") return this.#connect(now);
    const silentMs = Math.round(now - (this.phase === "connected" ? this.#heardAt : this.dueAt - this.#silentMs));
    this.#lost({ cause: "silent", reason: `nothing was heard for ${silentMs} ms` }, now);
  }

  /** Silence says nothing while nobody listens. */
  #full(): void {
    this.#isFull = true;
    if (this.phase === "waiting") return;
    this.dueAt = Infinity;
    if (this.#options.canPause) return;
    const wasConnected = this.phase === "connected";
    this.phase = "waiting";
    const loss: Loss = { cause: "reader", reason: "events come faster than they are taken", status: null, waitMs: 0 };
    this.#effects.push({ type: "drop", attempt: this.#attempt }, { type: "lost", wasConnected, loss });
  }

  #room(now: number): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    // Another attempt may be due later, for another reason.
    if (this.phase !== "waiting") this.#heard(now);
    else if (this.dueAt === Infinity) this.#connect(now);
  }

  #woke(isSure: boolean, now: number): void {
    if (this.phase === "waiting" && !this.#isFull) {
      if (now >= this.#notBeforeAt) this.#connect(now);
    } else if (this.phase === "connected" && !this.#isFull && (isSure || now - this.#heardAt > FRESH_MS)) {
      this.dueAt = Math.min(this.dueAt, now + CHECK_MS);
      this.#effects.push({ type: "ask", attempt: this.#attempt });
    }
  }

  #lost(
    { cause, reason, status = null, retryAfterMs: askedMs = null }: Pick<Loss, "cause" | "reason"> & {
      readonly status?: number | null;
      readonly retryAfterMs?: number | null;
    },
    now: number,
  ): void {
    const why = this.#farewell === "" || cause === "silent" ? cause : causeOfBye(this.#farewell);
    const words = why === cause ? reason : `the gateway ended the stream: ${this.#farewell}`;
    if (isFinal(why)) return this.#end({ cause: why, reason: words, status, waitMs: null });
    const { random } = this.#options;
    // The first time as the gateway wishes, after that not faster than we would.
    const baseMs = this.#failures === 0 ? this.#baseMs : Math.max(this.#baseMs, BACKOFF_MIN_MS);
    const backoff = backoffMs(baseMs, this.#failures++, random);
    const waitMs = askedMs === null ? backoff : Math.max(backoff, retryAfterMs(askedMs, this.#baseMs, random));
    const wasConnected = this.phase === "connected";
    this.phase = "waiting";
    this.#notBeforeAt = askedMs === null ? -Infinity : now + waitMs;
    this.dueAt = now + waitMs;
    this.#effects.push(
      { type: "drop", attempt: this.#attempt },
      { type: "lost", wasConnected, loss: { cause: why, reason: words, status, waitMs } },
    );
  }

  #end(loss: Loss): void {
    const wasConnected = this.phase === "connected";
    if (this.phase !== "waiting") this.#effects.push({ type: "drop", attempt: this.#attempt });
    this.phase = "over";
    this.dueAt = Infinity;
    this.#cursors.clear();
    if (wasConnected || loss.cause !== "closed") this.#effects.push({ type: "lost", wasConnected, loss });
    this.#effects.push({ type: "over", loss });
  }
}
