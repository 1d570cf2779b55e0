/** Size of the write-ahead log in a data directory, as the file system sees it. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export function walBytes(data: string): number {
  const name = readdirSync(data).find((file) => file.endsWith("-wal"));
  return name === undefined ? 0 : statSync(join(data, name)).size;
}
