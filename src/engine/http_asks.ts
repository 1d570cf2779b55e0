/**
 * The http thread's side of the registry: who holds ONE device now. Right even while commits fail, because the registry
 * decides and the journal only records. Owned by an http thread; its loop calls `drain` after every ring of its bell.
 */
import { Deque } from "../base/deque.ts";
import type { Limits } from "../base/limits.ts";
import { RingConsumer, RingProducer } from "../ring/spsc.ts";
import type { Bell } from "../ring/wait.ts";
import { type MessageOf, receive, send } from "../wire/control.ts";

export type Standing = MessageOf<"answer">;

interface Asked {
  give(answer: Standing | null): void;
}

export class RegistryClient {
  readonly #asks: RingProducer;
  readonly #answers: RingConsumer;
  readonly #limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">;
  readonly #waiting = new Deque<MessageOf<"ask">>();
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
  ask(device: string): Promise<Standing | null> {
    if (this.#waiting.length >= this.#limits.waitingQueries) return Promise.resolve(null);
    const request = this.#last = (this.#last + 1) >>> 0;
    this.#waiting.push({ type: "ask", request, device });
    return new Promise((resolve) => {
      const give = (answer: Standing | null): void => {
        clearTimeout(timer);
        this.#asked.delete(request);
        resolve(answer);
      };
      const timer = setTimeout(() => give(null), this.#limits.requestTimeoutMs);
      this.#asked.set(request, { give });
      this.#send();
    });
  }

  hasWork(): boolean {
    return this.#answers.hasNext();
  }

  drain(): void {
    while (this.#answers.next()) {
      const message = receive(this.#answers);
      if (message.type === "answer") this.#asked.get(message.request)?.give(message);
    }
    this.#answers.release();
    this.#send();
  }

  stop(): void {
    for (const asked of this.#asked.values()) asked.give(null);
  }

  #send(): void {
    for (let ask = this.#waiting.at(0); ask !== undefined; ask = this.#waiting.at(0)) {
      if (this.#asked.has(ask.request) && !send(this.#asks, ask)) break;
      this.#waiting.shift();
    }
    this.#asks.publish();
  }
}
