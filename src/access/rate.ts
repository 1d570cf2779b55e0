/**
 * How often somebody asks: a bucket each, which fills by the second up to what may be asked at once. A bucket is one word: when it is
 * full again, in microseconds of the wall clock, which all http threads share. Pure.
 */
import { SharedTable } from "./shared_table.ts";

const MS_US = 1000;
const SECOND_US = 1_000_000;

export class AskRate {
  readonly #costUs: number;
  readonly #mostUs: number;
  readonly #table: SharedTable;

  /** `burstSeconds`: how many seconds' worth may be asked at once. */
  constructor(memory: SharedArrayBuffer, perSecond: number, burstSeconds: number) {
    this.#table = new SharedTable(memory);
    this.#costUs = SECOND_US / perSecond;
    this.#mostUs = burstSeconds * SECOND_US;
  }

  /** One more at `now`, wall ms. Seconds to wait when it is one too many, else 0. */
  asks(key: string, now: number): number {
    const nowUs = Math.round(now * MS_US);
    // No bucket is emptier than empty: where one says so by far, the clock was set back, and it begins anew.
    const isOver = (fullAt: bigint): boolean => fullAt <= nowUs || fullAt > nowUs + this.#mostUs + SECOND_US;
    let wait = 0;
    this.#table.change(key, isOver, (fullAt) => {
      const owed = isOver(fullAt) ? 0 : Math.min(Number(fullAt) - nowUs, this.#mostUs);
      const over = owed + this.#costUs - this.#mostUs;
      wait = over > 0 ? Math.ceil(over / SECOND_US) : 0;
      return over > 0 ? BigInt(nowUs + Math.ceil(owed)) : BigInt(nowUs + Math.ceil(owed + this.#costUs));
    });
    return wait;
  }
}
