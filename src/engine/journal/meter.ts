/** The journal's counters. Slots are resolved once. */
import { Counters } from "../../telemetry/counters.ts";
import { Histogram } from "../../telemetry/histogram.ts";
import { slot } from "../../telemetry/slots.ts";
import type { Journal } from "../../store/journal.ts";
import type { Boot } from "../boot.ts";
import type { JournalDisk } from "./disk.ts";
import type { Tally } from "./intake.ts";

const SLICES = {
  "journal.flush_slice": slot("berth_flush_slices_total"),
  "journal.merge_slice": slot("berth_merge_slices_total"),
  "journal.retention_slice": slot("berth_retention_slices_total"),
} as const;

export class JournalMeter {
  readonly #counters: Counters;
  readonly #stored = slot("berth_records_total", "stored");
  readonly #duplicate = slot("berth_records_total", "duplicate");
  readonly #quarantined = slot("berth_records_total", "quarantined");
  readonly #refused = slot("berth_records_total", "refused");
  readonly #atOnce = slot("berth_syncs_total", "journal");
  readonly #overlapped = slot("berth_syncs_total", "sync");
  readonly #failures = slot("berth_commit_failures_total");
  readonly #joins = slot("berth_interval_joins_total");
  readonly #checkpoints = slot("berth_checkpoints_total");
  readonly #released = slot("berth_reserve_released_total");
  readonly #storeBytes = slot("berth_store_bytes");
  readonly #walBytes = slot("berth_wal_bytes");
  readonly #tail = slot("berth_tail_entries");
  readonly #devices = slot("berth_devices");
  readonly #heldFrames = slot("berth_quarantine_frames");
  readonly #quarantineBytes = slot("berth_quarantine_bytes");
  readonly #quarantineFull = slot("berth_quarantine_full_total");
  readonly #wraps = slot("berth_ring_wraps_total");
  readonly #exceptionsFull = slot("berth_ring_full_total", "exceptions");
  readonly #unknown = slot("berth_commands_total", "unknown");
  readonly #commitSeconds: Histogram;
  readonly #batchRecords: Histogram;

  constructor(boot: Boot) {
    this.#counters = new Counters(boot.counters, boot.thread);
    this.#commitSeconds = new Histogram(this.#counters, "berth_commit_seconds");
    this.#batchRecords = new Histogram(this.#counters, "berth_commit_batch_records");
  }

  commit(ms: number, records: number): void {
    this.#commitSeconds.observe(ms / 1000);
    this.#batchRecords.observe(records);
  }
  sync(overlaps: boolean): void {
    this.#counters.add(overlaps ? this.#overlapped : this.#atOnce);
  }
  failed(): void {
    this.#counters.add(this.#failures);
  }
  /** What a batch brought; of a failed one only what never depended on the commit. */
  batch(tally: Readonly<Tally>, committed: boolean): void {
    this.#counters.add(this.#refused, tally.refused);
    this.#counters.add(this.#wraps, tally.wraps);
    if (!committed) return;
    this.#counters.add(this.#stored, tally.stored);
    this.#counters.add(this.#duplicate, tally.duplicate);
    this.#counters.add(this.#quarantined, tally.quarantined);
  }
  slice(point: keyof typeof SLICES): void {
    this.#counters.add(SLICES[point]);
  }
  /** Commands the process before this one had written, perhaps. */
  lostCommands(count: number): void {
    this.#counters.add(this.#unknown, count);
  }
  exceptionsFull(): void {
    this.#counters.add(this.#exceptionsFull);
  }
  gauges(journal: Journal, disk: JournalDisk): void {
    const c = this.#counters;
    c.set(this.#joins, journal.intervalJoins);
    c.set(this.#tail, journal.tails.live.refs.count + (journal.tails.frozen?.refs.count ?? 0));
    c.set(this.#devices, journal.ledger.size);
    c.set(this.#heldFrames, journal.quarantine.held);
    c.set(this.#quarantineBytes, journal.quarantine.bytes);
    c.set(this.#quarantineFull, journal.quarantine.full);
    c.set(this.#storeBytes, disk.storeBytes);
    c.set(this.#walBytes, disk.walBytes);
    c.set(this.#checkpoints, disk.checkpoints);
    c.set(this.#released, disk.released);
  }
}
