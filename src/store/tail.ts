/**
 * Everything committed that no run refers to yet: the log rows' bodies and references to their entries. Pure. The journal
 * and every reader keep their own, advanced by committed rows in order, and rebuilt from the log after a crash.
 */
import type { Seq } from "../base/brand.ts";
import type { BodyBlock, BodyBlocks } from "./body_blocks.ts";
import type { DeviceFold } from "./device_fold.ts";
import type { EntryView } from "./entry.ts";
import { EntryRefs } from "./entry_refs.ts";

export class Tail {
  readonly refs = new EntryRefs();
  readonly rowSeqs: number[] = [];
  readonly bodies: Uint8Array[] = [];
  /** Where the bodies are, each once; none of those that came with memory of their own. */
  readonly #blocks: BodyBlock[] = [];
  bytes = 0;
  /** Wall ms of the first row's newest entry; 0 when empty. */
  oldestAt = 0;
  /** Of the last row. */
  newestAt = 0;

  /** Adds a row without its entries; the caller pushes references to them, with the row number returned. `block`: what the body is a part of. */
  addBody(seq: Seq, at: number, body: Uint8Array, block: BodyBlock | null = null): number {
    if (block !== null && block !== this.#blocks[this.#blocks.length - 1]) {
      block.holders++;
      this.#blocks.push(block);
    }
    if (this.bodies.length === 0) this.oldestAt = at;
    this.newestAt = at;
    this.bytes += body.length;
    this.rowSeqs.push(seq);
    return this.bodies.push(body) - 1;
  }

  /** Adds a row and its entries, which go into `fold` too. `entry` is scratch. */
  addRow(seq: Seq, at: number, body: Uint8Array, entry: EntryView, fold: DeviceFold | null = null): void {
    const row = this.addBody(seq, at, body);
    let own: number = seq;
    entry.over(body);
    for (let offset = 0; entry.load(offset); offset += entry.length) {
      const isFrame = entry.isFrame;
      this.refs.push(entry.deviceNo, row, offset, own, isFrame ? entry.minTime : Infinity, isFrame ? entry.maxTime : -Infinity);
      fold?.apply(entry, own as Seq);
      own += entry.seqs;
    }
  }

  /** Empties it, for the rows to come. Of what is free then only as much is kept as it had: the next one will hardly need more. */
  clear(blocks: BodyBlocks | null): void {
    if (blocks !== null) {
      for (const block of this.#blocks) blocks.release(block);
      blocks.trim(this.#blocks.length);
      this.#blocks.length = 0;
    }
    this.refs.clear();
    this.rowSeqs.length = 0;
    this.bodies.length = 0;
    this.bytes = 0;
    this.oldestAt = 0;
    this.newestAt = 0;
  }
}

/** A tail whose oldest rows are forgotten when runs refer to them, and the empty one that takes its place then. Of a reader. */
export class MovingTail {
  live = new Tail();
  #spare = new Tail();

  /** Runs refer to the rows up to `seq`, which is the last of one. `entry` is scratch. */
  forget(seq: Seq, entry: EntryView): void {
    const from = this.live;
    if (from.bodies.length === 0 || from.rowSeqs[0]! > seq) return;
    const rest = this.#spare;
    for (let row = 0; row < from.bodies.length; row++) {
      if (from.rowSeqs[row]! > seq) rest.addRow(from.rowSeqs[row]! as Seq, from.oldestAt, from.bodies[row]!, entry);
    }
    from.clear(null);
    this.#spare = from;
    this.live = rest;
  }

  /** Nothing comes for a while: what waits to be used again need not be kept. */
  giveBack(): void {
    this.#spare = new Tail();
  }
}
