/**
 * Event streams between the broker and the responses: a stream is pulled, so a client that takes nothing costs what is
 * queued for it and no more. Carries the broker's page wishes to the readers. Owned by an http thread.
 */
import type { MonoMs, Seq } from "../../base/brand.ts";
import type { Broker } from "../../broker/broker.ts";
import type { PageWanted, Subscription } from "../../broker/port.ts";
import type { Subscriber } from "../../broker/subscriber.ts";
import { type BatchMaker, pageOf } from "./batch.ts";
import type { ReaderClient } from "./queries.ts";

/** One client's stream of bytes. */
export interface EventStream {
  /** The next bytes; null when the gateway has ended the stream. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** The client went away. Idempotent. */
  close(): void;
}

interface Open {
  readonly cut: () => void;
  waiting: ((bytes: Uint8Array | null) => void) | null;
  cutTimer: ReturnType<typeof setTimeout> | null;
}

export class Streams {
  readonly #broker: Broker;
  readonly #readers: ReaderClient;
  readonly #maker: BatchMaker;
  readonly #reached: () => Seq;
  readonly #mono: () => MonoMs;
  readonly #byeMs: number;
  readonly #fail: (error: unknown) => void;
  readonly #open = new Map<Subscriber, Open>();

  /** `reached`: seq up to which the journal was followed here. `fail` gets what may not be: it ends the thread. */
  constructor(
    broker: Broker,
    readers: ReaderClient,
    maker: BatchMaker,
    reached: () => Seq,
    mono: () => MonoMs,
    byeMs: number,
    fail: (error: unknown) => void,
  ) {
    this.#broker = broker;
    this.#readers = readers;
    this.#maker = maker;
    this.#reached = reached;
    this.#mono = mono;
    this.#byeMs = byeMs;
    this.#fail = fail;
  }

  /** Streams whose bytes were not all taken yet, ended ones included. */
  get count(): number {
    return this.#open.size;
  }

  /** Null when there are too many. `cut` closes the connection of a client that takes nothing. */
  open(wish: Subscription, committed: Seq, cut: () => void): EventStream | null {
    const subscriber = this.#broker.subscribe(wish, committed, this.#mono());
    if (subscriber === null) return null;
    const open: Open = { cut, waiting: null, cutTimer: null };
    this.#open.set(subscriber, open);
    this.deliver();
    return { next: () => this.#next(subscriber, open), close: () => this.#close(subscriber) };
  }

  /** After every change of the broker: wakes the streams that got something, asks for the pages that are wanted. */
  deliver(): void {
    for (const subscriber of this.#broker.takeWoken()) {
      const open = this.#open.get(subscriber);
      if (open === undefined) continue;
      if (subscriber.state === "ended" && open.cutTimer === null) open.cutTimer = setTimeout(() => this.#cut(subscriber), this.#byeMs);
      if (open.waiting === null) continue;
      const bytes = this.#take(subscriber);
      if (bytes === undefined) continue;
      const give = open.waiting;
      open.waiting = null;
      give(bytes);
    }
    for (let wanted = this.#broker.nextPage(); wanted !== null; wanted = this.#broker.nextPage()) this.#page(wanted).catch(this.#fail);
  }

  /** Ends what is left, whether its bytes were taken or not. */
  cutAll(): void {
    for (const subscriber of this.#open.keys()) this.#cut(subscriber);
  }

  #next(subscriber: Subscriber, open: Open): Promise<Uint8Array | null> {
    if (!this.#open.has(subscriber)) return Promise.resolve(null);
    const bytes = this.#take(subscriber);
    this.deliver();
    return bytes === undefined ? new Promise((resolve) => open.waiting = resolve) : Promise.resolve(bytes);
  }

  #take(subscriber: Subscriber): Uint8Array | null | undefined {
    const bytes = this.#broker.take(subscriber, this.#mono());
    if (bytes === null) this.#close(subscriber);
    return bytes;
  }

  #cut(subscriber: Subscriber): void {
    const open = this.#open.get(subscriber);
    this.#close(subscriber);
    open?.cut();
  }

  #close(subscriber: Subscriber): void {
    const open = this.#open.get(subscriber);
    if (open === undefined) return;
    this.#open.delete(subscriber);
    if (open.cutTimer !== null) clearTimeout(open.cutTimer);
    this.#broker.unsubscribe(subscriber);
    open.waiting?.(null);
    open.waiting = null;
  }

  async #page(wanted: PageWanted): Promise<void> {
    const { device, from } = wanted;
    const answer = await this.#readers.ask(
      device === null ? { type: "entries", from } : { type: "deviceEntries", device, from },
    );
    const page = answer.kind === "rows" || answer.kind === "behind"
      ? pageOf(answer, this.#reached(), this.#maker)
      : { kind: "busy" as const };
    this.#broker.pageArrived(wanted.subscriber, page, this.#mono());
    this.deliver();
  }
}
