/** One process per data directory. */
import { afterAll, expect, test } from "bun:test";
import { lockData } from "../../../src/engine/lock.ts";
import { bunPlatform } from "../../../src/platform/bun.ts";
import { SqlError } from "../../../src/platform/port.ts";

const platform = bunPlatform();
const directory = platform.temporaryDirectory("berth-lock-");
afterAll(() => platform.removeTree(directory));

test("lock makes the directory, is taken once, and names the holder", () => {
  const data = `${directory}/a/b`;
  const first = lockData({ ...platform, pid: 4711 }, data);
  if (!first.ok) throw new Error(first.message);
  const second = lockData(platform, data);
  expect(second).toMatchObject({ ok: false, fault: "data_held", message: `Cannot use ${data}: the process with pid 4711 holds it` });
  first.value.release();
  const third = lockData(platform, data);
  expect(third.ok).toBe(true);
  if (third.ok) third.value.release();
});

test("lock holds though the disk has no room for the holder's name", () => {
  const data = `${directory}/full`;
  const full = {
    ...platform,
    writeText: () => {
      throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    },
  };
  const first = lockData(full, data);
  expect(first.ok).toBe(true);
  expect(lockData(platform, data)).toMatchObject({
    fault: "data_held",
    message: `Cannot use ${data}: the process with pid unknown holds it`,
  });
  if (first.ok) first.value.release();
});

test("lock of a directory that is a file says so", () => {
  const file = `${directory}/file`;
  platform.writeText(file, "");
  expect(lockData(platform, file)).toEqual({ ok: false, fault: "data_unusable", message: `Cannot use ${file}: it is not a directory` });
});

test("lock of a directory that cannot be written says so", () => {
  const readOnly = {
    ...platform,
    writeText: () => {
      throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
    },
  };
  expect(lockData(readOnly, `${directory}/ro`)).toMatchObject({
    ok: false,
    fault: "data_unusable",
    message: `Cannot use ${directory}/ro: EROFS: read-only file system. Make it writable, or choose another directory with --data`,
  });
  const after = lockData(platform, `${directory}/ro`);
  expect(after.ok).toBe(true);
  if (after.ok) after.value.release();
  const broken = {
    ...platform,
    openDatabase: () => {
      throw new SqlError("SQLITE_CANTOPEN", "unable to open database file");
    },
  };
  expect(lockData(broken, `${directory}/ro`)).toMatchObject({ ok: false, fault: "data_unusable" });
});
