/**
 * What the journal alone knows of each device: the floor below which fences are refused, the coverage of its record
 * times, its newest record. Pure. Within a batch changes go to an overlay, which becomes the state after COMMIT or is dropped.
 */
import { asDeviceNo, type DeviceId, type DeviceNo } from "../base/brand.ts";
import { Coverage } from "./coverage.ts";

export class LedgerDevice {
  readonly no: DeviceNo;
  readonly id: DeviceId;
  /** Raised by the registry's word only. Never lowered, not even by a failed commit: the registry has decided. */
  floor = 0;
  coverage = new Coverage();
  /** Two live devices fight for it: what it sends is marked. The registry's word, in memory only. */
  quarantined = false;
  /** Greatest record time that was not in the future when it came. */
  newest = 0;
  /** The batch's own copy, or null when the batch has not touched the device. */
  overlay: Coverage | null = null;
  newestInBatch = 0;

  constructor(no: DeviceNo, id: DeviceId) {
    this.no = no;
    this.id = id;
  }
}

export class Ledger {
  readonly #byNo: (LedgerDevice | undefined)[] = [];
  readonly #byId = new Map<DeviceId, LedgerDevice>();
  readonly #touched: LedgerDevice[] = [];
  readonly #spare: Coverage[] = [];

  get size(): number {
    return this.#byId.size;
  }

  byNo(no: DeviceNo): LedgerDevice | undefined {
    return this.#byNo[no];
  }

  byId(id: DeviceId): LedgerDevice | undefined {
    return this.#byId.get(id);
  }

  add(no: DeviceNo, id: DeviceId): LedgerDevice {
    const device = new LedgerDevice(no, id);
    this.#byNo[no] = device;
    this.#byId.set(id, device);
    return device;
  }

  /** A device never seen gets the next number. */
  addNext(id: DeviceId): LedgerDevice {
    return this.add(asDeviceNo(Math.max(1, this.#byNo.length)), id);
  }

  ids(): DeviceId[] {
    return [...this.#byId.keys()];
  }

  /** The coverage a batch may change. */
  overlay(device: LedgerDevice): Coverage {
    if (device.overlay !== null) return device.overlay;
    const copy = this.#spare.pop() ?? new Coverage();
    copy.copyFrom(device.coverage);
    device.overlay = copy;
    device.newestInBatch = device.newest;
    this.#touched.push(device);
    return copy;
  }

  /** After COMMIT. */
  merge(): void {
    for (const device of this.#touched) {
      this.#spare.push(device.coverage);
      device.coverage = device.overlay!;
      device.newest = device.newestInBatch;
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
