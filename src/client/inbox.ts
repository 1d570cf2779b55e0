/**
 * Events between a connection and who takes them, in order and bounded. Full, it says so; the connection then reads no more until
 * there is room. What was put while it is full is kept too: a connection says much at once, and then nothing.
 */
import { Deque } from "../base/deque.ts";
import type { BerthEvent } from "./events.ts";

interface Entry {
  readonly event: BerthEvent;
  readonly chars: number;
}

export class Inbox {
  readonly #entries = new Deque<Entry>();
  readonly #takers = new Deque<(event: BerthEvent | null) => void>();
  readonly #eventsMax: number;
  readonly #charsMax: number;
  readonly #changed: (isFull: boolean) => void;
  /** Per channel, everything up to here was taken. */
  readonly #taken = new Map<string, string>();
  /** Positions that were reached behind all that is queued: one a channel, however long nobody takes anything. */
  readonly #behind = new Map<string, string>();
  #chars = 0;
  #isFull = false;
  #isEnded = false;
  #waiting: (() => void)[] = [];

  /** `changed`: it is full, or there is room again. */
  constructor(eventsMax: number, charsMax: number, changed: (isFull: boolean) => void) {
    this.#eventsMax = eventsMax;
    this.#charsMax = charsMax;
    this.#changed = changed;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** The cursor after everything that was taken of this channel. */
  takenOf(channel: string): string | null {
    return this.#taken.get(channel) ?? null;
  }

  put(event: BerthEvent, chars: number): void {
    if (this.#isEnded) return;
    this.#behind.delete(event.channel);
    this.#entries.push({ event, chars });
    this.#chars += chars;
    this.#give();
    if (this.#isFull || (this.#entries.length < this.#eventsMax && this.#chars < this.#charsMax)) return;
    this.#isFull = true;
    this.#changed(true);
  }

  /** Everything of the channel up to `id` was put. */
  reached(channel: string, id: string): void {
    if (this.#isEnded) return;
    (this.#entries.length === 0 ? this.#taken : this.#behind).set(channel, id);
  }

  /** The channel is none of ours any more. */
  forget(channel: string): void {
    this.#taken.delete(channel);
    this.#behind.delete(channel);
  }

  /** The next event; null at the end. */
  take(): Promise<BerthEvent | null> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#give();
    });
  }

  /** Resolves when there is room, or at the end. */
  room(): Promise<void> {
    return this.#isFull && !this.#isEnded ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** Nothing more comes. `isNow`: and what is there is not to be taken. */
  end(isNow: boolean): void {
    this.#isEnded = true;
    if (isNow) { while (this.#entries.shift() !== undefined); }
    this.#wake();
    this.#give();
  }

  #give(): void {
    while (this.#takers.length > 0 && (this.#entries.length > 0 || this.#isEnded)) this.#takers.shift()!(this.#next());
  }

  #next(): BerthEvent | null {
    const entry = this.#entries.shift();
    if (entry === undefined) return null;
    const { event, chars } = entry;
    this.#chars -= chars;
    if (event.id !== "") this.#taken.set(event.channel, event.id);
    if (this.#entries.length === 0) {
      for (const [channel, id] of this.#behind) this.#taken.set(channel, id);
      this.#behind.clear();
    }
    // Not at every event: stopping and going on costs.
    if (this.#isFull && this.#entries.length <= this.#eventsMax / 2 && this.#chars <= this.#charsMax / 2) {
      this.#isFull = false;
      this.#wake();
      this.#changed(false);
    }
    return event;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
