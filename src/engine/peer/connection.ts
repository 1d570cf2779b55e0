/** The connections of the peer thread: one to or from another gateway each. Owned by the peer thread. */
import { assert } from "../../base/assert.ts";
import { type ConnId, connOf, connSlot, type DeviceId } from "../../base/brand.ts";
import type { Socket } from "../../platform/port.ts";
import { NONE } from "../../registry/dial_state.ts";
import type { EndReason } from "../../wire/control.ts";
import type { PeerFraming } from "../../wire/peer_framing.ts";

/** `greeting`: has not said who it is. `claiming`: the registry is asked. `open`: admitted. `ending`: its close has begun. */
export const PeerStage = { greeting: 0, claiming: 1, open: 2, ending: 3 } as const;
export type PeerStage = (typeof PeerStage)[keyof typeof PeerStage];

/** A peer that takes nothing of this much is slow: it has left a hundred pings unread. */
const OUTBOUND_BYTES = 16_384;

export class PeerConnection {
  readonly id: ConnId;
  readonly slot: number;
  readonly socket: Socket;
  readonly framing: PeerFraming;
  /** The dial it came from, and whom it was for; NONE and null when the peer dialled. */
  readonly dial: number;
  readonly dialled: DeviceId | null;
  stage: PeerStage = PeerStage.greeting;
  /** Known from its greeting on. */
  peer: DeviceId | null = null;
  fence = 0;
  /** The registry knows it: it is owed a close. */
  claimed = false;
  reason: EndReason = "closed";
  /** Wall ms of the last byte; monotonic ms of the same, of the next ping, and of what ends the present stage. */
  lastByteAt: number;
  heardAt: number;
  pingAt = Infinity;
  deadline: number;
  pings = 0;
  /** The registry asks whether it answers, by then: any bytes say so. */
  probeDeadline: number | null = null;
  /** What was heard of it since it was evicted. */
  afterlife: { answered: boolean; bytesAfter: boolean; wasReset: boolean } | null = null;
  #unsent = new Uint8Array(0);

  constructor(
    id: ConnId,
    socket: Socket,
    framing: PeerFraming,
    from: { readonly dial: number; readonly peer: DeviceId } | null,
    at: { readonly wall: number; readonly mono: number },
    deadline: number,
  ) {
    this.id = id;
    this.slot = connSlot(id);
    this.socket = socket;
    this.framing = framing;
    this.dial = from?.dial ?? NONE;
    this.dialled = from?.peer ?? null;
    this.lastByteAt = at.wall;
    this.heardAt = at.mono;
    this.deadline = deadline;
  }

  /** Writes, or keeps what the socket does not take. False when too much is kept. */
  write(bytes: Uint8Array): boolean {
    if (this.#unsent.length > 0) this.#keep(bytes);
    else {
      const written = this.socket.write(bytes);
      if (written >= 0 && written < bytes.length) this.#keep(bytes.subarray(written));
    }
    return this.#unsent.length <= OUTBOUND_BYTES;
  }

  /** The socket takes bytes again. */
  drained(): void {
    const bytes = this.#unsent;
    this.#unsent = new Uint8Array(0);
    if (bytes.length > 0) this.write(bytes);
  }

  #keep(bytes: Uint8Array): void {
    const longer = new Uint8Array(this.#unsent.length + bytes.length);
    longer.set(this.#unsent);
    longer.set(bytes, this.#unsent.length);
    this.#unsent = longer;
  }
}

/** Who has which slot. A slot used again has a new generation, and the longest free one is used first. */
export class PeerTable {
  readonly #slots: (PeerConnection | null)[];
  readonly #generations: Uint16Array;
  #next = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#slots = new Array<PeerConnection | null>(capacity).fill(null);
    this.#generations = new Uint16Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** Null when every slot is taken. */
  add(make: (id: ConnId) => PeerConnection): PeerConnection | null {
    if (this.#count === this.#slots.length) return null;
    while (this.#slots[this.#next] !== null) this.#next = (this.#next + 1) % this.#slots.length;
    const slot = this.#next;
    this.#next = (slot + 1) % this.#slots.length;
    this.#count++;
    return this.#slots[slot] = make(connOf(slot, this.#generations[slot]!));
  }

  remove(connection: PeerConnection): void {
    assert(this.#slots[connection.slot] === connection, `peer connection ${connection.id} was removed before`);
    this.#slots[connection.slot] = null;
    this.#generations[connection.slot]!++;
    this.#count--;
  }

  /** The connection of this id, or null when it is gone. */
  get(id: number): PeerConnection | null {
    const found = this.#slots[connSlot(id as ConnId)];
    return found !== undefined && found !== null && found.id === id ? found : null;
  }

  /** All of now: safe while they end. */
  all(): PeerConnection[] {
    return this.#slots.filter((one) => one !== null);
  }
}
