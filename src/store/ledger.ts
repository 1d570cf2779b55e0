/**
 * What the journal alone knows of each device: the floor below which fences are refused, the coverage of its record
 * times, its newest record. Pure. Within a batch changes go to an overlay, which becomes the state after COMMIT or is dropped.
 */
import { asDeviceId, asDeviceNo, type DeviceId, type DeviceNo } from "../base/brand.ts";
import { IdTable } from "../base/id_table.ts";
import { Coverage } from "./coverage.ts";
import type { DeviceRow } from "./device_row.ts";

export class LedgerDevice {
  readonly no: DeviceNo;
  /** Raised by the registry's word only. Never lowered, not even by a failed commit: the registry has decided. */
  floor = 0;
  /** Two live devices fight for it: what it sends is marked. The registry's word, in memory only. */
  quarantined = false;
  /** Null before its first record: a fleet may be large and mostly silent. */
  coverage: Coverage | null = null;
  /** The batch's own copy, or null when the batch has not touched the device. */
  overlay: Coverage | null = null;

  constructor(no: DeviceNo) {
    this.no = no;
  }
}

export class Ledger {
  readonly ids = new IdTable();
  readonly #byNo: (LedgerDevice | undefined)[] = [];
  readonly #touched: LedgerDevice[] = [];
  readonly #spare: Coverage[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  byNo(no: DeviceNo): LedgerDevice | undefined {
    return this.#byNo[no];
  }

  byId(id: DeviceId): LedgerDevice | undefined {
    return this.#byNo[this.ids.find(id)];
  }

  /** The device's identity. Its text is made anew. */
  idOf(device: LedgerDevice): DeviceId {
    return asDeviceId(this.ids.name(device.no));
  }

  /** The device fold of the same journal may have named it before. */
  add(no: DeviceNo, id: DeviceId): LedgerDevice {
    if (!this.ids.has(no)) this.ids.set(no, id);
    const device = new LedgerDevice(no);
    this.#byNo[no] = device;
    this.#size++;
    return device;
  }

  /** A device as its row has it. */
  restore(row: DeviceRow): void {
    const device = this.add(row.state.no, row.state.id);
    device.floor = row.floor;
    if (row.coverage === null || row.coverage.length === 0) return;
    device.coverage = new Coverage();
    device.coverage.decode(row.coverage);
    device.coverage.newest = row.newest;
  }

  /** A device never seen gets the next number. */
  addNext(id: DeviceId): LedgerDevice {
    return this.add(asDeviceNo(this.ids.end), id);
  }

  /** The coverage a batch may change. */
  overlay(device: LedgerDevice): Coverage {
    if (device.overlay !== null) return device.overlay;
    const copy = this.#spare.pop() ?? new Coverage();
    copy.copyFrom(device.coverage);
    device.overlay = copy;
    this.#touched.push(device);
    return copy;
  }

  /** After COMMIT. */
  merge(): void {
    for (const device of this.#touched) {
      if (device.coverage !== null) this.#spare.push(device.coverage);
      device.coverage = device.overlay;
      device.overlay = null;
    }
    this.#touched.length = 0;
  }

  /** After a failed commit. */
  discard(): void {
    for (const device of this.#touched) {
      this.#spare.push(device.overlay!);
      device.overlay = null;
    }
    this.#touched.length = 0;
  }
}
