/**
 * The control messages between threads: one layout and one ring kind each. Who may send what to whom:
 *
 *   accept   → codec     adopt
 *   codec    → registry  claim, close, probed, sent, afterlife, commandDone, commandAnswer
 *   registry → codec     decided, evict, probe, command
 *   http     → registry  ask, order, submit, commandReport, configure, configReport, quarantineOrder
 *   registry → http      answer, done
 *   registry → udp       decided, evict, probe, alongside, command
 *   http     → registry  claimStream, close, probed, afterlife, commandDone
 *   registry → http      decided, evict, probe, command, configured
 *   registry → journal   connected, replaced, beside, disconnected, refusedMany, raiseFloor, conflict, evidence,
 *                        conflictOver, listed, acknowledged, commandRow, lateAnswer, configRow, quarantineOrdered
 *
 * A `Message` is the struct's value plus its `type`. `send` writes one into a ring, `receive` reads the current one.
 */
import { broken } from "../base/assert.ts";
import type { RingConsumer, RingProducer } from "../ring/spsc.ts";
import { type Struct, struct, type StructOf } from "./struct.ts";

/** How a device is connected; index is the wire's number. */
export const TRANSPORTS = ["tcp", "udp", "sse", "ws", "peer"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Why a connection ended, or was told to end. Also the `reason` of disconnected events and metric labels. */
export const END_REASONS = [
  "closed",
  "reset",
  "idle_timeout",
  "login_timeout",
  "superseded",
  "kicked",
  "rejected",
  "conflict",
  "slow",
  "shutdown",
  "auth",
  "restart",
  "bad_frame",
  "quarantined",
  "commit_failed",
  "store_busy",
  "lost",
  "drained",
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Why a login was refused. */
export const REFUSALS = [
  "none",
  "unknown_device",
  "device_limit",
  "store_busy",
  "store_failing",
  "draining",
  "held",
  "bad_login",
  "connections",
  /** Both sides of a connection have one identity: see the policies `initiator` and `recent`. */
  "equal_identities",
  "conflict",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export const POLICIES = ["takeover", "reject", "initiator", "recent", "multi"] as const;
export type PolicyName = (typeof POLICIES)[number];

/** What a codec worker does with the newcomer: the decision byte of `decided`. */
export const DECISIONS = ["admit", "refuse", "pending"] as const;
export type Decision = (typeof DECISIONS)[number];

/**
 * Why a connection took the place of another: its policy says so; the old one's close had begun; the old one stayed silent
 * when it was probed; or the other side of a double connection chose neither in time.
 */
export const TAKEOVER_CAUSES = ["superseded", "old_was_closing", "probe_silent", "choice_late"] as const;
export type TakeoverCause = (typeof TAKEOVER_CAUSES)[number];

/** What an operator may ask of the registry: the verb of `order`, and how it went. */
export const ORDERS = ["kick", "device_policy", "class_policy", "drain", "acknowledge", "allow"] as const;
export type OrderVerb = (typeof ORDERS)[number];
/** `busy`: the journal cannot be told now; nothing was done. */
export const OUTCOMES = ["done", "not_connected", "unknown", "refused", "busy"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What a conflict of identity turned out to be, and what is done about it. */
export const VERDICTS = ["none", "clone", "nat_rebind", "flaky_link", "restart_loop"] as const;
export type ConflictVerdict = Exclude<(typeof VERDICTS)[number], "none">;
export const CONFLICT_ACTIONS = ["observe", "hold", "quarantine"] as const;
export type ConflictAction = (typeof CONFLICT_ACTIONS)[number];

/** What an operator may have done with a frame kept raw: let it be acknowledged, decode it again, or forget it. */
export const QUARANTINE_ORDERS = ["release", "replay", "forget"] as const;
export type QuarantineOrder = (typeof QUARANTINE_ORDERS)[number];
/** Which rule found a conflict, and what tells its two sides apart: an index, and bits by index. */
export const CONFLICT_RULES = ["alternations", "takeovers", "movement"] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];
export const CONFLICT_DIFFERENCES = ["client_instance", "address", "tls", "codec", "movement"] as const;

// deno-fmt-ignore: a table, one row a line.
export const MESSAGES = {
  /** A descriptor for the worker to adopt and from now on to close. */
  adopt: struct({ fd: "u32", address: "str", port: "u16" }),
  /** `deviceClass` names a class of policies; "": the registry finds it by transport and id. `dialled`: by us, not by the device. */
  /** `tls`: what was agreed on, and the client's certificate if it has shown one, as Socket.tls; "": without TLS. */
  claim: struct({ conn: "u32", device: "str", deviceClass: "str", transport: "u8", address: "str", port: "u16", clientInstance: "str", tls: "str", at: "f64", dialled: "bool" }),
  /** The claim of a device stream. `takeover`: also from a connection of another transport. `commands`: it takes them. */
  claimStream: struct({ conn: "u32", device: "str", address: "str", port: "u16", at: "f64", takeover: "bool", commands: "bool" }),
  /** There is a newer version of the device's configuration on disk. */
  configured: struct({ conn: "u32", version: "f64" }),
  /** `position`: end of the last frame this connection put into the worker's frame ring. */
  close: struct({ conn: "u32", device: "str", fence: "f64", position: "u32", reason: "u8", lastByteAt: "f64" }),
  decided: struct({ conn: "u32", decision: "u8", refusal: "u8", fence: "f64", retryAfterMs: "u32" }),
  /** Instead of `decided`: it may store, and owns nothing. */
  alongside: struct({ conn: "u32" }),
  evict: struct({ conn: "u32", reason: "u8" }),
  /** Does the peer of this connection answer? The result is `probed`, as soon as it is known, at the deadline at the latest. */
  probe: struct({ conn: "u32", fence: "f64", deadlineMs: "u32" }),
  probed: struct({ device: "str", fence: "f64", answers: "bool" }),
  /** Once per evicted connection, when it is really gone. `answered`: its peer's stack was heard after the eviction. */
  afterlife: struct({ device: "str", fence: "f64", answered: "bool", bytesAfter: "bool" }),
  /**
   * What a connection has sent so far (wire/sent.ts): after its first frame and, when it was evicted, once more before `afterlife`.
   * `fixes` 0: no position. Degrees × 10^7.
   */
  sent: struct({
    device: "str", fence: "f64", codec: "u8", shape: "u32", isSteady: "bool", fixes: "u8",
    firstTime: "f64", firstLat: "f64", firstLon: "f64", newestTime: "f64", newestLat: "f64", newestLon: "f64",
  }),
  ask: struct({ request: "u32", device: "str" }),
  /** `told`: up to where the journal must have come to know of the device's end, if that is new. */
  answer: struct({ request: "u32", told: "u32", known: "bool", connected: "bool", fence: "f64", transport: "u8", address: "str", port: "u16", clientInstance: "str", since: "f64", lastByteAt: "f64", inFlight: "u32", lastAckAt: "f64", rttUs: "u32", retransmits: "u32" }),
  /** `text`: a policy, a conflict's id; by the verb. */
  order: struct({ request: "u32", verb: "u8", device: "str", text: "str" }),
  done: struct({ request: "u32", outcome: "u8", text: "str" }),
  /** `ring`: index of the codec worker (or, later, http thread) that owns the connection. `at`: wall ms of the claim. */
  connected: struct({ device: "str", fence: "f64", ring: "u8", conn: "u32", transport: "u8", address: "str", port: "u16", clientInstance: "str", at: "f64" }),
  /** What this connection stores is kept beside the device's owner, whose fence this is: unfenced. No event. */
  beside: struct({ device: "str", fence: "f64", ring: "u8", conn: "u32", at: "f64" }),
  /** A takeover: the only event of one. The old side is named with the evidence at hand. `floor`: the lowest fence that still lives. */
  replaced: struct({
    device: "str", fence: "f64", ring: "u8", conn: "u32", transport: "u8", address: "str", port: "u16", clientInstance: "str", at: "f64",
    policy: "u8", cause: "u8", oldFence: "f64", oldTransport: "u8", oldAddress: "str", oldPort: "u16", oldClientInstance: "str", oldSince: "f64", oldConn: "u32", oldRing: "u8", oldClosing: "bool",
    oldLastByteAt: "f64", oldInFlight: "u32", oldLastAckAt: "f64", oldRttUs: "u32", oldRetransmits: "u32", floor: "f64",
  }),
  /** `left`: fence of the newest connection the device still has (multi(n)), or 0. */
  disconnected: struct({ device: "str", fence: "f64", ring: "u8", conn: "u32", position: "u32", reason: "u8", at: "f64", lastByteAt: "f64", left: "f64" }),
  /** Refusals of one identity, aggregated over 10 s. `fence`: the holder's, or 0. */
  refusedMany: struct({ device: "str", fence: "f64", count: "u32", refusal: "u8", policy: "u8", address: "str", port: "u16", at: "f64" }),
  raiseFloor: struct({ device: "str", fence: "f64" }),
  /** Two live connections take one identity from each other. `fence`: the present owner's. `differ`: bits. `km` 0: no movement. */
  conflict: struct({
    device: "str", fence: "f64", at: "f64", verdict: "u8", action: "u8", alternations: "u32", takeovers: "u32", windowMs: "f64",
    firstAddress: "str", firstPort: "u16", firstClientInstance: "str", firstFence: "f64", firstSince: "f64",
    secondAddress: "str", secondPort: "u16", secondClientInstance: "str", secondFence: "f64", secondSince: "f64",
    rule: "u8", differ: "u8", firstTls: "str", firstCodec: "u8", firstShape: "u32", secondTls: "str", secondCodec: "u8", secondShape: "u32",
    km: "f64", seconds: "f64", fromTime: "f64", fromLat: "f64", fromLon: "f64", toTime: "f64", toLat: "f64", toLon: "f64",
  }),
  /** What became of an evicted connection: completes the row of its takeover. `fence`: the evicted one's. No event. */
  evidence: struct({ device: "str", fence: "f64", answered: "bool", bytesAfter: "bool", verdict: "u8" }),
  /** The fight for a device is over: what it sends is no longer quarantined. No event. */
  conflictOver: struct({ device: "str" }),
  /** An operator has put the device on the allow list, or taken it off. No event. */
  listed: struct({ device: "str", on: "bool" }),
  /** Someone knows of the conflict whose event has this seq. No event. */
  acknowledged: struct({ device: "str", conflict: "f64", at: "f64" }),
  /** A command to a device, answered with `done` when its row is on disk. `key`: "" is none. Times in wall ms. */
  submit: struct({ request: "u32", id: "str", device: "str", key: "str", codec: "u8", text: "text", createdAt: "f64", expiresAt: "f64", timeoutMs: "f64" }),
  /** To be written to this connection and no other; that its bytes may leave is on disk. `no` names it in this process. */
  command: struct({ conn: "u32", fence: "f64", no: "u32", id: "str", codec: "u8", text: "text", expiresInMs: "f64" }),
  /** Once per `command`: its bytes have left, or none has and none will. */
  commandDone: struct({ no: "u32", written: "bool" }),
  /** The next response on a connection a command was written to. `hex`: its payload, "" when it is too long to go with the command. */
  commandAnswer: struct({ device: "str", fence: "f64", no: "u32", codec: "u8", messageType: "u8", isWhole: "bool", hex: "text" }),
  /** What a device says of a command it was given on its stream. `fence`: of the connection that says so, or 0. */
  commandReport: struct({ request: "u32", device: "str", id: "str", fence: "f64", isAnswered: "bool", response: "text" }),
  /** A command's row and event. `hasResponse`: `response` is one; `reason` "": none. */
  commandRow: struct({
    device: "str", id: "str", key: "str", codec: "u8", text: "text", createdAt: "f64", expiresAt: "f64", timeoutMs: "f64",
    isNew: "bool", state: "u8", fence: "f64", at: "f64", writtenAt: "f64", endedAt: "f64", hasResponse: "bool", response: "text", reason: "str",
  }),
  /** A response nobody waits for any more. `command`: the one it is taken to answer, or "". */
  lateAnswer: struct({ device: "str", fence: "f64", at: "f64", command: "str", codec: "u8", messageType: "u8", hex: "text" }),
  /** A new version of a device's configuration, JSON; answered with `done` and the version when it is on disk. */
  configure: struct({ request: "u32", device: "str", value: "text" }),
  /** What a device says of a version. `fence`: of the connection that says so, or 0. */
  configReport: struct({ request: "u32", device: "str", version: "f64", isApplied: "bool", fence: "f64", reason: "str" }),
  /** A version's row and event. `state`: pending makes the row, and only then has it a value. */
  configRow: struct({ device: "str", version: "f64", state: "u8", fence: "f64", at: "f64", reason: "str", value: "text" }),
  /** About the frame kept raw under this id; answered with `done` when the journal has done it and it is on disk. */
  quarantineOrder: struct({ request: "u32", order: "u8", id: "f64" }),
  quarantineOrdered: struct({ order: "u8", id: "f64", at: "f64" }),
} as const;

export type MessageType = keyof typeof MESSAGES;
type ValueOfStruct<S> = S extends Struct<infer F> ? StructOf<F> : never;
export type MessageOf<T extends MessageType> = { readonly type: T } & Readonly<ValueOfStruct<(typeof MESSAGES)[T]>>;
export type Message = { [T in MessageType]: MessageOf<T> }[MessageType];

const TYPES = Object.keys(MESSAGES) as MessageType[];
const KIND_OF = Object.fromEntries(TYPES.map((type, index) => [type, index + 1])) as Record<MessageType, number>;
const loose = MESSAGES as unknown as Record<MessageType, Struct<Record<string, never>>>;

/** Writes `message` and leaves it unpublished. False when the ring has no room (or less than `keepFree` would be left). */
export function send(ring: RingProducer, message: Message, keepFree = 0): boolean {
  const layout = loose[message.type];
  const at = ring.reserve(layout.size(message as never), KIND_OF[message.type], keepFree);
  if (at < 0) return false;
  layout.write(ring.view, at, message as never);
  ring.commit();
  return true;
}

/** Reads the message a consumer stands on. */
export function receive(ring: RingConsumer): Message {
  const type = TYPES[ring.kind - 1];
  if (type === undefined) broken(`unknown control message kind ${ring.kind}`);
  return { type, ...(loose[type].read(ring.view, ring.offset) as object) } as Message;
}
