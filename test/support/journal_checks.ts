/** Compares a journal, as its readers see it, with the model. */
import { expect } from "bun:test";
import { asDeviceId, asDeviceNo, asSeq } from "../../src/base/brand.ts";
import { EntryView } from "../../src/store/entry.ts";
import { Coverage } from "../../src/store/coverage.ts";
import type { DeviceState, RecordsQuery, StoredRecord } from "../../src/store/port.ts";
import { recordStart, recordTime } from "../../src/store/record_walk.ts";
import type { ModelDevice, SentRecord } from "./journal_model.ts";
import { sentRecord } from "./journal_model.ts";
import type { JournalWorld, SentFrame } from "./journal_world.ts";

interface NewRecord extends SentRecord {
  readonly seq: number;
}

/** One new entry of the log, as a reader gives it. */
export interface NewEntry {
  readonly device: ModelDevice | null;
  readonly receivedAt: number;
  readonly records: readonly NewRecord[];
}

const view = new EntryView();

/** Everything committed since the last time, in order and without a hole; events go into the model at once. */
export function readNew(world: JournalWorld): NewEntry[] {
  const { reader, journal } = world.process;
  const entries: NewEntry[] = [];
  const ids = new Map(world.devices.map((device) => [device.id, device]));
  for (;;) {
    const answer = reader.entries(asSeq(world.next));
    if (answer.kind === "behind") throw new Error(`behind: ${answer.oldest} at ${world.next}`);
    if (answer.rows.length === 0) break;
    for (const row of answer.rows) {
      expect<number>(row.seq).toBe(world.next);
      view.over(row.body);
      for (let at = 0; view.load(at); at = view.end) {
        const known = journal.fold.byNo(view.deviceNo);
        const device = known === undefined ? null : ids.get(known.id) ?? null;
        device?.entrySeqs.push(world.next);
        const receivedAt = view.time;
        const records: NewRecord[] = [];
        if (view.isFrame) {
          for (let i = 0; i < view.n; i++) {
            if (!view.isNew(i)) continue;
            const bytes = view.bytes.slice(recordStart(view.bytes, view.dataAt, i), recordStart(view.bytes, view.dataAt, i + 1));
            records.push({ ...sentRecord(view.bytes[view.dataAt]!, bytes), seq: world.next + records.length });
          }
          expect(records.length).toBe(view.seqs);
          if (records.length < view.n) world.branches.partial++;
        } else device?.event(view);
        world.next += view.seqs;
        entries.push({ device, receivedAt, records });
      }
    }
    expect<number>(answer.next).toBe(world.next);
  }
  expect(world.next).toBe(journal.nextSeq);
  return entries;
}

/** Every kept frame's records are stored by now, each distinct one once, and nothing else is. */
export function checkNew(world: JournalWorld, kept: readonly SentFrame[], entries: readonly NewEntry[]): void {
  for (const [index, device] of world.devices.entries()) {
    const frames = kept.filter((frame) => frame.device === index);
    const found = entries.filter((entry) => entry.device === device && entry.records.length > 0);
    const seen = new Set<string>();
    const expected: string[] = [];
    for (const record of frames.flatMap((frame) => frame.records)) {
      if (device.stored.has(record.key) || seen.has(record.key)) continue;
      seen.add(record.key);
      expected.push(record.key);
    }
    const stored = found.flatMap((entry) => entry.records.map((record) => record.key));
    expect(stored).toEqual(expected);
    for (const { records, receivedAt } of found) {
      for (const record of records) device.store(record, record.seq, receivedAt, world.limits.futureMs);
    }
  }
}

/** All devices, all records, by seq and by time, folds and coverage. */
/** Every frame kept raw once, and what the journal knows of them by heart is what the table says. */
function checkQuarantine({ process }: JournalWorld): void {
  const { quarantine } = process.journal;
  const held = process.quarantined(0);
  const all = [...held, ...process.quarantined(1)];
  expect(new Set(all).size).toBe(all.length);
  expect([quarantine.held, quarantine.bytes]).toEqual([held.length, 4 * all.length]);
}

