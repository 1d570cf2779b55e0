/**
 * Wrong tokens per address and minute, of all http threads together. Pure. It only decides what a wrong token is told: a right one
 * always works, as a whole office may sit behind one address.
 *
 *   word  | second of the first one: 32 bits, wall clock | how many: 32 bits |
 */
import type { Limits } from "../base/limits.ts";
import { SharedTable } from "./shared_table.ts";

const MINUTE_S = 60;
const MOST = 0xffff_ffff;

const begunAt = (word: bigint): number => Number(word >> 32n);
const countOf = (word: bigint): number => Number(word & 0xffff_ffffn);

export class FailedTokens {
  readonly #limits: Pick<Limits, "failedTokensPerMinute">;
  readonly #table: SharedTable;

  constructor(memory: SharedArrayBuffer, limits: Pick<Limits, "failedTokensPerMinute">) {
    this.#table = new SharedTable(memory);
    this.#limits = limits;
  }

  /** One more at `now`, wall ms. Seconds to wait when that was too many, else 0. */
  failed(address: string, now: number): number {
    const second = Math.floor(now / 1000);
    // Also when the clock was set back.
    const isOver = (word: bigint): boolean => second < begunAt(word) || second >= begunAt(word) + MINUTE_S;
    let wait = 0;
    this.#table.change(address, isOver, (word) => {
      const isNew = word === 0n || isOver(word);
      const count = isNew ? 1 : Math.min(MOST, countOf(word) + 1);
      const begun = isNew ? second : begunAt(word);
      wait = count <= this.#limits.failedTokensPerMinute ? 0 : begun + MINUTE_S - second;
      return BigInt(begun) << 32n | BigInt(count);
    });
    return wait;
  }
}
