/**
 * Rebuilds, from a trace, what a store's files may look like after the power went away: every write a finished sync
 * covered is there, any of the others may be.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "./preload.ts";

const isChange = (call: Call): boolean => call.kind === "write" || call.kind === "truncate" || call.kind === "unlink";
/** The index in shared memory is made anew at every start; SQLite never relies on what is on the disk. */
const isStored = (call: Call): boolean => isChange(call) && !call.name.endsWith("-shm");

/** Files as a map of growing images. */
export class DiskImage {
  readonly #files = new Map<string, Buffer>();
  readonly #sizes = new Map<string, number>();

  apply(call: Call): void {
    if (call.kind === "unlink") {
      this.#files.delete(call.name);
      this.#sizes.delete(call.name);
    } else if (call.kind === "truncate") this.#resize(call.name, call.at);
    else {
      this.#resize(call.name, Math.max(this.#sizes.get(call.name) ?? 0, call.at + call.data.length));
      this.#files.get(call.name)!.set(call.data, call.at);
    }
  }

  /** Writes the files into an emptied `folder`. */
  writeTo(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of this.#files) writeFileSync(join(folder, name), bytes.subarray(0, this.#sizes.get(name)));
  }

  #resize(name: string, size: number): void {
    const old = this.#files.get(name) ?? Buffer.alloc(0);
    const before = this.#sizes.get(name) ?? 0;
    if (size > old.length) {
      const grown = Buffer.alloc(Math.max(size, old.length * 2, 64 * 1024));
      old.copy(grown, 0, 0, before);
      this.#files.set(name, grown);
    } else if (size < before) old.fill(0, size, before);
    else if (!this.#files.has(name)) this.#files.set(name, old);
    this.#sizes.set(name, size);
  }
}

/** For each change: the index of the first "sync ended" that surely covered it, or Infinity. */
function coveredAt(calls: readonly Call[]): number[] {
  const covered = new Array<number>(calls.length).fill(Infinity);
  const begunAt = new Map<string, number>();
  const open = new Map<string, number[]>();
  calls.forEach((call, index) => {
    // A removed file's folder is not synced by SQLite here: an unlink may always be undone, and that loses nothing.
    if (call.kind === "write" || call.kind === "truncate") {
      const changes = open.get(call.name);
      if (changes === undefined) open.set(call.name, [index]);
      else changes.push(index);
    }
    if (call.kind === "sync_begins") begunAt.set(`${call.name} ${call.thread}`, index);
    if (call.kind !== "sync_ended") return;
    const begun = begunAt.get(`${call.name} ${call.thread}`) ?? -1;
    const left: number[] = [];
    for (const change of open.get(call.name) ?? []) {
      if (change < begun) covered[change] = index;
      else left.push(change);
    }
    open.set(call.name, left);
  });
  return covered;
}

export interface Crash {
  /** Number of the boundary, for messages: changes [0, kept) are on the disk, and none of the later ones. */
  readonly kept: number;
  /** Everything sent before this call index had been sent when such a crash was still possible. */
  readonly sentBefore: number;
  readonly image: DiskImage;
}

/**
 * Every crash "all changes up to a boundary, none after it", from call `from` on. A boundary is possible until the first
 * sync ended that covered a change after it: that is how long acknowledgements may have gone out.
 */
export function* cutCrashes(calls: readonly Call[], from: number): Generator<Crash> {
  const covered = coveredAt(calls);
  const changes = calls.flatMap((call, index) => (isStored(call) ? [index] : []));
  // earliest[i]: the first index at which some change from i on was covered.
  const earliest = new Array<number>(changes.length + 1).fill(calls.length);
  for (let i = changes.length - 1; i >= 0; i--) earliest[i] = Math.min(earliest[i + 1]!, covered[changes[i]!]!);
  const image = new DiskImage();
  for (let kept = 0; kept <= changes.length; kept++) {
    const next = changes[kept] ?? calls.length;
    if (next >= from) yield { kept, sentBefore: earliest[kept]!, image };
    if (kept < changes.length) image.apply(calls[next]!);
  }
}

/**
 * The crash right after call `at` in which only some of the changes no sync had covered are on the disk: `keep` says which.
 * The disk does not keep the order of writes between two syncs.
 */
export function looseCrash(calls: readonly Call[], at: number, keep: (change: number) => boolean): Crash {
  const covered = coveredAt(calls);
  const image = new DiskImage();
  let kept = 0;
  for (let index = 0; index <= at; index++) {
    const call = calls[index]!;
    if (!isStored(call)) continue;
    if (covered[index]! <= at || call.kind === "unlink" || keep(index)) {
      image.apply(call);
      kept++;
    }
  }
  return { kept, sentBefore: at + 1, image };
}
