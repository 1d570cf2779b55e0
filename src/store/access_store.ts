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

/** A device on the allow list. */
export interface AllowRow {
  readonly id: string;
  /** Wall ms. */
  readonly since: number;
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
  `
  -- 1: taken off the list.
  ALTER TABLE allow ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
  `,
];

export class AccessStore {
  readonly #db: Database;
  readonly #version: Statement;
  readonly #tokens: Statement;
  readonly #addToken: Statement;
  readonly #removeToken: Statement;
  readonly #listed: Statement;
  readonly #count: Statement;
  readonly #has: Statement;
  readonly #page: Statement;
  readonly #set: Statement;

  /** Makes what is not there yet. @throws SqlError, also when a newer Berth has made it. */
  constructor(db: Database) {
    this.#db = db;
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    migrate(db);
    this.#version = db.prepare("PRAGMA data_version");
    this.#tokens = db.prepare("SELECT id, hash, name, scopes, created_at FROM token ORDER BY created_at, id");
    this.#addToken = db.prepare("INSERT INTO token (id, hash, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)");
    this.#removeToken = db.prepare("DELETE FROM token WHERE id = ?");
    this.#listed = db.prepare("SELECT id, removed FROM allow");
    this.#count = db.prepare("SELECT count(*) AS count FROM allow");
    this.#has = db.prepare("SELECT 1 FROM allow WHERE id = ?");
    this.#page = db.prepare("SELECT id, created_at FROM allow WHERE removed = 0 AND id >= ? ORDER BY id LIMIT ?");
    this.#set = db.prepare(
      `INSERT INTO allow (id, created_at, removed) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, removed = excluded.removed WHERE removed <> excluded.removed`,
    );
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

  /** Every device that was put on the list or taken off it. */
  listed(): { readonly allowed: string[]; readonly disallowed: string[] } {
    const allowed: string[] = [];
    const disallowed: string[] = [];
    for (const row of this.#listed.iterate()) (row["removed"] === 0 ? allowed : disallowed).push(String(row["id"]));
    return { allowed, disallowed };
  }
  /** How many those are. */
  count(): number {
    return Number(this.#count.get()!["count"]);
  }
  has(id: string): boolean {
    return this.#has.get(id) !== undefined;
  }
  /** By id, from `from` on. */
  page(from: string, limit: number): AllowRow[] {
    return this.#page.all(from, limit).map((row) => ({ id: String(row["id"]), since: Number(row["created_at"]) }));
  }
  setAllowed(id: string, isAllowed: boolean, at: number): void {
    this.#set.run(id, at, isAllowed ? 0 : 1);
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
