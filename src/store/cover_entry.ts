/** Coverage of a stored frame, when it is built again from the log. Pure. */
import { recordEnd } from "../codec/teltonika/avl.ts";
import type { Limits } from "../base/limits.ts";
import type { EntryView } from "./entry.ts";
import { Coverage } from "./coverage.ts";
import type { LedgerDevice } from "./ledger.ts";
import { recordTime } from "./record_walk.ts";

/** Adds the new records of the frame the view stands on, as the batch did when it was stored. */
export function coverEntry(
  view: EntryView,
  device: LedgerDevice,
  limits: Pick<Limits, "coverageGapMs" | "coverageIntervals" | "futureMs">,
): void {
  const { coverageGapMs, coverageIntervals } = limits;
  const latest = view.time + limits.futureMs;
  const { minTime, maxTime } = view;
  const coverage = device.coverage ??= new Coverage();
  if (maxTime <= latest && maxTime > coverage.newest) coverage.newest = maxTime;
  if (maxTime - minTime <= coverageGapMs) {
    coverage.add(minTime, maxTime, coverageGapMs, coverageIntervals);
    if (maxTime <= latest) return;
  }
  const { bytes, dataAt, n } = view;
  const codec = bytes[dataAt]!;
  let at = dataAt + 2;
  for (let i = 0; i < n; i++) {
    const time = recordTime(bytes, at);
    at = recordEnd(codec, bytes, at, bytes.length);
    if (!view.isNew(i)) continue;
    coverage.add(time, time, coverageGapMs, coverageIntervals);
    if (time <= latest && time > coverage.newest) coverage.newest = time;
  }
}
