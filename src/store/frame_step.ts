/**
 * One frame into the batch: new, partly new or a duplicate. Pure but for the compares of the slow path; journal thread.
 * The fast path, a frame whose times are outside the device's coverage, asks nothing and copies the bytes once.
 */
import { asDeviceNo, asFence, type Fence } from "../base/brand.ts";
import type { Limits } from "../base/limits.ts";
import type { Batch } from "./batch.ts";
import type { Coverage } from "./coverage.ts";
import type { Duplicates, StoredFrames } from "./duplicates.ts";
import { type FrameEntry, NO_BEST } from "./entry.ts";
import type { IncomingFrame } from "./incoming_frame.ts";
import type { Ledger, LedgerDevice } from "./ledger.ts";
import { hasFix } from "./record_walk.ts";

/** Whose a frame is: the device's owner's; that of one who stores beside it; or one that was kept raw and is decoded again. */
export type Standing = "owner" | "beside" | "redecoded";

export class FrameStep {
  /** Intervals joined because a device had too many. */
  joins = 0;
  readonly #limits: Limits;
  readonly #batch: Batch;
  readonly #ledger: Ledger;
  readonly #duplicates: Duplicates;
  readonly #entry: FrameEntry;

  constructor(limits: Limits, batch: Batch, ledger: Ledger, duplicates: Duplicates) {
    this.#limits = limits;
    this.#batch = batch;
    this.#ledger = ledger;
    this.#duplicates = duplicates;
    this.#entry = {
      device: asDeviceNo(0),
      fence: asFence(0),
      receivedAt: 0,
      n: 0,
      newCount: 0,
      best: NO_BEST,
      minTime: 0,
      maxTime: 0,
      unfenced: false,
      quarantined: false,
      redecoded: false,
    };
  }

  /** Takes a frame of a device that may store; returns how many of its records are new. */
  take(frame: IncomingFrame, device: LedgerDevice, fence: Fence, standing: Standing, stored: StoredFrames): number {
    const { header } = frame;
    const coverage = this.#ledger.overlay(device);
    let newCount = header.n;
    if (!frame.ordered || coverage.overlaps(header.minTime, header.maxTime)) {
      newCount = this.#duplicates.mark(frame, device.no, coverage, stored);
    }
    if (newCount === 0) return 0;
    const entry = this.#entry;
    entry.device = device.no;
    entry.fence = fence;
    entry.unfenced = standing !== "owner";
    entry.redecoded = standing === "redecoded";
    entry.receivedAt = header.receivedAt;
    entry.n = header.n;
    entry.newCount = newCount;
    entry.best = header.best;
    entry.quarantined = device.quarantined;
    entry.minTime = header.minTime;
    entry.maxTime = header.maxTime;
    if (newCount < header.n) this.#narrow(frame, entry);
    this.#cover(frame, coverage, entry);
    const newest = this.#newest(frame, entry);
    if (newest > coverage.newest) coverage.newest = newest;
    this.#batch.frame(entry, frame, this.#duplicates.mask);
    return newCount;
  }

  #isNew(frame: IncomingFrame, entry: FrameEntry, i: number): boolean {
    return entry.newCount === frame.header.n || (this.#duplicates.mask[i >>> 3]! & (1 << (i & 7))) !== 0;
  }

  /** Time range and best position of only the new records. */
  #narrow(frame: IncomingFrame, entry: FrameEntry): void {
    const latest = entry.receivedAt + this.#limits.futureMs;
    entry.minTime = Infinity;
    entry.maxTime = -Infinity;
    entry.best = NO_BEST;
    let bestTime = -1;
    const { times, offsets } = frame;
    for (let i = 0; i < frame.header.n; i++) {
      if (!this.#isNew(frame, entry, i)) continue;
      const time = times[i]!;
      if (time < entry.minTime) entry.minTime = time;
      if (time > entry.maxTime) entry.maxTime = time;
      if (time < bestTime || time > latest || !hasFix(frame.bytes, frame.dataAt + offsets[i]!)) continue;
      bestTime = time;
      entry.best = i;
    }
  }

  /** A frame of near times is one interval; one that spans long is covered record by record, so that the hole stays open. */
  #cover(frame: IncomingFrame, coverage: Coverage, entry: FrameEntry): void {
    const { coverageGapMs, coverageIntervals } = this.#limits;
    if (entry.maxTime - entry.minTime <= coverageGapMs) {
      this.joins += coverage.add(entry.minTime, entry.maxTime, coverageGapMs, coverageIntervals);
      return;
    }
    const { times } = frame;
    for (let i = 0; i < frame.header.n; i++) {
      if (this.#isNew(frame, entry, i)) this.joins += coverage.add(times[i]!, times[i]!, coverageGapMs, coverageIntervals);
    }
  }

  #newest(frame: IncomingFrame, entry: FrameEntry): number {
    const latest = entry.receivedAt + this.#limits.futureMs;
    if (entry.maxTime <= latest) return entry.maxTime;
    let newest = 0;
    const { times } = frame;
    for (let i = 0; i < frame.header.n; i++) {
      const time = times[i]!;
      if (time > newest && time <= latest && this.#isNew(frame, entry, i)) newest = time;
    }
    return newest;
  }
}
