/**
 * Rows of device configurations: one for each version, made with the event that says pending and changed with what its device says of
 * it, in the same transaction. Written by the journal, read by readers. The oldest go; the newest applied and the newest failed stay.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import type { ConfigState } from "../wire/config_push.ts";
import type { StoredConfig } from "./port.ts";

export interface ConfigRow {
  readonly version: number;
  readonly state: ConfigState;
  /** JSON, of a row that is made (pending); else "". */
  readonly value: string;
  /** Of the connection that said so, or 0. */
  readonly fence: number;
  readonly reason: string;
}

const saidAs = (state: ConfigState): string =>
  `(SELECT max(version) FROM config WHERE device = newest.device AND state = '${state}' AND said_seq <= ?1)`;
/** The newest version of each device as of the seq ?1, and what was known by then of it and the ones before. */
const SELECT = `SELECT device.id AS device, newest.version, newest.value, newest.at,
    ${saidAs("applied")} AS applied, ${saidAs("failed")} AS failed,
    (SELECT reason FROM config WHERE device = newest.device AND version = ${saidAs("failed")}) AS reason
  FROM device JOIN config AS newest ON newest.device = device.no
    AND newest.version = (SELECT max(version) FROM config WHERE device = device.no AND seq <= ?1)`;

function read(row: SqlRow): StoredConfig {
  const versionOf = (name: string): number | null => row[name] === null ? null : Number(row[name]);
  return {
    device: String(row["device"]),
    version: Number(row["version"]),
    value: String(row["value"]),
    at: Number(row["at"]),
    applied: versionOf("applied"),
    failed: versionOf("failed"),
    reason: row["reason"] === null ? null : String(row["reason"]),
  };
}

export class ConfigTable {
  readonly #insert: Statement;
  readonly #change: Statement;
  readonly #trim: Statement;
  readonly #all: Statement;
  readonly #kept: number;

  constructor(db: Database, limits: Pick<Limits, "configVersions">) {
    this.#kept = limits.configVersions;
    this.#insert = db.prepare("INSERT INTO config (device, version, seq, at, state, value) VALUES (?, ?, ?, ?, 'pending', ?)");
    this.#change = db.prepare(
      "UPDATE config SET state = ?, said_seq = ?, said_at = ?, fence = ?, reason = ? WHERE device = ? AND version = ?",
    );
    this.#trim = db.prepare(
      `DELETE FROM config WHERE device = ?1 AND version <= ?2 AND version NOT IN (
        SELECT coalesce(max(version), 0) FROM config WHERE device = ?1 AND state = 'applied' UNION ALL
        SELECT coalesce(max(version), 0) FROM config WHERE device = ?1 AND state = 'failed')`,
    );
    this.#all = db.prepare(SELECT);
  }

  /** `seq`: of the event it goes with; `device`: its number. */
  write({ version, state, value, fence, reason }: ConfigRow, seq: number, device: number, at: number): void {
    if (state === "pending") this.#insert.run(device, version, seq, at, value);
    else this.#change.run(state, seq, at, fence === 0 ? null : fence, reason === "" ? null : reason, device, version);
    this.#trim.run(device, version - this.#kept);
  }

  /** Of every device that has one. */
  all(): StoredConfig[] {
    return this.#all.all(Number.MAX_SAFE_INTEGER).map(read);
  }
}

export class ConfigReader {
  readonly #one: Statement;

  constructor(db: Database) {
    this.#one = db.prepare(`${SELECT} WHERE device.id = ?2`);
  }

  /** As of `seq`. */
  of(device: string, seq: number): StoredConfig | null {
    const row = this.#one.get(seq, device);
    return row === undefined ? null : read(row);
  }
}
