/**
 * Event streams between the broker and the responses: each is written once a tick, as long as its connection takes what it is given;
 * a client that takes nothing costs what is queued for it and no more. Carries the broker's page wishes to the readers. Owned
 * by an http thread.
 */
import type { MonoMs, Seq } from "../../base/brand.ts";
import type { Form } from "../../broker/batch.ts";
import type { Broker } from "../../broker/broker.ts";
import type { PageWanted, Subscription } from "../../broker/port.ts";
import type { Account, Outlet, Subscriber } from "../../broker/subscriber.ts";
import type { BodySink, BodySource } from "../../platform/body.ts";
import { type BatchMaker, pageOf } from "./batch.ts";
import type { ReaderClient } from "./queries.ts";

/** One client's stream. */
export interface EventStream {
  /** The answer's body, to be used once. */
  readonly body: ReadableStream<Uint8Array>;
  /** Ends it at once with these last bytes, whatever is queued. Idempotent. */
  end(last: Uint8Array): void;
  /** The client went away. Idempotent. */
  close(): void;
}

/** What this needs of the runtime. */
export type StreamBody = (source: BodySource) => ReadableStream<Uint8Array>;

/** What a subscription shares with the others of its WebSocket, how its events are written, and who takes them. */
export interface SocketShare {
  readonly account: Account;
  readonly form: Form;
  readonly bodyOf: StreamBody;
}

class Open implements Outlet {
  readonly cut: () => void;
  readonly over: () => void;
  readonly #account: Account;
  /** Null before the runtime has asked for the first bytes. */
  sink: BodySink | null = null;
  takes = false;
  /** Instead of what is queued. */
  last: Uint8Array | null = null;
  cutTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(account: Account, cut: () => void, over: () => void) {
    this.#account = account;
    this.cut = cut;
    this.over = over;
  }

  /** What the connection was given and has not passed on counts against the subscriber's bound. */
  write(bytes: Uint8Array): void {
    if (this.sink!.write(bytes)) return;
    this.takes = false;
    this.#account.inHand = bytes.length;
  }
}

export interface StreamParts {
  readonly broker: Broker;
  readonly readers: ReaderClient;
  readonly maker: BatchMaker;
  readonly bodyOf: StreamBody;
  /** Seq up to which the journal was followed here. */
  readonly reached: () => Seq;
  readonly mono: () => MonoMs;
  readonly byeMs: number;
  /** There is a new one: the journal is to be followed closely now. */
  readonly opened: () => void;
  /** Gets what may not be: it ends the thread. */
  readonly fail: (error: unknown) => void;
}

export class Streams {
  readonly #parts: StreamParts;
  readonly #broker: Broker;
  readonly #open = new Map<Subscriber, Open>();

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#broker = parts.broker;
  }

  /** Streams whose bytes were not all taken yet, ended ones included. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Null when there are too many. `cut` closes the connection of a client that takes nothing, `over` hears of the end. `bodyOf`: takes
   * the bytes where no response does.
   */
  open(wish: Subscription, committed: Seq, cut: () => void, over: () => void, bodyOf = this.#parts.bodyOf): EventStream | null {
    const subscriber = this.#broker.subscribe(wish, committed, this.#parts.mono());
    if (subscriber === null) return null;
    const open = new Open(subscriber.account, cut, over);
    this.#open.set(subscriber, open);
    this.#parts.opened();
    this.deliver();
    const body = bodyOf({
      ready: (sink) => this.#ready(subscriber, open, sink),
      gone: () => this.#close(subscriber),
    });
    return { body, end: (last) => this.#end(subscriber, open, last), close: () => this.#close(subscriber) };
  }

  /** After every change of the broker: writes to the streams that got something, asks for the pages that are wanted. */
  deliver(): void {
    const now = this.#parts.mono();
    for (const subscriber of this.#broker.takeWoken()) {
      const open = this.#open.get(subscriber);
      if (open === undefined) continue;
      if (subscriber.state === "ended") this.#cutLater(subscriber, open);
      if (open.takes) this.#write(subscriber, open, now);
    }
    for (let wanted = this.#broker.nextPage(); wanted !== null; wanted = this.#broker.nextPage()) {
      this.#page(wanted).catch(this.#parts.fail);
    }
  }

  /** Ends what is left, whether its bytes were taken or not. */
  cutAll(): void {
    for (const subscriber of this.#open.keys()) this.#cut(subscriber);
  }

  #ready(subscriber: Subscriber, open: Open, sink: BodySink): void {
    open.sink = sink;
    open.takes = true;
    subscriber.outlet = open;
    subscriber.account.inHand = 0;
    if (!this.#open.has(subscriber)) return sink.end();
    this.#write(subscriber, open, this.#parts.mono());
    this.deliver();
  }

  /** As much as the connection takes. */
  #write(subscriber: Subscriber, open: Open, now: MonoMs): void {
    const sink = open.sink!;
    for (;;) {
      const bytes = open.last ?? this.#broker.take(subscriber, now);
      if (bytes === undefined) return;
      if (bytes === null) {
        this.#close(subscriber);
        return sink.end();
      }
      if (bytes === open.last) {
        this.#close(subscriber);
        sink.write(bytes);
        return sink.end();
      }
      open.write(bytes);
      if (!open.takes) return;
    }
  }

  #end(subscriber: Subscriber, open: Open, last: Uint8Array): void {
    if (!this.#open.has(subscriber) || open.last !== null) return;
    open.last = last;
    this.#broker.unsubscribe(subscriber);
    this.#cutLater(subscriber, open);
    if (open.takes) this.#write(subscriber, open, this.#parts.mono());
  }

  #cutLater(subscriber: Subscriber, open: Open): void {
    open.cutTimer ??= setTimeout(() => this.#cut(subscriber), this.#parts.byeMs);
  }

  #cut(subscriber: Subscriber): void {
    const open = this.#open.get(subscriber);
    if (open === undefined) return;
    this.#close(subscriber);
    if (open.takes) open.sink!.end();
    open.cut();
  }

  #close(subscriber: Subscriber): void {
    const open = this.#open.get(subscriber);
    if (open === undefined) return;
    this.#open.delete(subscriber);
    if (open.cutTimer !== null) clearTimeout(open.cutTimer);
    this.#broker.unsubscribe(subscriber);
    subscriber.forget();
    open.over();
  }

  async #page(wanted: PageWanted): Promise<void> {
    const { readers, reached, maker, mono } = this.#parts;
    const { device, from } = wanted;
    const answer = await readers.ask(device === null ? { type: "entries", from } : { type: "deviceEntries", device, from });
    const page = answer.kind === "rows" || answer.kind === "behind" ? pageOf(answer, reached(), maker) : { kind: "busy" as const };
    this.#broker.pageArrived(wanted.subscriber, page, mono());
    this.deliver();
  }
}
