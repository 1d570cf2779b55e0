/**
 * What gateways say to each other: one JSON object a line, at most `greetingBytes`. Pure.
 *
 *   {"identity":"harbour-2","policy":"initiator","version":1}   each side once, first the one that dialled
 *   {"refused":"policy","reason":"Cannot greet peer: …"}        instead of a greeting, or after it; then the end
 *   {"ping":7}  {"pong":7}                                      either side, any time after the greeting was read
 *   {"bye":"superseded"}                                        the last line of who ends an admitted connection
 */
import { err, ok, type Result } from "../base/result.ts";
import { END_REASONS, type EndReason, type PolicyName } from "./control.ts";

/** The policies under which two gateways may dial each other. */
export const PEER_POLICIES = ["initiator", "recent"] as const satisfies readonly PolicyName[];
export type PeerPolicy = (typeof PEER_POLICIES)[number];

/** Of these lines. Both sides must speak the same. */
export const PEER_VERSION = 1;

/** Why a greeting is not accepted. Also log codes. */
export const GREETING_FAULTS = [
  "bad_line",
  "too_long",
  "late",
  "identity",
  "equal_identities",
  "unknown_peer",
  "policy",
  "version",
] as const;
export type GreetingFault = (typeof GREETING_FAULTS)[number];

/** What becomes of a dial: every one begun has one of the others in the end. */
export const DIAL_OUTCOMES = ["begun", "registered", "failed", "superseded", "cancelled", "timeout", "drain"] as const;
export type DialOutcome = (typeof DIAL_OUTCOMES)[number];

export type PeerLine =
  | { readonly type: "greeting"; readonly identity: string; readonly policy: string; readonly version: number }
  | { readonly type: "refused"; readonly code: string; readonly reason: string }
  | { readonly type: "ping" | "pong"; readonly number: number }
  | { readonly type: "bye"; readonly reason: EndReason };

const LONGEST_REASON = 300;

export const greetingText = (identity: string, policy: PolicyName): string => JSON.stringify({ identity, policy, version: PEER_VERSION });
export const refusedText = (code: string, reason: string): string =>
  JSON.stringify({ refused: code, reason: reason.slice(0, LONGEST_REASON) });
export const pingText = (type: "ping" | "pong", number: number): string => JSON.stringify({ [type]: number });
export const byeText = (reason: EndReason): string => JSON.stringify({ bye: reason });

const bad = (what: string): Result<never, "bad_line"> => err("bad_line", `Cannot parse peer's line: ${what}`);
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** Reads a line. Members it does not know are left alone: a later version may say more. */
export function parsePeerLine(text: string): Result<PeerLine, "bad_line"> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return bad("not an object");
  const { identity, policy, version, refused, reason, ping, pong, bye } = value as Record<string, unknown>;
  if (typeof identity === "string") {
    if (typeof policy !== "string" || !isCount(version)) return bad("a greeting has identity, policy and version");
    return ok({ type: "greeting", identity, policy, version });
  }
  if (typeof refused === "string") return ok({ type: "refused", code: refused, reason: typeof reason === "string" ? reason : "" });
  if (isCount(ping)) return ok({ type: "ping", number: ping });
  if (isCount(pong)) return ok({ type: "pong", number: pong });
  const known = END_REASONS.find((one) => one === bye);
  if (known !== undefined) return ok({ type: "bye", reason: known });
  return bad("neither greeting, refusal, ping, pong nor bye");
}
