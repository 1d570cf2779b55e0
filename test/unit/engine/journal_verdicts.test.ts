/** The journal's words and exceptions to one codec worker. */
import { expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import { RingVerdicts } from "../../../src/engine/journal/verdicts.ts";
import { createRing } from "../../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../../src/ring/wait.ts";
import { Board, createBoard } from "../../../src/wire/board.ts";
import { Verdict } from "../../../src/wire/frame_message.ts";

const START = 0xffff_ff00;

function desk() {
  const board = new Board(createBoard());
  const bell = new Bell(new SharedArrayBuffer(BELL_BYTES), 0);
  const memory = createRing(4096);
  const verdicts = new RingVerdicts(2, board, bell, new RingProducer(memory, bell), START);
  const codec = new RingConsumer(memory);
  const told = (most = Infinity): number[][] => {
    const ranges: number[][] = [];
    while (ranges.length < most && codec.next()) {
      ranges.push([
        codec.view.getUint32(codec.offset, true),
        codec.view.getUint32(codec.offset + 4, true),
        codec.view.getUint32(codec.offset + 8, true),
      ]);
    }
    codec.release();
    return ranges;
  };
  return { board, verdicts, told };
}

test("the word moves when the batch is over, not before, past 2^32 too", () => {
  const { board, verdicts, told } = desk();
  verdicts.note(START + 0x80, Verdict.kept);
  verdicts.note(0x40, Verdict.kept);
  expect([verdicts.tell(), board.settled(2)]).toEqual([true, START]);
  verdicts.close(true);
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, 0x40, []]);
});

test("a written batch is told when it is on the disk, while the next one fills", () => {
  const { board, verdicts, told } = desk();
  verdicts.note(START + 16, Verdict.kept);
  verdicts.note(START + 32, Verdict.refused);
  verdicts.seal();
  verdicts.note(START + 48, Verdict.quarantined);
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START, []]);
  verdicts.keep();
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START + 32, [[START + 16, START + 32, Verdict.refused]]]);
  verdicts.close(false);
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START + 48, [[START + 32, START + 48, Verdict.failed]]]);
});

/** One turn of the sync thread: what is promised before its sync. */
function sync(board: Board): void {
  const promises = { committed: asSeq(0), settled: new Int32Array(3) };
  board.notePromises(promises);
  board.redeem(promises, () => undefined);
}

test("a word is promised to the sync thread unless exceptions go first", () => {
  const { board, verdicts, told } = desk();
  for (const ring of [0, 1]) board.promiseSettled(ring, 0);
  verdicts.note(START + 16, Verdict.kept);
  verdicts.seal();
  verdicts.promise();
  sync(board);
  expect([board.settled(2), told()]).toEqual([START + 16, []]);
  verdicts.keep();
  verdicts.tell();
  verdicts.note(START + 32, Verdict.refused);
  verdicts.seal();
  verdicts.promise();
  sync(board);
  expect(board.settled(2)).toBe(START + 16);
  verdicts.keep();
  verdicts.tell();
  expect([board.settled(2), told()]).toEqual([START + 32, [[START + 16, START + 32, Verdict.refused]]]);
});

test("several batches wait for the disk, and none is told before an earlier one's exceptions are", () => {
  const { board, verdicts, told } = desk();
  for (const verdict of [Verdict.kept, Verdict.refused, Verdict.kept]) {
    verdicts.note(START + 16 * (1 + board.syncWanted()), verdict);
    board.wantSync(board.syncWanted() + 1);
    verdicts.seal();
    verdicts.promise();
  }
  sync(board);
  // The second and the third wait for the journal.
  expect([board.settled(2), told()]).toEqual([START, []]);
  verdicts.keep();
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START + 16, []]);
  verdicts.keep();
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START + 32, [[START + 16, START + 32, Verdict.refused]]]);
  verdicts.keep();
  expect([verdicts.tell(), board.settled(2), told()]).toEqual([true, START + 48, []]);
  expect(() => verdicts.keep()).toThrow("a batch is sealed");
});

test("a promise of long ago is none", () => {
  const { board, verdicts } = desk();
  let end = START;
  verdicts.seal();
  verdicts.promise();
  verdicts.keep();
  // Further than half of the positions, told by the journal alone.
  for (let i = 0; i < 5; i++) {
    end = (end + 0x2000_0000) >>> 0;
    verdicts.note(end, Verdict.kept);
    verdicts.close(true);
    verdicts.tell();
  }
  verdicts.note((end + 16) >>> 0, Verdict.refused);
  verdicts.seal();
  verdicts.promise();
  sync(board);
  expect(board.settled(2)).toBe(end);
});

test("neighbours with one verdict are one range", () => {
  const { verdicts, told } = desk();
  verdicts.note(START + 16, Verdict.refused);
  verdicts.note(START + 32, Verdict.refused);
  verdicts.note(START + 48, Verdict.kept);
  verdicts.note(START + 64, Verdict.refused);
  verdicts.note(START + 80, Verdict.quarantined);
  verdicts.close(true);
  verdicts.tell();
  expect(told()).toEqual([
    [START, START + 32, Verdict.refused],
    [START + 48, START + 64, Verdict.refused],
    [START + 64, START + 80, Verdict.quarantined],
  ]);
});

test("a failed batch is one range, whatever its frames were", () => {
  const { board, verdicts, told } = desk();
  verdicts.note(START + 16, Verdict.kept);
  verdicts.note(START + 32, Verdict.refused);
  verdicts.close(false);
  verdicts.tell();
  expect(told()).toEqual([[START, START + 32, Verdict.failed]]);
  expect(board.settled(2)).toBe(START + 32);
});

test("a full exception ring holds the word back until the codec worker has read", () => {
  const { board, verdicts, told } = desk();
  let end = START;
  for (let i = 0; i < 400; i++) {
    end = (end + 16) >>> 0;
    verdicts.note(end, i % 2 === 0 ? Verdict.refused : Verdict.kept);
  }
  verdicts.close(true);
  expect([verdicts.tell(), verdicts.blocked, board.settled(2)]).toEqual([false, true, START]);
  const first = told();
  expect(first.length).toBeGreaterThan(100);
  expect([verdicts.tell(), verdicts.blocked, board.settled(2)]).toEqual([true, false, end]);
  expect(first.length + told().length).toBe(200);
});
