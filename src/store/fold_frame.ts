/**
 * A frame into the row of its device, which happens once a frame in every thread that follows the journal: plain indexed reads and
 * writes, no object. Pure. Which record is the device's position is looked for once a batch, in the newest frame that may say so.
 */
import { recordEnd } from "../codec/teltonika/avl.ts";
import { EntryView, FLAG_QUARANTINED, FLAG_UNFENCED, NO_BEST } from "./entry.ts";
import {
  CANDIDATE,
  FLOATS,
  type FoldBlock,
  type FoldTable,
  LAST_BYTE,
  LAST_SEEN,
  MARK,
  NEWEST_SEQ,
  POSITION,
  POSITION_SEQ,
  POSITION_TIME,
  RECORDS,
  rowOf,
  WIDEST,
  WORDS,
} from "./fold_table.ts";
import { recordStart, recordTime } from "./record_walk.ts";

/** Of the position's word: its codec stands above its length. */
export const CODEC_SHIFT = 24;
const LENGTH_MASK = (1 << CODEC_SHIFT) - 1;
const scratch = new EntryView();

/** Folds the frame `entry` stands on, the first new record of which has `seq`. Its body must stay as it is until `settleRow`. */
export function foldFrame(table: FoldTable, block: FoldBlock, no: number, entry: EntryView, seq: number): void {
  const { floats, words } = block;
  const f = rowOf(no) * FLOATS;
  if (seq <= floats[f + MARK]!) return;
  const seqs = entry.seqs;
  floats[f + RECORDS]! += seqs;
  if (seqs > 0) floats[f + NEWEST_SEQ] = seq + seqs - 1;
  const flags = entry.flags;
  if ((flags & FLAG_UNFENCED) !== 0) return;
  const time = entry.time;
  if (time > floats[f + LAST_SEEN]!) floats[f + LAST_SEEN] = time;
  if (time > floats[f + LAST_BYTE]!) floats[f + LAST_BYTE] = time;
  // Its best record is dated between the frame's least and greatest time: what cannot win is not looked for.
  const latest = entry.maxTime;
  if (entry.best === NO_BEST || (flags & FLAG_QUARANTINED) !== 0 || latest < floats[f + POSITION_TIME]!) return;
  const { candidates } = table;
  const w = rowOf(no) * WORDS;
  let mine = words[w + CANDIDATE]!;
  if (mine === 0) words[w + CANDIDATE] = mine = candidates.take(no) + 1;
  else if (entry.minTime < candidates.times[mine - 1]!) look(table, block, no, mine - 1);
  candidates.fill(mine - 1, entry.bytes, entry.at, seq, latest);
}

/** Takes the device's position from the frame that may move it. */
export function settleRow(table: FoldTable, block: FoldBlock, no: number): void {
  const { words } = block;
  const w = rowOf(no) * WORDS;
  const mine = words[w + CANDIDATE]!;
  if (mine === 0) return;
  words[w + CANDIDATE] = 0;
  look(table, block, no, mine - 1);
  table.candidates.bodies[mine - 1] = null;
}

/** Into the frame of candidate `i`: its best record is the position, unless it is older. */
function look(table: FoldTable, block: FoldBlock, no: number, i: number): void {
  const { candidates } = table;
  const bytes = candidates.bodies[i]!;
  const entry = scratch.over(bytes, candidates.ats[i]!);
  const { best, dataAt } = entry;
  const codec = bytes[dataAt]!;
  const at = recordStart(bytes, dataAt, best);
  const recorded = recordTime(bytes, at);
  if (recorded < block.floats[rowOf(no) * FLOATS + POSITION_TIME]!) return;
  let own = candidates.seqs[i]!;
  for (let r = 0; r < best; r++) if (entry.isNew(r)) own++;
  place(table, block, no, own, recorded, codec, bytes, at, recordEnd(codec, bytes, at, bytes.length));
}

/** The record from[start .. end) is the device's position. */
export function place(
  table: FoldTable,
  block: FoldBlock,
  no: number,
  seq: number,
  time: number,
  codec: number,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  const { floats, words } = block;
  const row = rowOf(no);
  const length = end - start;
  let bytes = block.positions;
  let at = row * block.width;
  if (length > block.width) {
    bytes = length > WIDEST ? table.longPosition(no, length) : block.widen(length);
    at = length > WIDEST ? 0 : row * block.width;
  }
  for (let i = 0; i < length; i++) bytes[at + i] = from[start + i]!;
  floats[row * FLOATS + POSITION_SEQ] = seq;
  floats[row * FLOATS + POSITION_TIME] = time;
  words[row * WORDS + POSITION] = (codec << CODEC_SHIFT) | length;
}

/** A copy of the record that is the device's position. */
export function positionBytes(table: FoldTable, block: FoldBlock, no: number): Uint8Array {
  const length = block.words[rowOf(no) * WORDS + POSITION]! & LENGTH_MASK;
  const at = rowOf(no) * block.width;
  return length > WIDEST ? table.longPosition(no, length).slice(0, length) : block.positions.slice(at, at + length);
}
