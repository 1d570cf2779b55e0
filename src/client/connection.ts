/**
 * A connection that heals itself: runs a session over a transport, with timers and chance, and hands over what comes. Used from the
 * thread that made it.
 */
import type { BerthEvent } from "./events.ts";
import { Inbox } from "./inbox.ts";
import type { Loss } from "./loss.ts";
import { Session } from "./session.ts";
import type { SessionEffect, SessionInput } from "./session_step.ts";
import type { OpenTransport, Said, Transport } from "./transport.ts";
import { SleepWatch, watchWake } from "./wake.ts";

/** All are called at once, in the order in which things happen; events that came before may still wait to be taken. */
export interface Callbacks {
  readonly onConnect?: (() => void) | undefined;
  /** Connected again: nothing was missed, or a `gap` or `resync` follows. */
  readonly onReconnect?: (() => void) | undefined;
  /** The connection is gone. `waitMs` null: for good. */
  readonly onDisconnect?: ((loss: Loss) => void) | undefined;
  /** An attempt came to nothing. `waitMs` null: it was the last. */
  readonly onFailedAttempt?: ((loss: Loss) => void) | undefined;
  /** The gateway was heard, if only by a heartbeat. */
  readonly onHeard?: (() => void) | undefined;
}

export interface Tuning {
  /** A connection that is silent for longer is dead. Default: three heartbeats, over SSE of a gateway with defaults (45 s). */
  readonly silentMs?: number | undefined;
  /** Events that may wait to be taken. */
  readonly bufferEvents?: number | undefined;
  /** Ends it like `close()`. */
  readonly signal?: AbortSignal | undefined;
  /** Uniform in [0, 1). */
  readonly random?: (() => number) | undefined;
}

const SILENT_MS = 45_000;
const BUFFER_EVENTS = 1024;
const BUFFER_CHARS = 4 * 1024 * 1024;
/** How often it looks whether the machine slept. */
const LOOK_MS = 5000;

export type ConnectionState = "disconnected" | "connecting" | "connected";

export class Connection implements AsyncIterable<BerthEvent> {
  readonly #session: Session;
  readonly #inbox: Inbox;
  readonly #open: OpenTransport;
  readonly #callbacks: Callbacks;
  readonly #sleep = new SleepWatch(Date.now(), performance.now());
  #stopWatching: () => void = () => {};
  readonly #inputs: SessionInput[] = [];
  protected transport: Transport | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  /** Of the event that is being put. */
  #chars = 0;

  constructor(
    open: OpenTransport,
    canPause: boolean,
    cursors: ReadonlyMap<string, string | null>,
    { silentMs, bufferEvents = BUFFER_EVENTS, signal, random = Math.random, ...callbacks }: Tuning & Callbacks,
  ) {
    this.#open = open;
    this.#callbacks = callbacks;
    this.#session = new Session({ silentMs: silentMs ?? SILENT_MS, isSilenceFixed: silentMs !== undefined, canPause, random }, cursors);
    this.#inbox = new Inbox(bufferEvents, BUFFER_CHARS, (isFull) => this.input({ type: isFull ? "full" : "room" }));
    const stopWaking = watchWake((isSure) => this.input({ type: "woke", isSure }));
    const close = (): void => this.close();
    signal?.addEventListener("abort", close, { once: true });
    this.#stopWatching = () => (stopWaking(), signal?.removeEventListener("abort", close));
    this.input({ type: signal?.aborted === true ? "close" : "start" });
  }

  get state(): ConnectionState {
    const { phase } = this.#session;
    return phase === "waiting" || phase === "over" ? "disconnected" : phase;
  }

  /** Where to go on after what was taken: for `cursor` of the next one. Null: nothing was. `channel`: of a WebSocket. */
  cursor(channel = ""): string | null {
    return this.#inbox.takenOf(channel);
  }

  /** Ends it, what was not taken included. Idempotent. */
  close(): void {
    this.input({ type: "close" });
  }

  /** The events, once: two readers share them. Leaving the loop closes the connection. */
  [Symbol.asyncIterator](): AsyncIterableIterator<BerthEvent> {
    const iterator: AsyncIterableIterator<BerthEvent> = {
      next: async () => {
        const value = await this.#inbox.take();
        return value === null ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The same as a stream. Cancelling it closes the connection. */
  stream(): ReadableStream<BerthEvent> {
    return new ReadableStream<BerthEvent>({
      pull: async (controller) => {
        const event = await this.#inbox.take();
        if (event === null) controller.close();
        else controller.enqueue(event);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /** The channel is none of ours any more. */
  protected forget(channel: string): void {
    this.#inbox.forget(channel);
  }

  /** One after the other: performing the effects of one may bring the next. */
  protected input(input: SessionInput): void {
    this.#inputs.push(input);
    if (this.#inputs.length > 1) return;
    for (let next = this.#inputs[0]; next !== undefined; next = this.#inputs[0]) {
      for (const effect of this.#session.step(next, performance.now())) this.#perform(effect);
      this.#inputs.shift();
    }
    this.#arm();
  }

  #said(attempt: number, said: Said, chars: number): void {
    if (said.type === "heard") this.#call(this.#callbacks.onHeard);
    this.#chars = chars;
    this.input({ ...said, attempt } as SessionInput);
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "open": {
        const { attempt, cursors } = effect;
        const room = (): Promise<void> | null => (this.#inbox.isFull ? this.#inbox.room() : null);
        this.transport = this.#open(cursors, { said: (said, chars = 0) => this.#said(attempt, said, chars), room });
        return;
      }
      case "drop":
        this.transport?.drop();
        this.transport = null;
        return;
      case "ask":
        return this.transport?.ask();
      case "subscribe":
        return this.transport?.subscribe(effect.channel, effect.cursor);
      case "unsubscribe":
        return this.transport?.unsubscribe(effect.channel);
      case "deliver": {
        const { channel, id, event, data } = effect;
        return this.#inbox.put({ event, id, channel, data } as BerthEvent, this.#chars);
      }
      case "reached":
        return this.#inbox.reached(effect.channel, effect.id);
      case "connected":
        return this.#call(effect.isAgain ? this.#callbacks.onReconnect : this.#callbacks.onConnect);
      case "lost": {
        const told = effect.wasConnected ? this.#callbacks.onDisconnect : this.#callbacks.onFailedAttempt;
        return this.#call(told && (() => told(effect.loss)));
      }
      case "over":
        return this.#over(effect.loss);
    }
  }

  /** When we are done: what it throws is its own affair, and what it does comes after. */
  #call(callback: (() => void) | undefined): void {
    if (callback !== undefined) queueMicrotask(callback);
  }

  #over({ cause, reason, status }: Loss): void {
    this.#stopWatching();
    const isOurs = cause === "closed";
    if (!isOurs) this.#inbox.put({ event: "over", id: "", channel: "", data: { cause, reason, status } }, 0);
    this.#inbox.end(isOurs);
  }

  /** A busy stream moves its deadline thousands of times a second: a timer that comes too early looks again. */
  #arm(): void {
    if (this.#session.phase === "over") {
      clearTimeout(this.#timer);
      this.#timerAt = -Infinity;
      return;
    }
    const now = performance.now();
    const at = Math.min(this.#session.dueAt, now + LOOK_MS);
    if (this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#look(), Math.max(0, at - now));
  }

  #look(): void {
    this.#timerAt = Infinity;
    if (this.#sleep.slept(Date.now(), performance.now())) this.input({ type: "woke", isSure: false });
    this.input({ type: "tick" });
  }
}
