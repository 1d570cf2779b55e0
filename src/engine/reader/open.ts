/** Opens the store for one reader thread. Runs on it. */
import type { Platform } from "../../platform/port.ts";
import { STORE_FILE } from "../../store/migrations.ts";
import { prepareReading } from "../../store/open.ts";
import type { StoreReader } from "../../store/port.ts";
import { SqliteStoreReader } from "../../store/reader.ts";
import { Board } from "../../wire/board.ts";
import type { Boot } from "../boot.ts";

/** The connection may write, because a checkpoint pass does; `query_only` refuses everything else. */
export function openStoreReader(boot: Boot, platform: Platform): StoreReader {
  const db = platform.openDatabase(`${boot.settings.data}/${STORE_FILE}`, { readOnly: false });
  prepareReading(db);
  const board = new Board(boot.board);
  return new SqliteStoreReader(db, boot.settings.limits, () => board.committed());
}
