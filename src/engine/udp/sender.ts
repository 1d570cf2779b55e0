/**
 * Who sends datagrams: one sender for each device and address it comes from, as long as it is heard now and then. It is to
 * the registry what a connection is. Owned by the udp thread.
 */
import { assert } from "../../base/assert.ts";
import { type ConnId, connOf, connSlot } from "../../base/brand.ts";
import type { Peer } from "../../platform/port.ts";
import type { Outstanding } from "../codec/outstanding.ts";

/**
 * `asking`: the registry decides. `open`: it owns the device. `beside`: another connection does; what it sends is kept all
 * the same, and the registry is asked again with every packet.
 */
export const SenderStage = { asking: 0, open: 1, beside: 2 } as const;
export type SenderStage = (typeof SenderStage)[keyof typeof SenderStage];

/** A packet that can be stored: what must be known of it to answer. */
export interface Arrival {
  readonly packetId: number;
  readonly type: number;
  readonly avlPacketId: number;
  /** Where the answer goes: a device behind a NAT has another port every now and then. */
  readonly from: Peer;
  /** The data field, of records or of codec 12 to 15; its own copy when it waits. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
  /** The records it is answered with are not all that it came with. */
  readonly isPart: boolean;
  /** Wall ms, and monotonic ms of the same. */
  readonly receivedAt: number;
  readonly readAt: number;
}

export class Sender {
  readonly id: ConnId;
  readonly slot: number;
  readonly device: string;
  readonly address: string;
  stage: SenderStage = SenderStage.beside;
  fence = 0;
  /** The registry knows it: it is owed a close. */
  claimed = false;
  /** Wait until the registry has decided. */
  held: Arrival[] = [];
  /** Packets without a verdict, and the ring position after the newest of them. */
  inFlight = 0;
  position = 0;
  /** Monotonic ms of its first datagram. */
  readonly firstAt: number;
  /** Wall ms. */
  lastByteAt: number;
  /** Monotonic ms of the same, and where it came from: a command goes there. */
  heardAt = 0;
  /** The first datagram after a silence beyond the reach of a command. Monotonic ms. */
  backAt = 0;
  from: Peer;
  /** The command it was given last, until it is answered, and where that was sent to (`placeOf`), or "". */
  command: Outstanding | null = null;
  asked = "";

  constructor(id: ConnId, device: string, from: Peer, now: number, firstAt: number) {
    this.id = id;
    this.firstAt = firstAt;
    this.slot = connSlot(id);
    this.device = device;
    this.address = from.address;
    this.from = from;
    this.lastByteAt = now;
  }
}

/** Devices have no blank in their name. */
const keyOf = (device: string, address: string): string => `${device} ${address}`;

/** Those heard last have packets on their way; the first few are looked at. */
const LOOK = 16;

/** A slot used again has a new generation, and the longest free one is used first. */
export class SenderTable {
  readonly #byKey = new Map<string, Sender>();
  readonly #slots: (Sender | null)[];
  readonly #generations: Uint16Array;
  /** Free slots in a circle. */
  readonly #free: Uint32Array;
  #firstFree = 0;
  /** Heard in one moment only; the longest ago first. */
  readonly #passing = new Set<Sender>();
  /** The others; the one that was heard longest ago first. */
  readonly #staying = new Set<Sender>();

  constructor(capacity: number) {
    this.#slots = new Array<Sender | null>(capacity).fill(null);
    this.#generations = new Uint16Array(capacity);
    this.#free = Uint32Array.from({ length: capacity }, (_, i) => i);
  }

  get count(): number {
    return this.#byKey.size;
  }

  find(device: string, address: string): Sender | null {
    return this.#byKey.get(keyOf(device, address)) ?? null;
  }

  /** Null when every slot is taken. */
  add(device: string, from: Peer, now: number, firstAt: number): Sender | null {
    if (this.isFull) return null;
    const slot = this.#free[this.#firstFree]!;
    this.#firstFree = (this.#firstFree + 1) % this.#free.length;
    const sender = new Sender(connOf(slot, this.#generations[slot]!), device, from, now, firstAt);
    this.#slots[slot] = sender;
    this.#passing.add(sender);
    this.#byKey.set(keyOf(device, from.address), sender);
    return sender;
  }

  /** It is heard again: it is there. */
  stays(sender: Sender): void {
    this.#passing.delete(sender);
    this.#staying.delete(sender);
    this.#staying.add(sender);
  }

  get isFull(): boolean {
    return this.count === this.#slots.length;
  }

  /**
   * Who makes room for another: one that was heard in one moment only; where there is none, who has been silent for longest, since
   * `silentSince` (mono ms) at least. Null: nobody. Names can be made up faster than devices speak: as long as one of them is there, no
   * other place is given away.
   */
  leaving(silentSince: number): Sender | null {
    if (this.#passing.size > 0) return idleOf(this.#passing);
    const silent = idleOf(this.#staying);
    return silent !== null && silent.heardAt <= silentSince ? silent : null;
  }

  remove(sender: Sender): void {
    const { slot, device, address } = sender;
    this.#passing.delete(sender);
    this.#staying.delete(sender);
    assert(this.#slots[slot] === sender, `sender ${sender.id} was removed before`);
    this.#slots[slot] = null;
    this.#generations[slot]!++;
    this.#byKey.delete(keyOf(device, address));
    this.#free[(this.#firstFree + this.#free.length - 1 - this.count) % this.#free.length] = slot;
  }

  /** The sender of this id, or null when it is gone. */
  get(id: number): Sender | null {
    const found = this.#slots[connSlot(id as ConnId)];
    return found !== undefined && found !== null && found.id === id ? found : null;
  }

  at(slot: number): Sender {
    const found = this.#slots[slot];
    assert(found !== undefined && found !== null, `no sender in slot ${slot}`);
    return found;
  }

  /** All as of now: safe while they go. */
  all(): Sender[] {
    return [...this.#byKey.values()];
  }
}

/** The first one for which nothing waits. */
function idleOf(senders: ReadonlySet<Sender>): Sender | null {
  let left = LOOK;
  for (const sender of senders) {
    if (sender.inFlight === 0 && sender.held.length === 0 && sender.command === null) return sender;
    if (--left === 0) return null;
  }
  return null;
}
