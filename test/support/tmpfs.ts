/** A small disk that can run full: a tmpfs where mounting is allowed. Where it is not, the shim's quota (preload.c) stands in. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { buildShim, compiler, shimEnvironment } from "./preload.ts";

export interface Mounted {
  readonly path: string;
  /** Makes everything on it unwritable, or writable again. */
  readonly setReadOnly: (readOnly: boolean) => void;
  readonly remove: () => void;
}

const run = (...command: string[]): boolean => Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;

/** Mounts a tmpfs of `bytes` at `path` (made, removed with it), or returns null where that is forbidden. */
export function mountTmpfs(path: string, bytes: number): Mounted | null {
  if (Bun.which("mount") === null) return null;
  mkdirSync(path, { recursive: true });
  if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=700`, "berth-test", path)) return null;
  return {
    path,
    setReadOnly: (readOnly) => {
      if (!run("mount", "-o", `remount,${readOnly ? "ro" : "rw"}`, path)) throw new Error(`Cannot remount ${path}`);
    },
    remove: () => {
      // Lazily: a gateway that was killed may not have let go of its files yet.
      run("umount", "-l", path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

const KiB = 1024;

/** A disk of a few MiB: a tmpfs where mounting is allowed, else a directory whose growth the shim bounds. */
export interface SmallDisk {
  readonly data: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Takes all the room there is. Returns whether there was any. */
  fill(): boolean;
  /** Gives it back. */
  empty(): void;
  remove(): void;
}

function tmpfsDisk(folder: string, bytes: number): SmallDisk | null {
  const mounted = mountTmpfs(join(folder, "disk"), bytes);
  if (mounted === null) return null;
  const filler = join(mounted.path, "filler");
  return {
    data: join(mounted.path, "data"),
    environment: {},
    fill() {
      const fd = openSync(filler, "a");
      const before = statSync(filler).size;
      try {
        for (let block = 64 * KiB; block >= 1;) {
          try {
            if (writeSync(fd, new Uint8Array(block)) < block) block = Math.floor(block / 2);
          } catch {
            block = Math.floor(block / 2);
          }
        }
      } finally {
        closeSync(fd);
      }
      return statSync(filler).size > before;
    },
    empty: () => rmSync(filler, { force: true }),
    remove: mounted.remove,
  };
}

function shimDisk(folder: string, bytes: number): SmallDisk {
  const data = join(folder, "data");
  const quota = join(folder, "quota");
  writeFileSync(quota, String(bytes));
  const used = (): number =>
    readdirSync(data).reduce(
      (sum, name) => sum + Math.ceil((statSync(join(data, name), { throwIfNoEntry: false })?.size ?? 0) / 4096) * 4096,
      0,
    );
  return {
    data,
    environment: shimEnvironment(buildShim(folder), { data, quota }),
    fill() {
      const before = Number(readFileSync(quota, "utf8"));
      const now = Math.min(before, used());
      writeFileSync(quota, String(now));
      return now < before;
    },
    empty: () => writeFileSync(quota, String(bytes)),
    remove: () => {},
  };
}

/** A disk inside an empty `folder`. BERTH_TEST_DISK=shim chooses the second even where mounting works. */
export function smallDisk(folder: string, bytes: number): SmallDisk {
  const disk = process.env["BERTH_TEST_DISK"] === "shim" ? null : tmpfsDisk(folder, bytes);
  if (disk === null && compiler() === null) {
    throw new Error("Cannot make a small disk: mounting is forbidden, and there is no C compiler for the shim");
  }
  return disk ?? shimDisk(folder, bytes);
}
