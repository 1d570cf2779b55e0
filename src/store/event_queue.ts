/**
 * What the registry said and the disk does not have yet: events, new devices, floors, history, in order. Journal thread.
 * It outlives failed commits and goes first into the next batch.
 */
import type { IdTable } from "../base/id_table.ts";
import type { Database } from "../platform/port.ts";
import type { Batch } from "./batch.ts";
import type { DeviceTable } from "./device_row.ts";
import { type HistoryChange, type HistoryLimits, HistoryTable } from "./history.ts";
import type { LedgerDevice } from "./ledger.ts";

export interface Queued {
  readonly device: Pick<LedgerDevice, "no"> | null;
  /** The device's row is made with this. */
  readonly makes: boolean;
  /** Raise the floor to this; 0: do not. */
  readonly floor: number;
  /** The journal entry, or null when the change has none. */
  readonly entry: Uint8Array | null;
  readonly at: number;
  /** A row of history that goes with it, or null. */
  readonly change: HistoryChange | null;
}

export class EventQueue {
  readonly #items: Queued[] = [];
  readonly #seqs: number[] = [];
  readonly #devices: DeviceTable;
  readonly #ids: IdTable;
  readonly #history: HistoryTable;

  constructor(db: Database, devices: DeviceTable, ids: IdTable, limits: HistoryLimits) {
    this.#ids = ids;
    this.#devices = devices;
    this.#history = new HistoryTable(db, limits);
  }

  get length(): number {
    return this.#items.length;
  }

  add(item: Queued, batch: Batch): void {
    this.#items.push(item);
    this.#seqs.push(item.entry === null ? 0 : batch.event(item.device?.no ?? 0, item.entry, item.at));
  }

  /** After a failed commit: all of it into the next batch, first. */
  again(batch: Batch): void {
    for (let i = 0; i < this.#items.length; i++) {
      const { entry, device, at } = this.#items[i]!;
      if (entry !== null) this.#seqs[i] = batch.event(device?.no ?? 0, entry, at);
    }
  }

  /** Inside the batch's transaction: the mutable rows. */
  write(): void {
    for (let i = 0; i < this.#items.length; i++) {
      const item = this.#items[i]!;
      const device = item.device;
      if (device === null) continue;
      if (item.makes) this.#devices.insert(device.no, this.#ids.name(device.no));
      if (item.floor > 0) this.#devices.raiseFloor(device.no, item.floor);
      if (item.change !== null) this.#history.write(item.change, this.#seqs[i]!, device.no, item.at);
    }
  }

  /** After COMMIT. */
  clear(): void {
    this.#items.length = 0;
    this.#seqs.length = 0;
  }
}
