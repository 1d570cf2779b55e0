/**
 * What the journal alone knows of each device: the floor below which fences are refused, the coverage of its record
 * times, its newest record. Pure. Within a batch changes go to an overlay, which becomes the state after COMMIT or is dropped.
 */
import { asDeviceNo, type DeviceId, type DeviceNo } from "../base/brand.ts";
import { IdTable } from "../base/id_table.ts";
import { Coverage } from "./coverage.ts";
import type { DeviceRow } from "./device_row.ts";

const NO_COVERAGE = new Uint8Array(0);

/** A device that does more than be there: it sends, it has been replaced or kicked. */
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
  /** By number, of those of which more is known than their identity. */
  readonly #byNo: (LedgerDevice | undefined)[] = [];
  readonly #touched: LedgerDevice[] = [];
  readonly #spare: Coverage[] = [];

  get size(): number {
    return this.ids.size;
  }

  byNo(no: DeviceNo): LedgerDevice | undefined {
    return this.#byNo[no] ?? this.#made(no);
  }

  byId(id: DeviceId): LedgerDevice | undefined {
    return this.byNo(this.numberOf(id));
  }

  /** 0: a device never seen. */
  numberOf(id: DeviceId): DeviceNo {
    return asDeviceNo(this.ids.find(id));
  }

  /** A device never seen gets the next number. */
  addNext(id: DeviceId): DeviceNo {
    return asDeviceNo(this.ids.add(id));
  }

  /** Is there more to know of it than its identity? */
  isPlain(no: DeviceNo): boolean {
    return this.#byNo[no] === undefined;
  }

  /** A device as its row has it. */
  restore({ state: { no, id }, floor, newest, coverage }: DeviceRow): void {
    // The device fold of the same journal may have named it before.
    if (!this.ids.has(no)) this.ids.set(no, id);
    const bytes = coverage ?? NO_COVERAGE;
    if (floor === 0 && bytes.length === 0) return;
    const device = this.byNo(no)!;
    device.floor = floor;
    if (bytes.length === 0) return;
    device.coverage = new Coverage();
    device.coverage.decode(bytes);
    device.coverage.newest = newest;
  }

  #made(no: DeviceNo): LedgerDevice | undefined {
    if (!this.ids.has(no)) return undefined;
    // Without holes: an array with many is slow.
    while (this.#byNo.length < no) this.#byNo.push(undefined);
    return this.#byNo[no] = new LedgerDevice(no);
  }

  raiseFloor(no: DeviceNo, floor: number): void {
    const device = this.byNo(no)!;
    if (floor > device.floor) device.floor = floor;
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
