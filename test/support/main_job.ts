/** The main job as steps: trackers deliver, REST shows, SSE told. Run with usual bounds and with tiny ones. */
import { expect } from "bun:test";
import { recordsOf, type SentFrame, TestDevice } from "./fleet.ts";
import { CODEC_NAMES, type RecordJson, recordPart, type TestRecord } from "./frames.ts";
import { type Accept, Gateway, type GatewayOptions } from "./gateway.ts";
import { allRecords, type StoredJson } from "./rest.ts";
import { cursorParts, type SseConsumer } from "./sse.ts";
import { Tracker } from "./tracker.ts";

/** A gateway of two codec workers that accepts connections this way. */
export const startWith = (accept: Accept, options: GatewayOptions = {}): Promise<Gateway> =>
  Gateway.start({ ...options, settings: { "tcp.accept": accept, workers: 2, log_level: "info", ...options.settings } });

/** `perCodec` devices of each codec, numbered from `first`. */
export const makeDevices = (first: number, perCodec = 3, stepMs = 1000): TestDevice[] =>
  CODEC_NAMES.flatMap((codec, group) =>
    Array.from({ length: perCodec }, (_, index) => new TestDevice(first + group * perCodec + index, codec, stepMs))
  );

export type Sent = ReadonlyMap<TestDevice, readonly SentFrame[]>;

export const makeFrames = (devices: readonly TestDevice[], count: number, most = 6): Sent =>
  new Map(devices.map((device) => [device, device.frames(count, most)]));

/** Sends each frame after the answer to the one before; every answer must be the frame's number of records. */
export async function sendAll(tracker: Tracker, frames: readonly SentFrame[]): Promise<void> {
  for (const frame of frames) expect(await tracker.send(frame.bytes)).toBe(frame.records.length);
}

/** All devices at a time, each on a connection of its own, which stays open. */
export async function deliver(port: number, sent: Sent): Promise<Map<TestDevice, Tracker>> {
  const trackers = new Map<TestDevice, Tracker>();
  await Promise.all([...sent].map(async ([device, frames]) => {
    const tracker = await Tracker.loggedIn(port, device.imei);
    trackers.set(device, tracker);
    await sendAll(tracker, frames);
  }));
  return trackers;
}

export const closeAll = (trackers: Iterable<Tracker>): void => {
  for (const tracker of trackers) tracker.close();
};

/** The same records in frames of `size`, last ones first. */
export function regrouped(device: TestDevice, frames: readonly SentFrame[], size: number): SentFrame[] {
  const records: TestRecord[] = recordsOf(frames).reverse();
  const groups: SentFrame[] = [];
  for (let at = 0; at < records.length; at += size) groups.push(device.frame(records.slice(at, at + size)));
  return groups;
}

/** REST shows of each device exactly what was sent, in the order sent, under rising seqs. Returns all it read. */
export async function expectStored(url: string, sent: Sent, pageLimit = 1000): Promise<StoredJson[]> {
  const all: StoredJson[] = [];
  for (const [device, frames] of sent) {
    const stored = await allRecords(url, device.imei, "", pageLimit);
    expect(stored.map(recordPart)).toEqual(device.expected(recordsOf(frames)));
    for (const [index, record] of stored.entries()) {
      expect(record.device).toBe(device.imei);
      expect(record.fence).toBeGreaterThan(0);
      expect(Math.abs(Date.now() - record.receivedAt)).toBeLessThan(10 * 60_000);
      if (index > 0) expect(record.seq).toBeGreaterThan(stored[index - 1]!.seq);
    }
    all.push(...stored);
  }
  return all;
}

export const recordCount = (sent: Sent): number => [...sent.values()].reduce((sum, frames) => sum + recordsOf(frames).length, 0);

/** Waits until the consumer saw `count` record events. */
export const recordsSeen = (consumer: SseConsumer, count: number, timeoutMs = 20_000): Promise<true> =>
  consumer.until(`${count} record events`, () => consumer.of("record").length >= count, timeoutMs) as Promise<true>;

/**
 * What the consumer saw from `cursor` on: every seq once, none left out, ids and data agreeing; of each device exactly
 * what was sent.
 */
export function expectSeenOnce(consumer: SseConsumer, cursor: string, sent: Sent): void {
  const { epoch, seq: start } = cursorParts(cursor);
  consumer.events.forEach((event, index) => expect(event.id).toBe(`${epoch}.${start + 1 + index}`));
  expectRecordsSeen(consumer, sent);
}

/** The record events alone: rising seqs, ids and data agreeing; of each device exactly what was sent. */
export function expectRecordsSeen(consumer: SseConsumer, sent: Sent): void {
  const byDevice = new Map<string, RecordJson[]>();
  let last = 0;
  for (const event of consumer.of("record")) {
    const stored = JSON.parse(event.data) as StoredJson;
    expect(cursorParts(event.id).seq).toBe(stored.seq);
    expect(stored.seq).toBeGreaterThan(last);
    expect(stored.fence).toBeGreaterThan(0);
    last = stored.seq;
    const list = byDevice.get(stored.device) ?? [];
    list.push(recordPart(stored));
    byDevice.set(stored.device, list);
  }
  for (const [device, frames] of sent) expect(byDevice.get(device.imei) ?? []).toEqual(device.expected(recordsOf(frames)));
}
