/** The memory of bodies: written again only when nobody holds it, and not more of it kept than is needed. */
import { expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import { Batch } from "../../../src/store/batch.ts";
import { BodyBlocks } from "../../../src/store/body_blocks.ts";
import { Tails } from "../../../src/store/tails.ts";

const ROW = 64;
const BLOCK = 4 * ROW;

/** A journal's batch and tails, without a store: `commit` moves what is in the batch to the live tail. */
function world() {
  const tails = new Tails(BLOCK);
  const batch = new Batch({ rowBytes: ROW }, tails.blocks);
  batch.begin(1);
  const put = (value: number, length = 40): void => void batch.event(1, new Uint8Array(length).fill(value), 0);
  const commit = (): void => {
    batch.rows.forEach((row, i) => {
      const at = tails.live.addBody(asSeq(row.seq), row.at, batch.body(i), row.block);
      for (let k = 0; k < batch.refs.count; k++) {
        if (batch.refs.row[k] === i) tails.live.refs.push(1, at, batch.refs.offset[k]!, batch.refs.seq[k]!, 0, 0);
      }
    });
    batch.begin(batch.nextSeq);
  };
  return { tails, batch, put, commit };
}

const values = (bodies: readonly Uint8Array[]): number[][] => bodies.map((body) => [...new Set(body)]);

test("bodies stay as they are while a tail refers to them, whatever is written meanwhile", () => {
  const { tails, put, commit } = world();
  const put9 = (from: number): void => {
    for (let i = 0; i < 9; i++) {
      put(from + i);
      commit();
    }
  };
  put9(1);
  const frozen = tails.freeze();
  put9(11);
  expect(values(frozen.bodies)).toEqual([[1], [2], [3], [4], [5], [6], [7], [8], [9]]);
  tails.flushed();
  put9(21);
  expect(values(tails.live.bodies).flat()).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
});

test("what a failed batch wrote is written over, in the blocks it filled too, and nothing before it", () => {
  const { tails, batch, put, commit } = world();
  put(1);
  commit();
  for (let i = 0; i < 12; i++) put(2);
  batch.discard(2);
  expect([batch.rows.length, batch.used, batch.nextSeq]).toEqual([0, 0, 2]);
  for (let i = 0; i < 12; i++) put(3);
  commit();
  expect(values(tails.live.bodies)).toEqual(Array.from({ length: 13 }, (_, i) => [i === 0 ? 1 : 3]));
});

test("an entry longer than a block gets one of its own", () => {
  const { tails, put, commit } = world();
  put(1);
  put(2, 3 * BLOCK);
  put(3);
  commit();
  expect(tails.live.bodies.map((body) => [body.length, body[0]])).toEqual([[40, 1], [3 * BLOCK, 2], [40, 3]]);
  tails.freeze();
  tails.flushed();
  expect(tails.live.bodies).toEqual([]);
});

test("blocks are used again, and no more of them kept than the last tail had", () => {
  const blocks = new BodyBlocks(BLOCK);
  const taken = Array.from({ length: 5 }, () => blocks.take(10));
  for (const block of taken) blocks.release(block);
  expect(blocks.take(10)).toBe(taken[4]!);
  blocks.trim(1);
  expect(blocks.take(10)).toBe(taken[0]!);
  expect(taken).not.toContain(blocks.take(10));
  expect(() => blocks.release(taken[1]!)).toThrow("released as often as it is held");
});
