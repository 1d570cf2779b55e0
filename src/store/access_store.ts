/**
 * Tokens and the allow list, in a file of their own beside the store: who may come must be known, and changed, also while the
 * journal cannot commit, and a store put back from a backup brings no revoked token back. Several threads and the command line
 * each have a connection of their own; `version` says when another one has written.
 */
import type { Database, Statement } from "../platform/port.ts";

export const ACCESS_FILE = "access.db";

export interface TokenRow {
  /** Public. */
  readonly id: string;
  /** SHA-256 of the whole text. */
  readonly hash: Uint8Array;
  readonly name: string;
  /** As people write them, separated by commas. */
  readonly scopes: string;
  /** Wall ms. */
  readonly createdAt: number;
}

export interface AllowRow {
  readonly id: string;
  readonly createdAt: number;
}

const BUSY_MS = 1000;

/** As those of the store: never change one that was released, add the next. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE token (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE allow (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) WITHOUT ROWID;
  `,
];

export class AccessStore {
  readonly #db: Database;
  readonly #version: Statement;
  readonly #tokens: Statement;
  readonly #addToken: Statement;
  readonly #removeToken: Statement;
  readonly #allowed: Statement;
  readonly #allow: Statement;
  readonly #disallow: Statement;

  /** Makes what is not there yet. @throws SqlError, also when a newer Berth has made it. */
  constructor(db: Database) {
    this.#db = db;
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    migrate(db);
    this.#version = db.prepare("PRAGMA data_version");
    this.#tokens = db.prepare("SELECT id, hash, name, scopes, created_at FROM token ORDER BY created_at, id");
    this.#addToken = db.prepare("INSERT INTO token (id, hash, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)");
    this.#removeToken = db.prepare("DELETE FROM token WHERE id = ?");
    this.#allowed = db.prepare("SELECT id, created_at FROM allow ORDER BY id");
    this.#allow = db.prepare("INSERT OR IGNORE INTO allow (id, created_at) VALUES (?, ?)");
    this.#disallow = db.prepare("DELETE FROM allow WHERE id = ?");
  }

  /** Changes when another connection has written; not for what this one writes. */
  version(): number {
    return Number(this.#version.get()!["data_version"]);
  }

  /** Oldest first. */
  tokens(): TokenRow[] {
    return this.#tokens.all().map((row) => ({
      id: String(row["id"]),
      hash: row["hash"] as Uint8Array,
      name: String(row["name"]),
      scopes: String(row["scopes"]),
      createdAt: Number(row["created_at"]),
    }));
  }

  /** All of `change` or nothing, and nobody else writes meanwhile. On the disk when it returns. */
  together<T>(change: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = change();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  addToken({ id, hash, name, scopes, createdAt }: TokenRow): void {
    this.#addToken.run(id, hash, name, scopes, createdAt);
  }
  removeToken(id: string): void {
    this.#removeToken.run(id);
  }

  allowed(): AllowRow[] {
    return this.#allowed.all().map((row) => ({ id: String(row["id"]), createdAt: Number(row["created_at"]) }));
  }
  allow(id: string, at: number): void {
    this.#allow.run(id, at);
  }
  disallow(id: string): void {
    this.#disallow.run(id);
  }

  close(): void {
    this.#db.close();
  }
}

function migrate(db: Database): void {
  const versionOf = (): number => Number(db.prepare("PRAGMA user_version").get()!["user_version"]);
  const version = versionOf();
  if (version > MIGRATIONS.length) throw new Error(`${ACCESS_FILE} has version ${version}, this Berth knows ${MIGRATIONS.length}`);
  if (version === MIGRATIONS.length) return;
  db.exec("BEGIN IMMEDIATE");
  // Another connection may have done it meanwhile.
  for (let next = versionOf(); next < MIGRATIONS.length; next++) db.exec(MIGRATIONS[next]!);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec("COMMIT");
}
