/** Reads the frames that are kept raw: those that could not be decoded, and the newest with a wrong CRC. Reader threads. */
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import { HELD } from "./quarantine.ts";
import type { QuarantinePage, QuarantineQuery, StoredBadFrame, StoredQuarantined } from "./port.ts";

type Named = (device: number) => string | null;

export class QuarantineReader {
  readonly #sizes: Statement;
  readonly #sizesOfDevice: Statement;
  readonly #sizesHeld: Statement;
  readonly #rows: Statement;
  readonly #one: Statement;
  readonly #bad: Statement;

  constructor(db: Database) {
    this.#sizes = db.prepare("SELECT id, length(bytes) AS bytes FROM quarantine WHERE id <= ? ORDER BY id DESC LIMIT ?");
    this.#sizesOfDevice = db.prepare(
      "SELECT id, length(bytes) AS bytes FROM quarantine WHERE device = ? AND id <= ? ORDER BY id DESC LIMIT ?",
    );
    this.#sizesHeld = db.prepare(
      `SELECT id, length(bytes) AS bytes FROM quarantine WHERE ${HELD} AND id <= ?1 AND (?2 = 0 OR device = ?2) ORDER BY id DESC LIMIT ?3`,
    );
    this.#rows = db.prepare(
      `SELECT * FROM quarantine WHERE id BETWEEN ?1 AND ?2 AND (?3 = 0 OR device = ?3) AND (?4 = 0 OR ${HELD}) ORDER BY id DESC`,
    );
    this.#one = db.prepare("SELECT * FROM quarantine WHERE id = ? AND id <= ?");
    this.#bad = db.prepare("SELECT device, at, bytes FROM crc_failure ORDER BY id DESC");
  }

  /** Newest first: up to `limit` of them and the bytes of a page, but one at least. `device`: its number, null of all. */
  page(device: number | null, { upTo, limit, held }: QuarantineQuery, pageBytes: number, nameOf: Named): QuarantinePage {
    const sizes = held
      ? this.#sizesHeld.all(upTo, device ?? 0, limit + 1)
      : device === null
      ? this.#sizes.all(upTo, limit + 1)
      : this.#sizesOfDevice.all(device, upTo, limit + 1);
    let [bytes, taken] = [0, 0];
    while (taken < Math.min(limit, sizes.length)) {
      bytes += Number(sizes[taken]!["bytes"]);
      if (taken > 0 && bytes > pageBytes) break;
      taken++;
    }
    if (taken === 0) return { frames: [], more: false };
    const rows = this.#rows.all(sizes[taken - 1]!["id"]!, upTo, device ?? 0, held ? 1 : 0);
    return { frames: rows.map((row) => quarantined(row, nameOf)), more: taken < sizes.length };
  }

  one(id: number, upTo: number, nameOf: Named): StoredQuarantined | null {
    const row = this.#one.get(id, upTo);
    return row === undefined ? null : quarantined(row, nameOf);
  }

  /** Newest first. */
  badFrames(nameOf: Named): StoredBadFrame[] {
    return this.#bad.all().map((row) => ({
      device: nameOf(Number(row["device"])),
      at: Number(row["at"]),
      bytes: row["bytes"] as Uint8Array,
    }));
  }
}

const orNull = (value: unknown): number | null => value === null ? null : Number(value);

function quarantined(row: SqlRow, nameOf: Named): StoredQuarantined {
  const { address } = row;
  return {
    id: Number(row["id"]),
    device: nameOf(Number(row["device"])) ?? "",
    hash: String(row["hash"]),
    fault: String(row["reason"]),
    codec: Number(row["codec"]),
    fence: Number(row["fence"]),
    origin: address === null ? null : { address: String(address), port: Number(row["port"]) },
    firstAt: Number(row["first_at"]),
    lastAt: Number(row["last_at"]),
    count: Number(row["count"]),
    releasedAt: orNull(row["released_at"]),
    replayedAt: orNull(row["replayed_at"]),
    records: Number(row["replayed_records"]),
    stored: Number(row["replayed_stored"]),
    bytes: row["bytes"] as Uint8Array,
  };
}
