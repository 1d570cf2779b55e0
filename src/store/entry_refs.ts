/**
 * References to log entries in memory, chained per device in seq order and found by record time. Pure. The tail is made
 * of them, and so is the batch under way. Columns instead of objects: an entry costs 44 bytes and no garbage.
 */
import { grown } from "../base/grown.ts";
import { TimeIndex } from "./time_index.ts";

const NONE = -1;

export class EntryRefs {
  count = 0;
  device = new Uint32Array(64);
  /** Which row, in the owner's own numbering. */
  row = new Uint32Array(64);
  /** Where in the row's body the entry begins. */
  offset = new Uint32Array(64);
  seq = new Float64Array(64);
  /** Times of the frame's new records; of an event, an empty range: Infinity to -Infinity. */
  min = new Float64Array(64);
  max = new Float64Array(64);
  #next = new Int32Array(64);
  #first = new Int32Array(64).fill(NONE);
  #last = new Int32Array(64).fill(NONE);
  readonly #times = new Map<number, TimeIndex>();

  push(device: number, row: number, offset: number, seq: number, min: number, max: number): void {
    const i = this.count;
    if (i === this.device.length) this.#growEntries();
    if (device >= this.#first.length) this.#growDevices(device);
    this.device[i] = device;
    this.row[i] = row;
    this.offset[i] = offset;
    this.seq[i] = seq;
    this.min[i] = min;
    this.max[i] = max;
    this.#next[i] = NONE;
    const last = this.#last[device]!;
    if (last === NONE) this.#first[device] = i;
    else this.#next[last] = i;
    this.#last[device] = i;
    this.count = i + 1;
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) {
      this.#first[this.device[i]!] = NONE;
      this.#last[this.device[i]!] = NONE;
    }
    this.count = 0;
    if (this.#times.size > 0) this.#times.clear();
  }

  /** The device's first entry, or -1. */
  first(device: number): number {
    return device < this.#first.length ? this.#first[device]! : NONE;
  }

  /** The same device's entry after `i`, or -1. */
  next(i: number): number {
    return this.#next[i]!;
  }

  /** Puts the device's frames whose time range meets [lo, hi] into `found`; order is not promised. */
  overlapping(device: number, lo: number, hi: number, found: number[]): void {
    const first = this.first(device);
    if (first === NONE) return;
    let times = this.#times.get(device);
    if (times === undefined) {
      times = new TimeIndex(first);
      this.#times.set(device, times);
    }
    times.find(this, lo, hi, found);
  }

  /** Devices with entries, ascending. Device 0 (none) is left out. */
  devices(): number[] {
    const devices: number[] = [];
    for (let device = 1; device < this.#first.length; device++) if (this.#first[device] !== NONE) devices.push(device);
    return devices;
  }

  #growEntries(): void {
    const size = this.device.length * 2;
    this.device = grown(this.device, new Uint32Array(size));
    this.row = grown(this.row, new Uint32Array(size));
    this.offset = grown(this.offset, new Uint32Array(size));
    this.seq = grown(this.seq, new Float64Array(size));
    this.min = grown(this.min, new Float64Array(size));
    this.max = grown(this.max, new Float64Array(size));
    this.#next = grown(this.#next, new Int32Array(size));
  }

  #growDevices(device: number): void {
    const size = Math.max(device + 1, this.#first.length * 2);
    this.#first = grown(this.#first, new Int32Array(size).fill(NONE, this.#first.length));
    this.#last = grown(this.#last, new Int32Array(size).fill(NONE, this.#last.length));
  }
}
