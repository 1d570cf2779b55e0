/**
 * The journal's two tails: the live one, and the one a flush writes into runs, which answers until it has. Pure. What a tail
 * is made of, columns and bodies, is used again by the next one but one.
 */
import { assert } from "../base/assert.ts";
import { BodyBlocks } from "./body_blocks.ts";
import { Tail } from "./tail.ts";

export class Tails {
  readonly blocks: BodyBlocks;
  live = new Tail();
  frozen: Tail | null = null;
  #spare: Tail | null = null;

  constructor(blockBytes: number) {
    this.blocks = new BodyBlocks(blockBytes);
  }

  /** The live tail takes no more; an empty one is live from now on. */
  freeze(): Tail {
    assert(this.frozen === null, "one tail is flushed at a time");
    this.frozen = this.live;
    this.live = this.#spare ?? new Tail();
    this.#spare = null;
    return this.frozen;
  }

  /** All of the frozen tail is in runs. */
  flushed(): void {
    const done = this.frozen;
    assert(done !== null, "a tail is frozen");
    done.clear(this.blocks);
    this.frozen = null;
    this.#spare = done;
  }

  /** Nothing comes for a while: what waits to be used again need not be kept. */
  giveBack(): void {
    this.#spare = null;
    this.blocks.trim(0);
  }
}