export function checkAll(world: JournalWorld): void {
  const { reader, journal } = world.process;
  checkQuarantine(world);
  for (const device of world.devices) {
    const known = journal.fold.byId(asDeviceId(device.id));
    if (known === undefined) {
      expect(device.stored.size).toBe(0);
      continue;
    }
    checkState(known, device);
    const read = reader.devices(asDeviceNo(known.no - 1), 1)[0]!;
    checkState(read, device);
    checkRecords(world, device);
    checkEntries(world, device);
    const own = journal.ledger.byNo(known.no)!;
    expect(own.overlay).toBe(null);
    const coverage = own.coverage ?? new Coverage();
    expect(coverage.intervals).toBeLessThanOrEqual(world.limits.coverageIntervals);
    for (const key of device.stored.keys()) {
      const time = recordTime(Buffer.from(key.slice(key.indexOf(":") + 1), "hex"), 0);
      expect(coverage.overlaps(time, time)).toBe(true);
    }
    const pairs = coverage.pairs();
    for (let i = 1; i < pairs.length; i++) expect(pairs[i]![0]).toBeGreaterThan(pairs[i - 1]![1]);
  }
}

function checkState(state: DeviceState, device: ModelDevice): void {
  const { id, records, lastSeenAt, connected, fence, position } = device;
  expect({
    id: state.id as string,
    records: state.records,
    lastSeenAt: state.lastSeenAt,
    connected: state.connected,
    fence: state.fence as number,
  })
    .toEqual({ id, records, lastSeenAt, connected, fence });
  expect(
    state.position === null ? null : { ...state.position, seq: state.position.seq as number, bytes: Buffer.from(state.position.bytes) },
  )
    .toEqual(position === null ? null : { ...position, bytes: Buffer.from(position.bytes) });
}

function checkRecords(world: JournalWorld, device: ModelDevice): void {
  const rows = [...device.stored].map(([key, seq]) => ({
    key,
    seq,
    time: recordTime(Buffer.from(key.slice(key.indexOf(":") + 1), "hex"), 0),
  }));
  const bySeq = rows.toSorted((a, b) => a.seq - b.seq);
  const limit = 1 + world.random.below(60);
  const id = asDeviceId(device.id);
  expect(pages(world, { device: id, from: null, to: null, limit, after: null, order: "seq" })).toEqual(
    bySeq.map(({ key, seq }) => ({ key, seq })),
  );
  const byTime = rows.toSorted((a, b) => a.time - b.time || a.seq - b.seq);
  const from = byTime.length === 0 ? 0 : world.random.pick(byTime).time;
  const to = byTime.length === 0 ? 0 : Math.max(from, world.random.pick(byTime).time);
  const within = byTime.filter(({ time }) => time >= from && time <= to);
  expect(pages(world, { device: id, from, to, limit, after: null, order: "time" })).toEqual(within.map(({ key, seq }) => ({ key, seq })));
}

function pages(world: JournalWorld, query: RecordsQuery): { key: string; seq: number }[] {
  const found: StoredRecord[] = [];
  for (let after: string | null = null;;) {
    const answer = world.process.reader.records({ ...query, after });
    if (answer.kind !== "page") throw new Error(`records answered ${answer.kind}`);
    found.push(...answer.records);
    if (answer.next === null) break;
    expect(answer.records.length).toBeGreaterThan(0);
    after = answer.next;
  }
  return found.map(({ seq, codec, bytes }) => ({ seq, key: sentRecord(codec, bytes).key }));
}

function checkEntries(world: JournalWorld, device: ModelDevice): void {
  const { reader } = world.process;
  const seqs: number[] = [];
  const first = device.entrySeqs.length === 0 ? world.process.journal.oldest : world.random.pick(device.entrySeqs);
  for (let from: number = first;;) {
    const answer = reader.deviceEntries(asDeviceId(device.id), asSeq(from));
    if (answer.kind === "behind") throw new Error(`behind: ${answer.oldest} at ${from}`);
    const { rows, next } = answer;
    seqs.push(...rows.map((row) => row.seq));
    if (rows.length === 0 && next === reader.seq + 1) break;
    from = next;
  }
  expect(seqs).toEqual(device.entrySeqs.filter((seq) => seq >= first));
}
