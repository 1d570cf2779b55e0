/** A broker with a journal, a store that forgets, and subscribers that take when they like: all moves are the test's. */
import { asMonoMs, asSeq } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import type { Batch, EventRef, Format } from "../../src/broker/batch.ts";
import { Broker } from "../../src/broker/broker.ts";
import { startAt } from "../../src/broker/cursor.ts";
import { type Filter, matches } from "../../src/broker/filter.ts";
import type { PageWanted, Tally } from "../../src/broker/port.ts";
import { Account, type IsSuperseded, type Subscriber } from "../../src/broker/subscriber.ts";

export interface TestEvent {
  readonly seq: number;
  readonly device: string;
  readonly kind: string;
  readonly channel?: string;
}

type Word =
  | { readonly word: "event"; readonly seq: number; readonly device: string; readonly kind: string }
  | { readonly word: "gap"; readonly id: number; readonly from: number; readonly to: number; readonly cause: string }
  | { readonly word: "resync"; readonly id: number; readonly cause: string }
  | { readonly word: "heartbeat"; readonly position: number }
  | { readonly word: "bye"; readonly cause: string }
  | { readonly word: "opening" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const line = (word: Word): Uint8Array => encoder.encode(`${JSON.stringify(word)}\n`);

const format: Format = {
  transport: "sse",
  form: "sse",
  opening: () => line({ word: "opening" }),
  resync: (id, cause) => line({ word: "resync", id, cause }),
  gap: (id, from, to, cause) => line({ word: "gap", id, from, to, cause }),
  bye: (cause) => line({ word: "bye", cause }),
  heartbeat: (position) => line({ word: "heartbeat", position }),
};

export class TestBatch implements Batch {
  readonly first;
  readonly next;
  readonly bytes = 100;
  readonly events: readonly TestEvent[];

  constructor(events: readonly TestEvent[]) {
    this.events = events;
    this.first = asSeq(events[0]!.seq);
    this.next = asSeq(events.at(-1)!.seq + 1);
  }

  each(from: number, visit: (event: EventRef) => boolean): void {
    for (const event of this.events) {
      if (event.seq >= from && !visit({ channel: "", ...event, encoded: () => line({ word: "event", ...event }) })) return;
    }
  }
}

export class TestClient {
  subscriber: Subscriber;
  readonly start: number;
  readonly filter: Filter;
  readonly isLatest: boolean;
  readonly words: Word[] = [];
  ended = false;

  constructor(subscriber: Subscriber, start: number, filter: Filter, isLatest: boolean) {
    this.subscriber = subscriber;
    this.start = start;
    this.filter = filter;
    this.isLatest = isLatest;
  }

  /** The last id it was told, as EventSource keeps it. */
  get lastId(): number {
    let id = this.start;
    for (const word of this.words) {
      if (word.word === "event") id = word.seq;
      else if (word.word === "heartbeat") id = word.position;
      else if (word.word === "gap" || word.word === "resync") id = word.id;
    }
    return id;
  }

  get seqs(): number[] {
    return this.words.flatMap((word) => word.word === "event" ? [word.seq] : []);
  }
  got(bytes: Uint8Array): void {
    for (const text of decoder.decode(bytes).split("\n")) if (text !== "") this.words.push(JSON.parse(text) as Word);
  }
  of<K extends Word["word"]>(kind: K): Extract<Word, { word: K }>[] {
    return this.words.filter((word): word is Extract<Word, { word: K }> => word.word === kind);
  }
}

export const EPOCH = "e";
export const SMALL = {
  windowEvents: 8,
  windowBytes: 100_000,
  windowMs: 1000,
  subscriberEvents: 4,
  subscriberBytes: 4096,
  subscriberLagMs: 100_000,
  subscribers: 8,
  heartbeatMs: 500,
  pagesInFlight: 2,
};

export class BrokerWorld {
  readonly limits;
  readonly broker: Broker;
  readonly events: TestEvent[] = [];
  readonly clients: TestClient[] = [];
  readonly counts = { resync: 0, gap: 0, coalesced: 0, page: 0, sent: 0, peak: 0, dropped: [] as string[] };
  readonly #unpublished: TestBatch[] = [];
  readonly pages: PageWanted[] = [];
  /** Pieces that were written without being queued, and connections that broke and came back. */
  written = 0;
  resumed = 0;
  oldest = 1;
  now = 0;

  constructor(limits: Partial<typeof SMALL> = {}) {
    this.limits = limitsWith({ ...SMALL, ...limits });
    const counts = this.counts;
    const tally: Tally = {
      subscribers: () => {},
      dropped: (cause) => counts.dropped.push(cause),
      resync: () => counts.resync++,
      gap: () => counts.gap++,
      coalesced: (events) => counts.coalesced += events,
      page: () => counts.page++,
      sent: (events) => counts.sent += events,
      peak: (bytes) => counts.peak = bytes,
    };
    this.broker = new Broker(EPOCH, this.limits, 1, format, tally, asSeq(1));
  }

  get committed(): number {
    return this.events.length;
  }
  get time() {
    return asMonoMs(this.now);
  }

  commit(events: readonly { device: string; kind: string; channel?: string }[]): void {
    if (events.length === 0) return;
    const placed = events.map((event, index) => ({ ...event, seq: this.committed + index + 1 }));
    this.events.push(...placed);
    this.#unpublished.push(new TestBatch(placed));
  }

  publish(batches = Infinity): void {
    this.broker.publish(this.#unpublished.splice(0, batches), this.time);
    this.settle();
  }

  /** The thread loses its place: what was not published never will be. */
  lose(): void {
    this.#unpublished.length = 0;
    this.broker.restart(asSeq(this.committed + 1));
    this.settle();
  }

  settle(): void {
    this.broker.settle(asSeq(this.oldest), this.time);
    this.askForPages();
  }

  /** `account`: of a client with several subscriptions. */
  subscribe(cursor: string | null, filter: Filter, account = new Account(), isLatest = false): TestClient | null {
    const wish = { cursor, filter, retryMs: 1, maxAgeMs: 1e9, account, isSuperseded: this.#mode(isLatest) };
    const subscriber = this.broker.subscribe(wish, asSeq(this.committed), this.time);
    if (subscriber === null) return null;
    const { position } = startAt(cursor, EPOCH, asSeq(this.committed));
    const client = new TestClient(subscriber, position, filter, isLatest);
    this.clients.push(client);
    this.askForPages();
    return client;
  }

  /** Its connection broke: what it has not taken is lost, and it comes back with its last id. */
  resume(client: TestClient): void {
    this.broker.unsubscribe(client.subscriber);
    const isSuperseded = this.#mode(client.isLatest);
    const wish = { cursor: `${EPOCH}.${client.lastId}`, filter: client.filter, retryMs: 1, maxAgeMs: 1e9, isSuperseded };
    client.subscriber = this.broker.subscribe(wish, asSeq(this.committed), this.time)!;
    this.askForPages();
  }

  /** From now on its connection takes what comes at once, as long as nothing is queued; or no more. */
  pushTo(client: TestClient, takes: boolean): void {
    while (takes && this.take(client));
    client.subscriber.outlet = {
      takes,
      write: (bytes) => {
        this.written++;
        client.got(bytes);
      },
    };
  }

  /** Seq of the newest record of a device. */
  newestOf(device: string): number {
    return this.events.findLast((event) => event.device === device && event.kind === "record")?.seq ?? 0;
  }

  /** Each fifth stands for the record a position is from, which stays whatever comes after it. */
  #mode(isLatest: boolean): IsSuperseded | undefined {
    return isLatest ? (device, seq) => seq < this.newestOf(device) && seq % 5 !== 0 : undefined;
  }

  take(client: TestClient): boolean {
    const bytes = this.broker.take(client.subscriber, this.time);
    if (bytes === null) client.ended = true;
    if (bytes === null || bytes === undefined) return false;
    client.got(bytes);
    this.askForPages();
    return true;
  }

  /** Collects the pages the broker wants; they are answered by `answer`. */
  askForPages(): void {
    for (let page = this.broker.nextPage(); page !== null; page = this.broker.nextPage()) this.pages.push(page);
  }

  /** Answers one page under way, with `events` events at most in `rows` rows. */
  answer(index = 0, events = 3, busy = false): void {
    const page = this.pages.splice(index, 1)[0];
    if (page === undefined) return;
    this.broker.pageArrived(page.subscriber, busy ? { kind: "busy" } : this.#read(page, events), this.time);
    this.askForPages();
  }

  #read(page: PageWanted, limit: number) {
    if (page.from < this.oldest) return { kind: "behind" as const, oldest: asSeq(this.oldest) };
    const wanted = this.events.filter((event) => event.seq >= page.from && (page.device === null || event.device === page.device));
    const found = wanted.slice(0, limit);
    const next = found.length < wanted.length ? found.at(-1)!.seq + 1 : this.committed + 1;
    return { kind: "rows" as const, batches: found.map((event) => new TestBatch([event])), next: asSeq(next) };
  }

  /** Everything arrives and everybody takes until nothing moves. */
  quiesce(): void {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      this.publish();
      let moved = this.pages.length > 0;
      while (this.pages.length > 0) this.answer();
      for (const client of this.clients) while (this.take(client)) moved = true;
      if (!moved) return;
    }
    throw new Error("Cannot come to rest in 10000 rounds");
  }

  /** What is for a client: everything that matches after its start. */
  matching(client: TestClient): number[] {
    return this.events.filter(({ seq, device, kind, channel }) => seq > client.start && matches(client.filter, device, kind, channel))
      .map((event) => event.seq);
  }

  /** What a client must have seen: all that is for it, but what a gap names. */
  expected(client: TestClient): number[] {
    const gaps = client.of("gap");
    return this.matching(client).filter((seq) => !gaps.some((gap) => gap.from <= seq && seq <= gap.to));
  }
}
