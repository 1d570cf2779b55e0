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
import { RunWriter } from "./run_refs.ts";
import type { RunTable } from "./runs.ts";
import { type Segment, SegmentState, type SegmentTable } from "./segments.ts";
import type { Tail } from "./tail.ts";

export interface FlushParts {
  readonly frozen: Tail;
  readonly segment: Segment;
  readonly segments: SegmentTable;
  readonly runs: RunTable;
  readonly devices: DeviceTable;
  readonly fold: DeviceFold;
  readonly ledger: Ledger;
  readonly sliceRows: number;
  committed(): Seq;
  done(): void;
}

export class FlushJob implements Job {
  readonly point = "journal.flush_slice";
  readonly #parts: FlushParts;
  readonly #devices: readonly number[];
  readonly #writer = new RunWriter();
  #next = 0;
  #reached = 0;

  constructor(parts: FlushParts) {
    this.#parts = parts;
    this.#devices = parts.frozen.refs.devices();
  }

  step(): boolean {
    const { segments, segment, sliceRows } = this.#parts;
    if (this.#next === 0) segments.insert(segment);
    let rows = 0;
    let i = this.#next;
    for (; i < this.#devices.length && rows < sliceRows; i++) rows += this.#writeDevice(this.#devices[i]!);
    this.#reached = i;
    const last = i === this.#devices.length;
    if (last) segments.mark(segment.id, SegmentState.complete);
    return last;
  }

  committed(last: boolean): void {
    this.#next = this.#reached;
    if (last) this.#parts.done();
  }

  failed(): void {
    this.#reached = this.#next;
  }

  #writeDevice(no: number): number {
    const { frozen, segment, runs, devices, fold, ledger } = this.#parts;
    const { refs, rowSeqs } = frozen;
    const writer = this.#writer;
    let part = 0;
    writer.clear();
    for (let i = refs.first(no); i >= 0; i = refs.next(i)) {
      const rowSeq = rowSeqs[refs.row[i]!]!;
      if (writer.add(refs.seq[i]!, rowSeq, refs.offset[i]!, refs.min[i]!, refs.max[i]!)) continue;
      runs.insert({ segment, device: no, part: part++ }, writer);
      writer.clear();
      writer.add(refs.seq[i]!, rowSeq, refs.offset[i]!, refs.min[i]!, refs.max[i]!);
    }
    runs.insert({ segment, device: no, part: part++ }, writer);
    const state = fold.byNo(no as DeviceNo)!;
    const own = ledger.byNo(no as DeviceNo)!;
    devices.write(state, this.#parts.committed(), own.newest, own.coverage.encode());
    return part + 1;
  }
}
