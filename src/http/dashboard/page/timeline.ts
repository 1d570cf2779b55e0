/** Things of one device in the order of their times, each once, the newest of them up to a bound. Pure; owned by the page. */

export interface Timed {
  readonly seq: number;
  readonly time: number;
}

/** Of two of the same time the one that was stored first comes first. */
const order = (a: Timed, b: Timed): number => a.time - b.time || a.seq - b.seq;

export class Timeline<T extends Timed> {
  /** Oldest first. */
  readonly items: T[] = [];

  /** False: it is there already. */
  add(item: T): boolean {
    const last = this.items.at(-1);
    if (last === undefined || order(last, item) < 0) {
      this.items.push(item);
      return true;
    }
    const at = this.#place(item);
    if (this.items[at]?.seq === item.seq) return false;
    this.items.splice(at, 0, item);
    return true;
  }

  /** Drops what is older. */
  dropBefore(time: number): void {
    if (this.items.length > 0 && this.items[0]!.time < time) this.items.splice(0, this.#place({ time, seq: -1 }));
  }

  /** Keeps the newest. True: some were dropped. */
  keep(most: number): boolean {
    const over = this.items.length - most;
    if (over > 0) this.items.splice(0, over);
    return over > 0;
  }

  /** Of the one nearest to this time; -1: there is none. */
  nearest(time: number): number {
    const { items } = this;
    const after = this.#place({ time, seq: -1 });
    if (after === 0 || after === items.length) return Math.min(after, items.length - 1);
    return time - items[after - 1]!.time <= items[after]!.time - time ? after - 1 : after;
  }

  /** Where it belongs: the first that does not come before it. */
  #place(item: Timed): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.items[middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
