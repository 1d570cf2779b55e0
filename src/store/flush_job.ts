/**
 * Writes a frozen tail as a segment of runs, in slices between commits, so that no acknowledgement waits for a flush.
 * Journal thread. With each device's run goes its row, as of the committed seq: its mark. A crash in between counts
 * nothing twice, because the rebuild starts at the last complete segment and skips what a device's mark covers.
 */
import type { DeviceNo, Seq } from "../base/brand.ts";
import type { DeviceTable } from "./device_row.ts";
import type { DeviceFold } from "./device_fold.ts";
import type { Job } from "./job.ts";
import type { Ledger } from "./ledger.ts";
import { REF_BYTES, RunWriter } from "./run_refs.ts";
import type { RunTable } from "./runs.ts";
import { type Segment, SegmentState, type SegmentTable } from "./segments.ts";
import type { Tail } from "./tail.ts";

interface Place {
  readonly device: number;
  readonly entry: number;
  readonly part: number;
}

/** Of a device that has sent nothing. */
const NO_COVERAGE = new Uint8Array(0);

const START: Place = { device: 0, entry: -1, part: 0 };

export interface FlushParts {
  readonly frozen: Tail;
  readonly segment: Segment;
  readonly segments: SegmentTable;
  readonly runs: RunTable;
  readonly devices: DeviceTable;
  readonly fold: DeviceFold;
  readonly ledger: Ledger;
  readonly sliceRows: number;
  readonly sliceBytes: number;
  committed(): Seq;
  done(): void;
}

export class FlushJob implements Job {
  readonly point = "journal.flush_slice";
  readonly #parts: FlushParts;
  readonly #devices: readonly number[];
  readonly #writer = new RunWriter();
  /** Where the next row begins: which device, which of its entries (-1: the first), which part of its run. */
  #at = START;
  /** The same, as of the last slice that was committed. */
  #kept = START;

  constructor(parts: FlushParts) {
    this.#parts = parts;
    this.#devices = parts.frozen.refs.devices();
  }

  step(): boolean {
    const { segments, segment, sliceRows, sliceBytes } = this.#parts;
    if (this.#at === START) segments.insert(segment);
    let bytes = 0;
    for (let rows = 0; rows < sliceRows && bytes < sliceBytes && this.#at.device < this.#devices.length; rows++) {
      bytes += this.#writeRow(this.#at);
    }
    const last = this.#at.device === this.#devices.length;
    if (last) segments.mark(segment.id, SegmentState.complete);
    return last;
  }

  committed(last: boolean): void {
    this.#kept = this.#at;
    if (last) this.#parts.done();
  }

  failed(): void {
    this.#at = this.#kept;
  }

  /** One row of a device's run, and after its last one the device's own row. Returns the bytes of its references. */
  #writeRow(at: Place): number {
    const { frozen, segment, runs } = this.#parts;
    const { refs, rowSeqs } = frozen;
    const writer = this.#writer;
    const device = this.#devices[at.device]!;
    writer.clear();
    let i = at.entry < 0 ? refs.first(device) : at.entry;
    while (i >= 0 && writer.add(refs.seq[i]!, rowSeqs[refs.row[i]!]!, refs.offset[i]!, refs.min[i]!, refs.max[i]!)) i = refs.next(i);
    const bytes = writer.count * REF_BYTES;
    runs.insert({ segment, device, part: at.part }, writer);
    if (i >= 0) this.#at = { device: at.device, entry: i, part: at.part + 1 };
    else {
      this.#writeDevice(device as DeviceNo);
      this.#at = { device: at.device + 1, entry: -1, part: 0 };
    }
    return bytes;
  }

  #writeDevice(no: DeviceNo): void {
    const { devices, fold, ledger } = this.#parts;
    const coverage = ledger.isPlain(no) ? null : ledger.byNo(no)!.coverage;
    devices.write(fold.byNo(no)!, this.#parts.committed(), coverage?.newest ?? 0, coverage?.encode() ?? NO_COVERAGE);
  }
}
