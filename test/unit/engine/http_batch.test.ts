/** Pages of a reader as the broker gets them: never further than the http thread knows devices by name. */
import { expect, test } from "bun:test";
import { asDeviceNo, asFence, asSeq } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { encodeData } from "../../../src/codec/encode.ts";
import { decodeRawFrame } from "../../../src/codec/raw_frame.ts";
import { BatchMaker, pageOf } from "../../../src/engine/http/batch.ts";
import { eventEntry, frameEntryBytes, writeFrameEntry } from "../../../src/store/entry.ts";
import { NO_BEST } from "../../../src/wire/frame_message.ts";

const row = (seq: number) => ({
  seq: asSeq(seq),
  body: eventEntry("connected", asDeviceNo(seq), asFence(1024), 5, { at: 5, id: `d${seq}` }),
});
const rows = { kind: "rows" as const, rows: [row(4), row(5)], next: asSeq(6) };
const { futureMs } = limitsWith();
const maker = new BatchMaker("e", (no) => `d${no}`, { futureMs });

test("a page ends where the journal was followed to, so that no event is of a device without a name", () => {
  const page = pageOf(rows, asSeq(4), maker);
  expect(page.kind === "rows" ? [page.batches.map((batch) => batch.first as number), page.next as number] : page.kind).toEqual([[4], 5]);
});

test("a page that is not ahead is given whole", () => {
  const page = pageOf(rows, asSeq(9), maker);
  expect(page.kind === "rows" ? [page.batches.length, page.next as number] : page.kind).toEqual([2, 6]);
});

test("a page that is kept no more is told as it is", () => {
  expect(pageOf({ kind: "behind", oldest: asSeq(7) }, asSeq(9), maker)).toEqual({ kind: "behind", oldest: asSeq(7) });
});

const ARRIVED = 1_700_000_000_000;
const record = {
  time: ARRIVED,
  priority: 0,
  lon: 25,
  lat: 54,
  altitude: 9,
  angle: 1,
  satellites: 9,
  speed: 1,
  eventId: 0,
  generationType: null,
};

test("a record with a value out of range, or dated far ahead of its arrival, is marked invalid, and no other is", () => {
  const odd = [{ lat: 91 }, { lon: -181 }, { priority: 3 }, { angle: 361 }, { time: ARRIVED + futureMs + 1 }];
  const good = [{}, { lat: -90, lon: 180 }, { priority: 2 }, { angle: 360 }, { time: ARRIVED + futureMs }, { time: 0 }, { satellites: 0 }];
  const data = encodeData("8", [...odd, ...good].map((own) => ({ ...record, io: {}, ...own })));
  const n = odd.length + good.length;
  const body = new Uint8Array(frameEntryBytes(n, false, data.length));
  const entry = {
    device: asDeviceNo(1),
    fence: asFence(1024),
    receivedAt: ARRIVED,
    n,
    newCount: n,
    best: NO_BEST,
    minTime: 0,
    maxTime: ARRIVED,
  };
  const marks = { unfenced: false, quarantined: false, redecoded: false };
  body.set(data, writeFrameEntry(new DataView(body.buffer), 0, { ...entry, ...marks }, data.length, new Uint8Array(0)));
  const told: { invalid?: boolean }[] = [];
  maker.batch({ seq: asSeq(1), body }, false).each(1, (event) => {
    const text = new TextDecoder().decode(event.encoded("sse"));
    told.push(JSON.parse(/data: *(.*)/.exec(text)![1]!) as { invalid?: boolean });
    return true;
  });
  expect(told).toMatchObject(decodeRawFrame(data));
  expect(told.map(({ invalid }) => invalid)).toEqual([...odd.map(() => true), ...good.map(() => undefined)]);
});
