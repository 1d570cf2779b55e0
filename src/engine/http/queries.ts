/**
 * The http thread's side of its reader threads: sends requests to the one with the least to do, collects the chunks of
 * the answers, gives up after a while. Owned by an http thread; its loop calls `drain` after every ring of its bell.
 */
import { Deque } from "../../base/deque.ts";
import type { Limits } from "../../base/limits.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import type { Bell } from "../../ring/wait.ts";
import { AnswerReceiver, type Request, type RequestOf, type RequestType, sendRequest } from "../../wire/query.ts";
import { type Answer, decodeAnswer } from "../../wire/query_answer.ts";

export interface QueryLine {
  readonly queries: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  /** Wakes the reader thread. */
  readonly bell: Bell;
}

/** A request before it has a number. */
export type Wish = { [T in RequestType]: Omit<RequestOf<T>, "request"> }[RequestType];

interface Line {
  readonly queries: RingProducer;
  readonly results: RingConsumer;
  readonly bell: Bell;
  readonly receiver: AnswerReceiver;
  /** Requests that found the ring full. */
  readonly waiting: Deque<Request>;
  unanswered: number;
}

interface Asked {
  readonly line: Line;
  readonly timer: ReturnType<typeof setTimeout>;
  answer(answer: Answer): void;
}

const STOPPING: Answer = { kind: "busy", reason: "the gateway is stopping" };

export class ReaderClient {
  readonly #lines: readonly Line[];
  readonly #limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">;
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #stopped = false;

  constructor(lines: readonly QueryLine[], limits: Pick<Limits, "requestTimeoutMs" | "waitingQueries">) {
    this.#limits = limits;
    this.#lines = lines.map((line) => ({
      queries: new RingProducer(line.queries, line.bell),
      results: new RingConsumer(line.results),
      bell: line.bell,
      receiver: new AnswerReceiver(),
      waiting: new Deque<Request>(),
      unanswered: 0,
    }));
  }

  get readers(): number {
    return this.#lines.length;
  }

  /** Never rejects: no answer in time is `busy`. */
  ask(wish: Wish): Promise<Answer> {
    if (this.#stopped) return Promise.resolve(STOPPING);
    const line = this.#lines.reduce((least, each) => each.unanswered < least.unanswered ? each : least);
    if (line.waiting.length >= this.#limits.waitingQueries) return Promise.resolve({ kind: "busy", reason: "too many reads are waiting" });
    const request = this.#last = (this.#last + 1) >>> 0;
    line.waiting.push({ ...wish, request });
    line.unanswered++;
    return new Promise((resolve) => {
      const give = (answer: Answer): void => {
        clearTimeout(timer);
        this.#asked.delete(request);
        line.unanswered--;
        resolve(answer);
      };
      const late: Answer = { kind: "busy", reason: `no reader answered within ${this.#limits.requestTimeoutMs} ms` };
      const timer = setTimeout(() => give(late), this.#limits.requestTimeoutMs);
      this.#asked.set(request, { line, timer, answer: give });
      this.#send(line);
    });
  }

  hasWork(): boolean {
    return this.#lines.some((line) => line.results.hasNext());
  }

  /** Takes the answers that came and sends what waited for room. */
  drain(): void {
    for (const line of this.#lines) {
      let took = false;
      while (line.results.next()) {
        took = true;
        const blob = line.receiver.take(line.results);
        // A late answer finds nobody.
        if (blob !== null) this.#asked.get(line.receiver.request)?.answer(decodeAnswer(blob));
      }
      if (took) {
        line.results.release();
        // The reader may wait for room for the rest of an answer.
        line.bell.ring();
      }
      this.#send(line);
    }
  }

  /** Lets go of the timers; whoever still waits, or asks from now on, is told the answer will not come. */
  stop(): void {
    this.#stopped = true;
    for (const asked of this.#asked.values()) asked.answer(STOPPING);
  }

  #send(line: Line): void {
    for (let request = line.waiting.at(0); request !== undefined; request = line.waiting.at(0)) {
      // Given up while it waited for room: not worth asking any more.
      if (this.#asked.has(request.request) && !sendRequest(line.queries, request)) break;
      line.waiting.shift();
    }
    line.queries.publish();
  }
}
