/** What carries a session: one connection, made once. The session decides when there is another one. Types only. */
import type { Result } from "../base/result.ts";
import type { SessionInput } from "./session_step.ts";

type OfAttempt = Extract<SessionInput, { readonly attempt: number }>;
/** What a connection says, without the number of its attempt. `chars`: how much an event weighs. */
export type Said = WithoutAttempt<OfAttempt>;
type WithoutAttempt<T> = T extends OfAttempt ? Omit<T, "attempt"> : never;

export interface Listener {
  said(said: Said, chars?: number): void;
  /** Resolves when there is room for more events; null: there is. */
  room(): Promise<void> | null;
}

export interface Transport {
  /** Nothing is said after it. Idempotent. */
  drop(): void;
  /** Has the gateway say something. */
  ask(): void;
  subscribe(channel: string, cursor: string | null): void;
  unsubscribe(channel: string): void;
  /** Resolves when the gateway has answered, or never will. */
  publish?(channel: string, data: unknown): Promise<Result<null, "unreachable" | "busy" | "refused" | "unknown">>;
}

export type OpenTransport = (cursors: ReadonlyMap<string, string | null>, listener: Listener) => Transport;
