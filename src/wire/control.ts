/**
 * The control messages between threads: one layout and one ring kind each. Who may send what to whom:
 *
 *   accept   → codec     adopt
 *   codec    → registry  claim, close                       http → registry  ask
 *   registry → codec     decided, evict                     registry → http  answer
 *   registry → journal   connected, replaced, disconnected, refusedMany, raiseFloor
 *
 * A `Message` is the struct's value plus its `type`. `send` writes one into a ring, `receive` reads the current one.
 */
import { assert } from "../base/assert.ts";
import type { RingConsumer, RingProducer } from "../ring/spsc.ts";
import { type Struct, struct, type StructOf } from "./struct.ts";

/** How a device is connected; index is the wire's number. */
export const TRANSPORTS = ["tcp", "udp", "sse", "ws"] as const;
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
] as const;
export type Refusal = (typeof REFUSALS)[number];

export const POLICIES = ["takeover", "reject", "initiator", "recent", "multi"] as const;
export type PolicyName = (typeof POLICIES)[number];

/** What a codec worker does with the newcomer: the decision byte of `decided`. */
export const DECISIONS = ["admit", "refuse", "pending"] as const;
export type Decision = (typeof DECISIONS)[number];

// deno-fmt-ignore: a table, one row a line.
export const MESSAGES = {
  /** A descriptor for the worker to adopt and from now on to close. */
  adopt: struct({ fd: "u32", address: "str", port: "u16" }),
  /** `deviceClass` names the class of policies (transport and id pattern); "" until classes are configured. */
  claim: struct({ conn: "u32", device: "str", deviceClass: "str", transport: "u8", address: "str", port: "u16", clientInstance: "str", at: "f64" }),
  /** `position`: end of the last frame this connection put into the worker's frame ring. */
  close: struct({ conn: "u32", device: "str", fence: "f64", position: "u32", reason: "u8", lastByteAt: "f64" }),
  decided: struct({ conn: "u32", decision: "u8", refusal: "u8", fence: "f64", retryAfterMs: "u32" }),
  evict: struct({ conn: "u32", reason: "u8" }),
  ask: struct({ request: "u32", device: "str" }),
  answer: struct({ request: "u32", known: "bool", connected: "bool", fence: "f64", transport: "u8", address: "str", port: "u16", clientInstance: "str", since: "f64" }),
  /** `ring`: index of the codec worker (or, later, http thread) that owns the connection. `at`: wall ms of the claim. */
  connected: struct({ device: "str", fence: "f64", ring: "u8", conn: "u32", transport: "u8", address: "str", port: "u16", clientInstance: "str", at: "f64" }),
  /** A takeover: the only event of one. The old side is named with the evidence at hand. Raises the floor to `fence`. */
  replaced: struct({
    device: "str", fence: "f64", ring: "u8", conn: "u32", transport: "u8", address: "str", port: "u16", clientInstance: "str", at: "f64",
    policy: "u8", oldFence: "f64", oldTransport: "u8", oldAddress: "str", oldPort: "u16", oldClientInstance: "str", oldSince: "f64", oldConn: "u32", oldRing: "u8", oldClosing: "bool",
  }),
  disconnected: struct({ device: "str", fence: "f64", ring: "u8", conn: "u32", position: "u32", reason: "u8", at: "f64", lastByteAt: "f64" }),
  /** Refusals of one identity, aggregated over 10 s. `fence`: the holder's, or 0. */
  refusedMany: struct({ device: "str", fence: "f64", count: "u32", refusal: "u8", policy: "u8", address: "str", port: "u16", at: "f64" }),
  raiseFloor: struct({ device: "str", fence: "f64" }),
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
  assert(type !== undefined, `unknown control message kind ${ring.kind}`);
  return { type, ...(loose[type].read(ring.view, ring.offset) as object) } as Message;
}
