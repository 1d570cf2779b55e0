/** A small disk that can run full: a tmpfs where mounting is allowed. Where it is not, the shim's quota (preload.c) stands in. */
import { mkdirSync, rmSync, statfsSync } from "node:fs";

export interface SmallDisk {
  readonly path: string;
  readonly free: () => number;
  /** Makes everything on it unwritable, or writable again. */
  readonly setReadOnly: (readOnly: boolean) => void;
  readonly remove: () => void;
}

const run = (...command: string[]): boolean => Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;

/** Mounts a tmpfs of `bytes` at `path` (made, removed with it), or returns null where that is forbidden. */
export function mountTmpfs(path: string, bytes: number): SmallDisk | null {
  if (Bun.which("mount") === null) return null;
  mkdirSync(path, { recursive: true });
  if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=700`, "berth-test", path)) return null;
  return {
    path,
    free: () => {
      const space = statfsSync(path);
      return space.bavail * space.bsize;
    },
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
