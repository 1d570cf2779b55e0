/**
 * Cursors: `epoch.seq`, the id of the last event a subscriber saw. The epoch is chosen once per database, so cursors
 * survive restarts and not a restore from a backup. Pure; owned by an http thread.
 */
import { asSeq, type Seq } from "../base/brand.ts";

/** Why a subscriber is told to hydrate again instead of being continued; metric label. */
export type ResyncCause = "none" | "malformed" | "epoch" | "future";

/** Where a subscription starts: everything after `position`, told to resync first when `resync` is set. */
export interface Start {
  readonly position: Seq;
  readonly resync: ResyncCause | null;
}

const FORM = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,15})$/;

export const formatCursor = (epoch: string, seq: number): string => `${epoch}.${seq}`;

/** The parts of a cursor, or null when the text is none. */
export function parseCursor(text: string): { readonly epoch: string; readonly seq: Seq } | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const seq = Number(match[2]);
  return Number.isSafeInteger(seq) ? { epoch: match[1]!, seq: asSeq(seq) } : null;
}

/**
 * Reads what a subscriber brought. `committed` is the word all threads share: a cursor beyond what this thread has seen
 * is no future one, its subscriber waits. Whether the oldest wanted event is still kept shows only when it is read.
 */
export function startAt(text: string | null, epoch: string, committed: Seq): Start {
  if (text === null || text === "") return { position: committed, resync: "none" };
  const cursor = parseCursor(text);
  if (cursor === null) return { position: committed, resync: "malformed" };
  if (cursor.epoch !== epoch) return { position: committed, resync: "epoch" };
  if (cursor.seq > committed) return { position: committed, resync: "future" };
  return { position: cursor.seq, resync: null };
}
