/** Whether a store is the one its directory saw last: by what was noted beside it, and by nothing when that is spoiled. */
import { expect, test } from "bun:test";
import { fencesAnew, type Seen, SeenFiles } from "../../../src/engine/journal/seen.ts";

const LEAP = 2 ** 30;

class Files {
  readonly texts = new Map<string, string>();
  isFull = false;
  exists = (path: string): boolean => this.texts.has(path);
  readText = (path: string): string => this.texts.get(path)!;
  writeText = (path: string, text: string): void => {
    if (this.isFull) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    this.texts.set(path, text);
  };
}

const seen = (committed: number, fences: number, epoch = "e"): Seen => ({ epoch, committed, fences });

/** Files after these notes. */
function noted(...all: readonly Seen[]): Files {
  const files = new Files();
  const writer = new SeenFiles(files, "d");
  for (const one of all) writer.note(one);
  return files;
}

test("a store that is as it was noted, or further, is the same", () => {
  const files = noted(seen(5, 100), seen(9, 100));
  expect([seen(9, 100), seen(10, 100), seen(9, 300)].map((one) => fencesAnew(files, "d", one))).toEqual([null, null, null]);
});

test("a store that is behind in events or fences, or has another epoch, goes on far above all fences there were", () => {
  const files = noted(seen(5, 100), seen(9, 100));
  expect([seen(8, 100), seen(9, 99), seen(50, 400, "f")].map((one) => fencesAnew(files, "d", one)))
    .toEqual([100 + LEAP, 100 + LEAP, 400 + LEAP]);
});

test("after it began anew it is the same one, by whichever of the notes are left", () => {
  const files = noted(seen(5, 100), seen(9, 100));
  const anew = fencesAnew(files, "d", seen(8, 100))!;
  const writer = new SeenFiles(files, "d");
  writer.note(seen(8, anew, "g"));
  expect(fencesAnew(files, "d", seen(8, anew, "g"))).toBeNull();
});

test("a store with a history and no note came from elsewhere; a new one is new", () => {
  expect([fencesAnew(new Files(), "d", seen(8, 100)), fencesAnew(new Files(), "d", seen(0, 1))]).toEqual([100 + LEAP, null]);
});

test("a note that a crash has spoiled says nothing: the other one counts, and with none nobody can tell", () => {
  const files = noted(seen(5, 100), seen(9, 100));
  files.texts.set("d/seen-1", "e 1");
  expect([fencesAnew(files, "d", seen(5, 100)), fencesAnew(files, "d", seen(4, 100))]).toEqual([null, 100 + LEAP]);
  files.texts.set("d/seen-0", "");
  expect(fencesAnew(files, "d", seen(4, 100))).toBeNull();
});

test("what is no news is not written, and a full disk leaves what was", () => {
  const files = new Files();
  const writer = new SeenFiles(files, "d");
  writer.note(seen(5, 100));
  writer.note(seen(5, 100));
  expect([...files.texts.keys()]).toEqual(["d/seen-0"]);
  files.isFull = true;
  writer.note(seen(6, 100));
  files.isFull = false;
  writer.note(seen(7, 100));
  expect(fencesAnew(files, "d", seen(6, 100))).toBe(100 + LEAP);
});
