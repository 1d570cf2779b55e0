/**
 * Who may use the HTTP interface, and which devices are announced: the access store with its tokens in memory. The file is made
 * with the first thing to keep. Each http thread has one, the supervisor looks once, and the command line uses one when no
 * gateway runs.
 */
import { AssertionError } from "../base/assert.ts";
import type { Limits } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseScopes, scopeNames, type Scopes } from "../access/scope.ts";
import { newToken, sameHash, TOKEN_BYTES, tokenHash, tokenId } from "../access/token.ts";
import { type Platform, SqlError } from "../platform/port.ts";
import { ACCESS_FILE, AccessStore, type AllowRow } from "../store/access_store.ts";

export interface Token {
  /** Public. */
  readonly id: string;
  readonly name: string;
  readonly scopes: Scopes;
  /** Wall ms. */
  readonly createdAt: number;
}

export type CreateFault = "first_admin" | "too_many";

type Needs = Pick<Platform, "exists" | "openDatabase" | "randomBytes" | "clock">;
type Bounds = Pick<Limits, "tokens" | "allowedDevices">;

interface Kept extends Token {
  readonly hash: Uint8Array;
}

const NO_SCOPES: Scopes = { read: false, command: false, admin: false, devices: new Set() };

export class Access {
  /** Why tokens cannot be read, or null. What was read last still counts for streams; nobody new is let in. */
  trouble: string | null = null;
  readonly #platform: Needs;
  readonly #path: string;
  readonly #limits: Bounds;
  #store: AccessStore | null = null;
  #version = -1;
  #tokens = new Map<string, Kept>();

  constructor(platform: Needs, data: string, limits: Bounds) {
    this.#platform = platform;
    this.#path = `${data}/${ACCESS_FILE}`;
    this.#limits = limits;
  }

  /** Takes over what others have changed. True when something may have. */
  follow(): boolean {
    try {
      if (!this.#exists()) return false;
      const store = this.#open();
      const version = store.version();
      this.trouble = null;
      if (version === this.#version) return false;
      this.#read(store);
      this.#version = version;
      return true;
    } catch (error) {
      if (!(error instanceof Error) || error instanceof AssertionError) throw error;
      // Somebody writes: what is known counts a moment longer. Before the first read nothing is known, not even that there are no tokens.
      if (this.#version >= 0 && error instanceof SqlError && /^SQLITE_(?:BUSY|LOCKED)/.test(error.code)) return false;
      this.trouble = `Cannot read ${this.#path}: ${error.message}`;
      return false;
    }
  }

  /** Oldest first. */
  get tokens(): readonly Token[] {
    return [...this.#tokens.values()];
  }

  has(id: string): boolean {
    return this.#tokens.has(id);
  }

  get size(): number {
    return this.#tokens.size;
  }

  /** Whose text this is; null: nobody's. */
  find(text: string): Token | null {
    const id = tokenId(text);
    const kept = id === null ? undefined : this.#tokens.get(id);
    return kept !== undefined && sameHash(kept.hash, tokenHash(text)) ? kept : null;
  }

  /** A token and its text, which is told here and never again. The first one must be able to make more. @throws SqlError */
  create(name: string, scopes: Scopes): Result<{ readonly token: Token; readonly text: string }, CreateFault> {
    const store = this.#open();
    const { id, text, hash } = newToken(this.#platform.randomBytes(TOKEN_BYTES));
    const token: Kept = { id, name, scopes, createdAt: this.#platform.clock.wall(), hash };
    const done = store.together((): CreateFault | null => {
      this.#read(store);
      if (this.#tokens.size >= this.#limits.tokens) return "too_many";
      if (!scopes.admin && this.#admins() === 0) return "first_admin";
      store.addToken({ ...token, scopes: scopeNames(scopes).join(",") });
      return null;
    });
    if (done === "too_many") return err(done, `there are ${this.#tokens.size} tokens, the most there may be; revoke one`);
    if (done === "first_admin") return err(done, "the first token needs scope admin, as nobody could make others without it");
    this.#tokens.set(id, token);
    return ok({ token, text });
  }

  /** `keepAdmin`: not the last one that can make others. @throws SqlError */
  revoke(id: string, keepAdmin: boolean): "revoked" | "unknown" | "last_admin" {
    const store = this.#open();
    const done = store.together(() => {
      this.#read(store);
      const known = this.#tokens.get(id);
      if (known === undefined) return "unknown";
      if (keepAdmin && known.scopes.admin && this.#admins() === 1) return "last_admin";
      store.removeToken(id);
      return "revoked";
    });
    if (done === "revoked") this.#tokens.delete(id);
    return done;
  }

  /** The devices that were put on the allow list, and those that were taken off. @throws SqlError */
  allowed(): { readonly allowed: readonly string[]; readonly disallowed: readonly string[] } {
    return this.#exists() ? this.#open().listed() : { allowed: [], disallowed: [] };
  }

  /** Devices on the list by id, from `from` on. @throws SqlError */
  allowedFrom(from: string, limit: number): readonly AllowRow[] {
    return this.#exists() ? this.#open().page(from, limit) : [];
  }

  /** Puts devices on the list or takes them off; all or none. False: there would be too many. @throws SqlError */
  setAllowed(ids: readonly string[], isAllowed: boolean): boolean {
    const store = this.#open();
    const at = this.#platform.clock.wall();
    return store.together(() => {
      let more = 0;
      for (const id of new Set(ids)) if (!store.has(id)) more++;
      if (store.count() + more > this.#limits.allowedDevices) return false;
      for (const id of ids) store.setAllowed(id, isAllowed, at);
      return true;
    });
  }

  close(): void {
    this.#store?.close();
    this.#store = null;
  }

  #exists(): boolean {
    return this.#store !== null || this.#platform.exists(this.#path);
  }

  #admins(): number {
    return [...this.#tokens.values()].filter(({ scopes }) => scopes.admin).length;
  }

  #open(): AccessStore {
    this.#store ??= new AccessStore(this.#platform.openDatabase(this.#path, { readOnly: false }));
    return this.#store;
  }

  /** Scopes nobody here understands, of a newer Berth, allow nothing. */
  #read(store: AccessStore): void {
    this.#tokens = new Map(
      store.tokens().map((row) => {
        const scopes = parseScopes([row.scopes], Number.POSITIVE_INFINITY);
        return [row.id, { ...row, scopes: scopes.ok ? scopes.value : NO_SCOPES }];
      }),
    );
  }
}
