/** Files, through the part of node:fs that Bun and Deno share. Synchronous: used at start, by the journal and by the command line. */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Platform } from "./port.ts";

type Files = Pick<
  Platform,
  | "readText"
  | "writeText"
  | "exists"
  | "fileSize"
  | "allocateFile"
  | "removeFile"
  | "openForSync"
  | "listDirectory"
  | "makeDirectory"
  | "space"
  | "temporaryDirectory"
  | "removeTree"
>;

const BLOCK = new Uint8Array(1 << 20);

/** `allocate`: reserves blocks for an open file, or says why not with an error whose `code` is the system's; null: write zeros. */
export function nodeFiles(allocate: ((fd: number, bytes: number) => void) | null): Files {
  return {
    readText: (path) => readFileSync(path, "utf8"),
    writeText: (path, text) => writeFileSync(path, text),
    exists: (path) => existsSync(path),
    fileSize: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? -1,
    allocateFile(path, bytes) {
      const fd = openSync(path, "w");
      let done = false;
      try {
        if (bytes > 0) (allocate ?? writeZeros)(fd, bytes);
        fsyncSync(fd);
        done = true;
      } finally {
        closeSync(fd);
        if (!done) unlinkSync(path);
      }
      syncDirectory(dirname(path));
    },
    openForSync(path) {
      const fd = openSync(path, "r+");
      return { sync: () => fdatasyncSync(fd), close: () => closeSync(fd) };
    },
    removeFile: (path) => rmSync(path, { force: true }),
    listDirectory: (path) => readdirSync(path),
    makeDirectory: (path) => void mkdirSync(path, { recursive: true }),
    space(path) {
      const { bavail, blocks, bsize } = statfsSync(path);
      return { free: bavail * bsize, total: blocks * bsize };
    },
    temporaryDirectory: (prefix) => mkdtempSync(join(tmpdir(), prefix)),
    removeTree: (path) => rmSync(path, { recursive: true, force: true }),
  };
}

function writeZeros(fd: number, bytes: number): void {
  for (let left = bytes; left > 0;) left -= writeSync(fd, BLOCK, 0, Math.min(left, BLOCK.length));
}

/** So that the new name survives a power cut. Not every file system lets a directory be opened: then there is nothing to sync. */
function syncDirectory(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
