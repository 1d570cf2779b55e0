/**
 * Rows of commands: made with the event that says queued, changed with each later one, in the same transaction. Written by
 * the journal, read by readers. The oldest that have ended go.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import { type CommandCodec, type CommandState, isEnd } from "../wire/command.ts";
import type { StoredCommand } from "./port.ts";

/** Of a command, all there is to know but the seq of its event, which the commit gives it. */
export interface CommandRow extends Omit<StoredCommand, "seq"> {
  readonly isNew: boolean;
}

const COLUMNS = `command.id, device.id AS device, key, codec, text, created_at, expires_at, timeout_ms, state, command.fence, written_at,
  ended_at, response, reason, command.seq`;
const SELECT = `SELECT ${COLUMNS} FROM command JOIN device ON device.no = command.device`;

function read(row: SqlRow): StoredCommand {
  const timeOf = (name: string): number | null => row[name] === null ? null : Number(row[name]);
  const textOf = (name: string): string | null => row[name] === null ? null : String(row[name]);
  return {
    id: String(row["id"]),
    device: String(row["device"]),
    key: textOf("key") ?? "",
    codec: Number(row["codec"]) as CommandCodec,
    text: String(row["text"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    timeoutMs: Number(row["timeout_ms"]),
    state: String(row["state"]) as CommandState,
    fence: timeOf("fence"),
    writtenAt: timeOf("written_at"),
    endedAt: timeOf("ended_at"),
    response: textOf("response"),
    reason: textOf("reason"),
    seq: Number(row["seq"]),
  };
}

export class CommandTable {
  readonly #insert: Statement;
  readonly #change: Statement;
  readonly #trim: Statement;
  readonly #live: Statement;
  readonly #lost: Statement;
  readonly #kept: number;

  constructor(db: Database, limits: Pick<Limits, "commandsKept">) {
    this.#kept = limits.commandsKept;
    // The book sees to it that a key is used once. Should it not, a command without its key is better than no commit.
    this.#insert = db.prepare(
      `INSERT INTO command (id, device, key, codec, text, created_at, expires_at, timeout_ms, state, fence, seq)
        VALUES (?1, ?2, CASE WHEN EXISTS (SELECT 1 FROM command WHERE device = ?2 AND key = ?3) THEN NULL ELSE ?3 END,
          ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    );
    // An end is for ever.
    this.#change = db.prepare(
      "UPDATE command SET state = ?, fence = ?, written_at = ?, ended_at = ?, response = ?, reason = ?, seq = ? WHERE id = ? AND ended_at IS NULL",
    );
    this.#trim = db.prepare("DELETE FROM command WHERE no <= (SELECT max(no) FROM command) - ? AND ended_at IS NOT NULL");
    this.#lost = db.prepare(`${SELECT} WHERE state = 'unknown' AND ended_at >= ? ORDER BY command.no DESC LIMIT ?`);
    this.#live = db.prepare(`${SELECT} WHERE ended_at IS NULL ORDER BY command.no`);
  }

  /** `seq`: of its event; `device`: its number. */
  write(row: CommandRow, seq: number, device: number): void {
    const { id, key, codec, text, createdAt, expiresAt, timeoutMs, state, fence, writtenAt, endedAt, response, reason } = row;
    if (!row.isNew) {
      this.#change.run(state, fence, writtenAt, isEnd(state) ? endedAt : null, response, reason, seq, id);
      return;
    }
    this.#insert.run(id, device, key === "" ? null : key, codec, text, createdAt, expiresAt, timeoutMs, state, fence, seq);
    this.#trim.run(this.#kept);
  }

  /** The newest `most` that ended without an answer after `at` (wall ms), the newest first. Looks at all there are. */
  lostSince(at: number, most: number): StoredCommand[] {
    return this.#lost.all(at, most).map(read);
  }

  /** Those that have not ended, the oldest first. */
  live(): StoredCommand[] {
    return this.#live.all().map(read);
  }
}

export class CommandReader {
  readonly #byId: Statement;
  readonly #byKey: Statement;
  readonly #ofDevice: Statement;

  constructor(db: Database) {
    this.#byId = db.prepare(`${SELECT} WHERE command.id = ?`);
    this.#byKey = db.prepare(`${SELECT} WHERE command.device = (SELECT no FROM device WHERE id = ?) AND key = ?`);
    this.#ofDevice = db.prepare(
      `${SELECT} WHERE command.device = (SELECT no FROM device WHERE id = ?1)
        AND (?2 = '' OR command.no < (SELECT no FROM command WHERE id = ?2)) ORDER BY command.no DESC LIMIT ?3`,
    );
  }

  byId(id: string): StoredCommand | null {
    const row = this.#byId.get(id);
    return row === undefined ? null : read(row);
  }

  /** Newest first, those made before the one with id `before` ("": all). */
  ofDevice(device: string, before: string, limit: number): StoredCommand[] {
    return this.#ofDevice.all(device, before, limit).map(read);
  }

  byKey(device: string, key: string): StoredCommand | null {
    const row = this.#byKey.get(device, key);
    return row === undefined ? null : read(row);
  }
}
