/**
 * Which device and fence each connection of each worker has, and what came from it: what a frame is stored under. In rows of
 * numbers, as most connections of a fleet are silent. Owned by the journal thread.
 */
import { asDeviceNo, asFence, type ConnId, connSlot, type DeviceNo, type Fence } from "../../base/brand.ts";
import type { Ledger, LedgerDevice } from "../../store/ledger.ts";

/** Of its row. The connection's id plus one: 0 is nobody. */
const CONN = 0;
/** Negative: it stores beside the device's owner. */
const DEVICE = 1;
const FENCE = 2;
const RECORDS = 3;
const LAST_BYTE = 4;
const WIDTH = 5;

const BLOCK_BITS = 9;
const BLOCK = 1 << BLOCK_BITS;
const NOBODY = new Float64Array(WIDTH);

/** A connection as frames need it: a view of its row, which shows another one after the next `find`. */
export class Connected {
  readonly #ledger: Ledger;
  #rows: Float64Array = NOBODY;
  #at = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  to(rows: Float64Array, at: number): this {
    this.#rows = rows;
    this.#at = at;
    return this;
  }

  get device(): LedgerDevice {
    return this.#ledger.byNo(this.no)!;
  }
  get no(): DeviceNo {
    return asDeviceNo(Math.abs(this.#rows[this.#at + DEVICE]!));
  }
  get fence(): Fence {
    return asFence(this.#rows[this.#at + FENCE]!);
  }
  /** It stores beside the device's owner. */
  get isBeside(): boolean {
    return this.#rows[this.#at + DEVICE]! < 0;
  }
  /** New records taken from it. */
  get records(): number {
    return this.#rows[this.#at + RECORDS]!;
  }
  set records(count: number) {
    this.#rows[this.#at + RECORDS] = count;
  }
  get lastByteAt(): number {
    return this.#rows[this.#at + LAST_BYTE]!;
  }
  set lastByteAt(at: number) {
    this.#rows[this.#at + LAST_BYTE] = at;
  }
}

export class Connections {
  /** Per ring, blocks of slots. */
  readonly #rings: Float64Array[][];
  readonly #view: Connected;

  constructor(rings: number, ledger: Ledger) {
    this.#rings = Array.from({ length: rings }, () => []);
    this.#view = new Connected(ledger);
  }

  /** The connection, or undefined when another one has its slot by now, or a worker of none has it. */
  find(ring: number, conn: number): Connected | undefined {
    const slot = connSlot(conn as ConnId);
    const rows = this.#rings[ring]?.[slot >>> BLOCK_BITS];
    const at = (slot & (BLOCK - 1)) * WIDTH;
    return rows === undefined || rows[at + CONN] !== conn + 1 ? undefined : this.#view.to(rows, at);
  }

  open(ring: number, conn: number, device: DeviceNo, fence: number, at: number, isBeside: boolean): void {
    const blocks = this.#rings[ring];
    if (blocks === undefined) return;
    const slot = connSlot(conn as ConnId);
    while (blocks.length <= slot >>> BLOCK_BITS) blocks.push(new Float64Array(BLOCK * WIDTH));
    const rows = blocks[slot >>> BLOCK_BITS]!;
    const from = (slot & (BLOCK - 1)) * WIDTH;
    rows[from + CONN] = conn + 1;
    rows[from + DEVICE] = device * (isBeside ? -1 : 1);
    rows[from + FENCE] = fence;
    rows[from + RECORDS] = 0;
    rows[from + LAST_BYTE] = at;
  }

  /** It is over; another one that has its slot stays. */
  close(ring: number, conn: number): void {
    const slot = connSlot(conn as ConnId);
    if (this.find(ring, conn) !== undefined) this.#rings[ring]![slot >>> BLOCK_BITS]![(slot & (BLOCK - 1)) * WIDTH + CONN] = 0;
  }
}
