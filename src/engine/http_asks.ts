/**
 * The http thread's side of the registry: who holds ONE device now. Right even while commits fail, because the registry
 * decides and the journal only records. Owned by an http thread; its loop calls `drain` after every ring of its bell.
 */
import { Deque } from "../base/deque.ts";
import type { Limits } from "../base/limits.ts";
import { RingConsumer, RingProducer } from "../ring/spsc.ts";
import type { Bell } from "../ring/wait.ts";
import { type MessageOf, ORDERS, type OrderVerb, receive, send } from "../wire/control.ts";

export type Standing = MessageOf<"answer">;
export type Done = MessageOf<"done">;

type Question = MessageOf<"ask"> | MessageOf<"order">;
interface Asked {
  give(answer: Standing | Done | null): void;
}

export class RegistryClient {
  readonly #asks: RingProducer;
  readonly #answers: RingConsumer;
  readonly #limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">;
  readonly #waiting = new Deque<Question>();
  readonly #asked = new Map<number, Asked>();
  #last = 0;

  /** `bell` wakes the registry. */
  constructor(
    asks: SharedArrayBuffer,
    answers: SharedArrayBuffer,
    bell: Bell,
    limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">,
  ) {
    this.#asks = new RingProducer(asks, bell);
    this.#answers = new RingConsumer(answers);
    this.#limits = limits;
  }

  /** Null when the registry does not answer in time. */
  async ask(device: string): Promise<Standing | null> {
    const answer = await this.#put({ type: "ask", request: this.#next(), device });
    return answer?.type === "answer" ? answer : null;
  }

  /** Null when the registry does not say how it went in time: it may have been done all the same. */
  async order(verb: OrderVerb, device: string, text: string): Promise<Done | null> {
    const answer = await this.#put({ type: "order", request: this.#next(), verb: ORDERS.indexOf(verb), device, text });
    return answer?.type === "done" ? answer : null;
  }

  hasWork(): boolean {
    return this.#answers.hasNext();
  }

  drain(): void {
    while (this.#answers.next()) {
      const message = receive(this.#answers);
      if (message.type === "answer" || message.type === "done") this.#asked.get(message.request)?.give(message);
    }
    this.#answers.release();
    this.#send();
  }

  stop(): void {
    for (const asked of this.#asked.values()) asked.give(null);
  }

  #next(): number {
    return this.#last = (this.#last + 1) >>> 0;
  }

  #put(question: Question): Promise<Standing | Done | null> {
    if (this.#waiting.length >= this.#limits.waitingQueries) return Promise.resolve(null);
    const { request } = question;
    this.#waiting.push(question);
    return new Promise((resolve) => {
      const give = (answer: Standing | Done | null): void => {
        clearTimeout(timer);
        this.#asked.delete(request);
        resolve(answer);
      };
      const timer = setTimeout(() => give(null), this.#limits.requestTimeoutMs);
      this.#asked.set(request, { give });
      this.#send();
    });
  }

  #send(): void {
    for (let ask = this.#waiting.at(0); ask !== undefined; ask = this.#waiting.at(0)) {
      if (this.#asked.has(ask.request) && !send(this.#asks, ask)) break;
      this.#waiting.shift();
    }
    this.#asks.publish();
  }
}
