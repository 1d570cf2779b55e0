/**
 * The connections of one codec worker. A connection's id is its slot and the slot's generation, so that what comes late
 * for an earlier one never reaches its successor; free slots are used in turn, the longest free first.
 * Owned by the codec worker.
 */
import { assert, broken } from "../../base/assert.ts";
import { type ConnId, connOf, connSlot } from "../../base/brand.ts";
import { packId, unpackId } from "../../base/id_table.ts";
import type { Framer } from "../../codec/framer.ts";
import type { Socket } from "../../platform/port.ts";
import type { EndReason } from "../../wire/control.ts";
import type { Outstanding } from "./outstanding.ts";
import type { SentByConnection } from "./sent.ts";
import { Outbound } from "./outbound.ts";

/** `login`: has not said who it is. `claiming`: the registry is asked. `open`: admitted. `ending`: its close has begun. */
export const Stage = { login: 0, claiming: 1, open: 2, ending: 3 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** What is heard of a connection that the registry has evicted: see codec/afterlife.ts. */
export interface Eviction {
  readonly at: number;
  /** Of its socket when it was evicted; null where the kernel cannot be asked. */
  readonly before: { readonly segments: number; readonly bytes: number } | null;
  /** Its peer had ended it before: that stack still speaks, and yet nobody lost a connection that was in use. */
  readonly hadEnded: boolean;
  answered: boolean;
  bytesAfter: boolean;
  /** We sent the reset: what the runtime then says of the end is not the peer's word. */
  wasReset: boolean;
  /** Listened to beyond the time of its reset. */
  lingers: boolean;
}

const Flag = { claimed: 1, keptBadFrame: 2, paused: 4, hasEnded: 8, touched: 16, waiting: 32 } as const;

export class Connection {
  readonly id: ConnId;
  readonly slot: number;
  readonly socket: Socket;
  readonly out = new Outbound();
  framer!: Framer<Connection>;
  stage: Stage = Stage.login;
  fence = 0;
  /** Frames without a verdict, and the ring position after the newest of them. */
  unacked = 0;
  position: number;
  lastByteAt: number;
  /** Null before its first frame: who has nothing to say costs nothing. */
  sent: SentByConnection | null = null;
  /** Set inside the framer's calls, where nothing can be ended; looked at right after. */
  wantsEnd: EndReason | null = null;
  reason: EndReason = "closed";
  /** The command it was given last, until it is answered. */
  command: Outstanding | null = null;
  /** Monotonic ms: before its first frame is answered a device is not sent a command in the shadow of its login. */
  quietUntil = 0;
  /** The registry has evicted it. */
  eviction: Eviction | null = null;
  #device: number | string = "";
  /** In one number: a gateway has ten thousands of connections. */
  #flags = 0;

  constructor(id: ConnId, socket: Socket, position: number, now: number) {
    this.id = id;
    this.slot = connSlot(id);
    this.socket = socket;
    this.position = position;
    this.lastByteAt = now;
  }

  /** "" before its login. */
  get device(): string {
    return unpackId(this.#device);
  }
  set device(id: string) {
    this.#device = packId(id);
  }

  /** The registry knows it: it is owed a close. */
  get claimed(): boolean {
    return (this.#flags & Flag.claimed) !== 0;
  }
  set claimed(yes: boolean) {
    this.#set(Flag.claimed, yes);
  }
  /** Its newest frame has a wrong CRC: kept, and nobody waits for a verdict. */
  get keptBadFrame(): boolean {
    return (this.#flags & Flag.keptBadFrame) !== 0;
  }
  set keptBadFrame(yes: boolean) {
    this.#set(Flag.keptBadFrame, yes);
  }
  get paused(): boolean {
    return (this.#flags & Flag.paused) !== 0;
  }
  set paused(yes: boolean) {
    this.#set(Flag.paused, yes);
  }
  /** Nothing more is read: the device has ended, or what it sent cannot be. It is still owed something; its close begins when it has that. */
  get hasEnded(): boolean {
    return (this.#flags & Flag.hasEnded) !== 0;
  }
  set hasEnded(yes: boolean) {
    this.#set(Flag.hasEnded, yes);
  }
  /** Waits in a list: to be written to, to be offered room. */
  get touched(): boolean {
    return (this.#flags & Flag.touched) !== 0;
  }
  set touched(yes: boolean) {
    this.#set(Flag.touched, yes);
  }
  get waiting(): boolean {
    return (this.#flags & Flag.waiting) !== 0;
  }
  set waiting(yes: boolean) {
    this.#set(Flag.waiting, yes);
  }

  #set(flag: number, yes: boolean): void {
    this.#flags = yes ? this.#flags | flag : this.#flags & ~flag;
  }
}

export class ConnectionTable {
  readonly #slots: (Connection | null)[];
  readonly #generations: Uint16Array;
  /** Free slots in a circle. */
  readonly #free: Uint32Array;
  #firstFree = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#slots = new Array<Connection | null>(capacity).fill(null);
    this.#generations = new Uint16Array(capacity);
    this.#free = Uint32Array.from({ length: capacity }, (_, i) => i);
  }

  get count(): number {
    return this.#count;
  }

  /** Null when every slot is taken. */
  add(socket: Socket, position: number, now: number): Connection | null {
    if (this.#count === this.#free.length) return null;
    const slot = this.#free[this.#firstFree]!;
    this.#firstFree = (this.#firstFree + 1) % this.#free.length;
    this.#count++;
    const connection = new Connection(connOf(slot, this.#generations[slot]!), socket, position, now);
    this.#slots[slot] = connection;
    return connection;
  }

  /** Gives the slot back. Once per connection: a second time is a socket closed twice. */
  remove(connection: Connection): void {
    const { slot } = connection;
    if (this.#slots[slot] !== connection) broken(`connection ${connection.id} was removed before`);
    this.#slots[slot] = null;
    this.#generations[slot]!++;
    this.#count--;
    this.#free[(this.#firstFree + this.#free.length - 1 - this.#count) % this.#free.length] = slot;
  }

  /** The connection of this id, or null when it is gone. */
  get(id: number): Connection | null {
    const found = this.#slots[connSlot(id as ConnId)];
    return found !== undefined && found !== null && found.id === id ? found : null;
  }

  get capacity(): number {
    return this.#slots.length;
  }

  /** The connection of this slot, or null. */
  peek(slot: number): Connection | null {
    return this.#slots[slot] ?? null;
  }

  at(slot: number): Connection {
    const found = this.#slots[slot];
    assert(found !== undefined && found !== null, `no connection in slot ${slot}`);
    return found;
  }

  /** All connections as of now: safe while they end. */
  all(): Connection[] {
    return this.#slots.filter((one) => one !== null);
  }
}
