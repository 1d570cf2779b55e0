/**
 * Access as an http thread offers it to the application: who a token belongs to, whether one is needed, and which streams have
 * lost theirs. Owned by an http thread, which calls `follow` in its loop.
 */
import { FailedTokens } from "../../access/failures.ts";
import { AskRate } from "../../access/rate.ts";
import type { AccessRefusal } from "../../access/refusal.ts";
import type { Scopes } from "../../access/scope.ts";
import { isLoopback } from "../../config/host_port.ts";
import type { Settings } from "../../config/settings.ts";
import type { Result } from "../../base/result.ts";
import type { Platform } from "../../platform/port.ts";
import type { AllowRow } from "../../store/access_store.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import type { Asked } from "../boot.ts";
import { Access, type CreateFault, type Token } from "../access.ts";

/** Between two looks for what others have changed, while no request asks. */
const LOOK_MS = 250;
/** Who asks without a token, while none is needed. */
const NOBODY = "";

export class HttpAccess {
  readonly #access: Access;
  readonly #isLocal: boolean;
  readonly #failures: FailedTokens;
  readonly #byToken: AskRate;
  readonly #byAddress: AskRate;
  readonly #platform: Pick<Platform, "clock">;
  readonly #counters: Counters;
  readonly #watched = new Map<string, Set<() => void>>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(platform: Platform, { data, http, limits }: Settings, counters: Counters, asked: Asked) {
    this.#access = new Access(platform, data, limits);
    this.#isLocal = isLoopback(http.host);
    this.#failures = new FailedTokens(asked.failures, limits);
    this.#byToken = new AskRate(asked.byToken, limits.requestsPerSecondPerToken, limits.requestBurstSeconds);
    this.#byAddress = new AskRate(asked.byAddress, limits.requestsPerSecondPerAddress, limits.requestBurstSeconds);
    this.#platform = platform;
    this.#counters = counters;
    this.#access.follow();
  }

  /** In the loop of the thread: ends streams whose token another thread or process has revoked. */
  follow(): void {
    const now = this.#platform.clock.mono();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#look();
  }

  /** No token is needed: there is none, and only this machine can ask. */
  get open(): boolean {
    this.#look();
    return this.#isLocal && this.#access.size === 0 && this.#access.trouble === null;
  }

  /** Why nobody can be let in now, or null. */
  get trouble(): string | null {
    return this.#access.trouble;
  }

  find(text: string): Token | null {
    this.#look();
    return this.#access.trouble === null ? this.#access.find(text) : null;
  }

  /** A wrong token came from there. Seconds to wait when there were too many, else 0. */
  failed(address: string): number {
    return this.#failures.failed(address, this.#platform.clock.wall());
  }

  /** Another request. Seconds to wait when there were too many, else 0. */
  asks(by: "token" | "address", key: string): number {
    return (by === "token" ? this.#byToken : this.#byAddress).asks(key, this.#platform.clock.wall());
  }

  countRefusal(cause: AccessRefusal): void {
    this.#counters.add(slot("berth_http_refusals_total", cause));
  }

  get tokens(): readonly Token[] {
    return this.#access.tokens;
  }

  create(name: string, scopes: Scopes): Result<{ readonly token: Token; readonly text: string }, CreateFault> {
    const made = this.#access.create(name, scopes);
    this.#tell();
    return made;
  }

  /** Never the last one that can make others: nobody could look after the gateway, or everybody on this machine. */
  revoke(id: string): "revoked" | "unknown" | "last_admin" {
    const done = this.#access.revoke(id, true);
    this.#tell();
    return done;
  }

  allowedFrom(from: string, limit: number): readonly AllowRow[] {
    return this.#access.allowedFrom(from, limit);
  }

  setAllowed(id: string, isAllowed: boolean): boolean {
    return this.#access.setAllowed([id], isAllowed);
  }

  /** Calls `lost` once, when the token (null: that none is needed) counts no more. Returns how to stop that. */
  whileValid(token: string | null, lost: () => void): () => void {
    const id = token ?? NOBODY;
    if (!this.#counts(id)) {
      queueMicrotask(lost);
      return () => {};
    }
    const calls = this.#watched.get(id) ?? new Set();
    calls.add(lost);
    this.#watched.set(id, calls);
    return () => {
      calls.delete(lost);
      if (calls.size === 0 && this.#watched.get(id) === calls) this.#watched.delete(id);
    };
  }

  stop(): void {
    this.#access.close();
  }

  #look(): void {
    this.#lookedAt = this.#platform.clock.mono();
    if (this.#access.follow()) this.#tell();
  }

  #tell(): void {
    for (const [id, calls] of this.#watched) {
      if (this.#counts(id)) continue;
      this.#watched.delete(id);
      for (const lost of calls) lost();
    }
  }

  #counts(id: string): boolean {
    return id === NOBODY ? this.#access.size === 0 : this.#access.has(id);
  }
}
