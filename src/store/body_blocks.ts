/**
 * The memory of log rows' bodies: blocks that are used again and again. A body is written once, by the batch, and stays where it is
 * until no tail refers to it; memory of its own for each row cost a quarter of a commit in page faults and garbage. Pure; the
 * journal owns the only one.
 */
import { assert } from "../base/assert.ts";

export class BodyBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Written up to here. */
  used = 0;
  /** Tails with a body in it, and the batch that writes into it. */
  holders = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }
}

export class BodyBlocks {
  readonly #blockBytes: number;
  readonly #free: BodyBlock[] = [];

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** An empty block with room for `length` bytes, held once. One that is longer than others is not used again. */
  take(length: number): BodyBlock {
    const block = length > this.#blockBytes ? new BodyBlock(length) : this.#free.pop() ?? new BodyBlock(this.#blockBytes);
    block.used = 0;
    block.holders = 1;
    return block;
  }

  /** One holder less; after the last one it may be written again. */
  release(block: BodyBlock): void {
    block.holders--;
    assert(block.holders >= 0, "a block is released as often as it is held");
    if (block.holders === 0 && block.bytes.length === this.#blockBytes) this.#free.push(block);
  }

  /** At most so many stay free. */
  trim(most: number): void {
    if (this.#free.length > most) this.#free.length = most;
  }
}
