/** Who waits for a page of the store: first come, first served, so many at a time. Pure; owned by an http thread. */
import { asSeq } from "../base/brand.ts";
import { Deque } from "../base/deque.ts";
import type { PageWanted } from "./port.ts";
import type { Subscriber } from "./subscriber.ts";

export class PageLine {
  readonly #line = new Deque<Subscriber>();
  readonly #atATime: number;
  #underWay = 0;

  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /** `isNear`: it is but a little behind. */
  join(subscriber: Subscriber, isNear: boolean): void {
    subscriber.paging = true;
    if (!isNear) subscriber.wholeUpTo = 0;
    this.#line.push(subscriber);
  }

  /** The next page to read, or null: none is wanted, or enough are under way. */
  next(): PageWanted | null {
    while (this.#underWay < this.#atATime) {
      const subscriber = this.#line.shift();
      if (subscriber === undefined) return null;
      if (subscriber.state !== "catching") continue;
      this.#underWay++;
      const { devices, channels } = subscriber.filter;
      const isOne = devices !== null && devices.size === 1 && channels !== null && channels.size === 0;
      return { subscriber, from: asSeq(subscriber.position + 1), device: isOne ? [...devices][0]! : null };
    }
    return null;
  }

  /** A page given out by `next` was answered. */
  arrived(subscriber: Subscriber): void {
    this.#underWay--;
    subscriber.paging = false;
  }
}
