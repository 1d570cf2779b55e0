/**
 * An http thread of one life: the real follower, device fold and broker. Pages come from the real reader, when the
 * schedule says. Its questions to the registry go over the real rings.
 */
import { asDeviceId, asMonoMs, asSeq } from "../../../src/base/brand.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { filterOf } from "../../../src/broker/filter.ts";
import type { PageWanted } from "../../../src/broker/port.ts";
import { sseFormat } from "../../../src/broker/sse_text.ts";
import type { Subscriber } from "../../../src/broker/subscriber.ts";
import type { Boot } from "../../../src/engine/boot.ts";
import { BatchMaker, pageOf } from "../../../src/engine/http/batch.ts";
import { RingEntries } from "../../../src/engine/http/entries.ts";
import { Follower } from "../../../src/engine/http/follow.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import type { SqliteStoreReader } from "../../../src/store/reader.ts";
import { Board } from "../../../src/wire/board.ts";
import { type Message, type MessageOf, receive, send } from "../../../src/wire/control.ts";

export class SimHttp {
  readonly broker: Broker;
  readonly follower: Follower;
  readonly pages: PageWanted[] = [];
  readonly answers = new Map<number, MessageOf<"answer"> | MessageOf<"done">>();
  readonly #board: Board;
  readonly #clock: Clock;
  readonly #reader: SqliteStoreReader;
  readonly #maker: BatchMaker;
  readonly #asks: RingProducer;
  readonly #answers: RingConsumer;
  #request = 0;
  #hydrating = false;
  /** The process is gone. */
  gone = false;
  /** What went wrong in what it began. */
  fault: unknown = null;

  constructor(boot: Boot, epoch: string, reader: SqliteStoreReader, clock: Clock) {
    const { limits } = boot.settings;
    this.#board = new Board(boot.board);
    this.#clock = clock;
    this.#reader = reader;
    const tally = {
      subscribers: () => undefined,
      dropped: () => undefined,
      resync: () => undefined,
      gap: () => undefined,
      coalesced: () => undefined,
      page: () => undefined,
      sent: () => undefined,
      peak: () => undefined,
    };
    this.broker = new Broker(epoch, limits, 1, sseFormat(epoch), tally, asSeq(1));
    this.#maker = new BatchMaker(epoch, (no) => this.follower.fold.nameOf(no), limits);
    const committed = () => this.#board.committed();
    this.follower = new Follower(
      {
        ring: new RingEntries(boot.rings.broadcast, limits.pageBytes, committed),
        pages: { entries: (from) => reader.entries(from) },
        devices: (after) => {
          const devices = reader.devices(after, 2);
          return Promise.resolve({ kind: "devices", seq: reader.seq, devices, next: devices.length < 2 ? null : devices[1]!.no });
        },
        committed,
        mono: () => clock.mono(),
        pause: () => Promise.resolve(),
        wake: () => undefined,
      },
      this.#maker,
      {
        published: (batches, now) => this.broker.publish(batches, now),
        restarted: (next) => this.broker.restart(next),
        overrun: () => undefined,
      },
    );
    this.#asks = new RingProducer(boot.rings.asks[0]!, new Bell(boot.bells, boot.roster.registry));
    this.#answers = new RingConsumer(boot.rings.answers[0]!);
  }

  /** Takes what the journal published and what the registry answered. What it starts ends in microtasks. */
  turn(): void {
    const now = asMonoMs(this.#clock.mono());
    this.#go(this.follower.advance());
    this.broker.settle(this.#board.oldest(), now);
    this.broker.beat(now);
    this.#collect();
    while (this.#answers.next()) {
      const message = receive(this.#answers);
      if (message.type === "answer" || message.type === "done") this.answers.set(message.request, message);
    }
    this.#answers.release();
  }

  /** Reads every device, then follows from there. */
  hydrate(): void {
    if (this.#hydrating) return;
    this.#hydrating = true;
    this.#go(this.follower.hydrate());
  }

  /** What it began goes on in microtasks; once its process is gone nobody cares how. */
  #go(work: Promise<void> | null): void {
    work?.catch((error: unknown) => {
      if (!this.gone) this.fault ??= error;
    });
  }

  /** Reads one of the pages the broker wants. Only between transactions. */
  page(index: number, busy: boolean): void {
    const wanted = this.pages.splice(index, 1)[0];
    if (wanted === undefined) return;
    this.broker.pageArrived(wanted.subscriber, busy ? { kind: "busy" } : this.#read(wanted), asMonoMs(this.#clock.mono()));
    this.#collect();
  }

  take(subscriber: Subscriber): Uint8Array | null | undefined {
    const bytes = this.broker.take(subscriber, asMonoMs(this.#clock.mono()));
    this.#collect();
    return bytes;
  }

  subscribe(cursor: string, devices: readonly string[] | null, maxAgeMs: number): Subscriber | null {
    const wish = { cursor, filter: filterOf(devices, null), retryMs: 1, maxAgeMs };
    const subscriber = this.broker.subscribe(wish, this.#board.committed(), asMonoMs(this.#clock.mono()));
    this.#collect();
    return subscriber;
  }

  /** Asks the registry; the answer comes into `answers`. 0 when the ring is full. */
  ask(make: (request: number) => Message): number {
    const request = ++this.#request;
    if (!send(this.#asks, make(request))) return 0;
    this.#asks.publish();
    return request;
  }

  #collect(): void {
    for (let page = this.broker.nextPage(); page !== null; page = this.broker.nextPage()) this.pages.push(page);
  }

  #read({ from, device }: PageWanted) {
    const answer = device === null ? this.#reader.entries(from) : this.#reader.deviceEntries(asDeviceId(device), from);
    return pageOf(answer, this.follower.position, this.#maker);
  }
}
