/**
 * What was last seen of the store, in two small files beside it, so that one put back from a backup is known: cursors that were given
 * out since name other events in it, and its fences would come again. Journal thread.
 *
 *   seen-0, seen-1   EPOCH COMMITTED FENCES end      written in turn: a crash spoils one of them at most
 *
 * It says nothing that is not on the disk, so a store is never ahead of what a crash leaves of it.
 */
import type { Platform } from "../../platform/port.ts";

type Files = Pick<Platform, "exists" | "readText" | "writeText">;

export interface Seen {
  readonly epoch: string;
  /** Seq of the newest event on the disk. */
  readonly committed: number;
  /** The end of the block of fences reserved on the disk. */
  readonly fences: number;
}

const NAMES = ["seen-0", "seen-1"] as const;
const FORM = /^([0-9A-Za-z_-]+) ([0-9]+) ([0-9]+) end\n$/;
/** Of a store that nobody has begun yet. */
const NEW_FENCES = 1;
/** More fences than a gateway reserves between two backups, some hundred starts included. */
const LEAP = 2 ** 30;

/** Null: the store is the one that was seen last, or nobody can tell. Else where its fences are to go on: it was put back, or is another. */
export function fencesAnew(files: Files, data: string, { epoch, committed, fences }: Seen): number | null {
  const paths = NAMES.map((name) => `${data}/${name}`).filter((path) => files.exists(path));
  if (paths.length === 0) return fences > NEW_FENCES ? fences + LEAP : null;
  const [newest] = paths.flatMap((path) => parse(files.readText(path))).toSorted((a, b) =>
    b.fences - a.fences || b.committed - a.committed
  );
  if (newest === undefined) return null;
  if (newest.epoch === epoch && newest.committed <= committed && newest.fences <= fences) return null;
  return Math.max(newest.fences, fences) + LEAP;
}

function parse(text: string): Seen[] {
  const match = FORM.exec(text);
  return match === null ? [] : [{ epoch: match[1]!, committed: Number(match[2]), fences: Number(match[3]) }];
}

export class SeenFiles {
  readonly #files: Files;
  readonly #data: string;
  #next = 0;
  #last = "";

  constructor(files: Files, data: string) {
    this.#files = files;
    this.#data = data;
  }

  /** Writes what is on the disk now, when that is news. Where that cannot be done what was written before stays true. */
  note({ epoch, committed, fences }: Seen): void {
    const text = `${epoch} ${committed} ${fences} end\n`;
    if (text === this.#last) return;
    this.#last = text;
    try {
      this.#files.writeText(`${this.#data}/${NAMES[this.#next]!}`, text);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
    this.#next = 1 - this.#next;
  }
}
