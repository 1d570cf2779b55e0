/**
 * The http thread's side of the registry: who holds ONE device now, and what an operator orders. Right even while commits
 * fail, because the registry decides and the journal only records. Owned by an http thread; its loop calls `drain` after every
 * ring of its bell.
 */
import { Deque } from "../../base/deque.ts";
import type { Limits } from "../../base/limits.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import type { Bell } from "../../ring/wait.ts";
import {
  type MessageOf,
  MESSAGES,
  ORDERS,
  type OrderVerb,
  QUARANTINE_ORDERS,
  type QuarantineOrder,
  receive,
  send,
} from "../../wire/control.ts";

export type Standing = MessageOf<"answer">;
export type Done = MessageOf<"done">;

type Question =
  | MessageOf<"ask">
  | MessageOf<"order">
  | MessageOf<"submit">
  | MessageOf<"commandReport">
  | MessageOf<"configure">
  | MessageOf<"configReport">
  | MessageOf<"quarantineOrder">;
type Reply = Standing | Done;

export class RegistryClient {
  readonly #asks: RingProducer;
  readonly #answers: RingConsumer;
  readonly #limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">;
  readonly #waiting = new Deque<Question>();
  readonly #asked = new Map<number, (reply: Reply | null) => void>();
  #last = 0;
  #stopped = false;

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
    const reply = await this.#question((request) => ({ type: "ask", request, device }));
    return reply?.type === "answer" ? reply : null;
  }

  /** How an order went; null when the registry does not answer in time: it may be done all the same. */
  async order(verb: OrderVerb, device: string, text: string): Promise<Done | null> {
    const reply = await this.#question((request) => ({ type: "order", request, verb: ORDERS.indexOf(verb), device, text }));
    return reply?.type === "done" ? reply : null;
  }

  /** How a command's submission went, once it is on the disk; null when that is not so in time: it may be all the same. */
  async submit(command: Omit<MessageOf<"submit">, "type" | "request">): Promise<Done | null> {
    const reply = await this.#question((request) => ({ type: "submit", request, ...command }));
    return reply?.type === "done" ? reply : null;
  }

  /** The same for what a device says of a command it was given on its stream. */
  async reportCommand(report: Omit<MessageOf<"commandReport">, "type" | "request">): Promise<Done | null> {
    const reply = await this.#question((request) => ({ type: "commandReport", request, ...report }));
    return reply?.type === "done" ? reply : null;
  }

  /** The version made of a device's configuration, once it is on the disk; null as in `submit`. */
  async configure(device: string, value: string): Promise<Done | null> {
    const reply = await this.#question((request) => ({ type: "configure", request, device, value }));
    return reply?.type === "done" ? reply : null;
  }

  /** The same for what a device says of a version. */
  async reportConfig(report: Omit<MessageOf<"configReport">, "type" | "request">): Promise<Done | null> {
    const reply = await this.#question((request) => ({ type: "configReport", request, ...report }));
    return reply?.type === "done" ? reply : null;
  }

  /** How an order about a frame kept raw went, once it is on the disk; null as in `submit`. */
  async quarantine(order: QuarantineOrder, id: number): Promise<Done | null> {
    const index = QUARANTINE_ORDERS.indexOf(order);
    const reply = await this.#question((request) => ({ type: "quarantineOrder", request, order: index, id }));
    return reply?.type === "done" ? reply : null;
  }

  #question(make: (request: number) => Question): Promise<Reply | null> {
    if (this.#stopped || this.#waiting.length >= this.#limits.waitingQueries) return Promise.resolve(null);
    const request = this.#last = (this.#last + 1) >>> 0;
    const question = make(request);
    // Longer than the ring takes in one piece, with rings made small: nobody can be asked that.
    if (MESSAGES[question.type].size(question as never) > this.#asks.maxPayload) return Promise.resolve(null);
    this.#waiting.push(question);
    return new Promise((resolve) => {
      const give = (reply: Reply | null): void => {
        clearTimeout(timer);
        this.#asked.delete(request);
        resolve(reply);
      };
      const timer = setTimeout(() => give(null), this.#limits.requestTimeoutMs);
      this.#asked.set(request, give);
      this.#send();
    });
  }

  hasWork(): boolean {
    return this.#answers.hasNext();
  }

  drain(): void {
    while (this.#answers.next()) {
      const message = receive(this.#answers);
      if (message.type === "answer" || message.type === "done") this.#asked.get(message.request)?.(message);
    }
    this.#answers.release();
    this.#send();
  }

  /** Lets go of the timers; whoever waits, or asks from now on, is told nothing. */
  stop(): void {
    this.#stopped = true;
    for (const give of this.#asked.values()) give(null);
  }

  #send(): void {
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      if (this.#asked.has(next.request) && !send(this.#asks, next)) break;
      this.#waiting.shift();
    }
    this.#asks.publish();
  }
}
