/** Devices as the fold of journal entries. */
import { expect, test } from "bun:test";
import { asDeviceId, asDeviceNo, asFence, asSeq } from "../../../src/base/brand.ts";
import { DeviceFold } from "../../../src/store/device_fold.ts";
import { EntryView, eventEntry, frameEntryBytes, NO_BEST, writeFrameEntry } from "../../../src/store/entry.ts";
import { avlData, avlRecord } from "../../support/avl_data.ts";

const NO = asDeviceNo(3);
const origin = { address: "10.0.0.7", port: 4000, clientInstance: "" };

const on = (bytes: Uint8Array): EntryView => {
  const view = new EntryView().over(bytes);
  view.load(0);
  return view;
};
const connected = (fence: number, at: number): EntryView =>
  on(eventEntry("connected", NO, asFence(fence), at, { id: "356307042441013", at, transport: "tcp", origin }));
const disconnected = (fence: number, at: number): EntryView =>
  on(eventEntry("disconnected", NO, asFence(fence), at, { at, reason: "closed", lastByteAt: at - 5 }));

function frame(
  times: readonly number[],
  best: number,
  isNew: readonly boolean[],
  receivedAt = 50,
  unfenced = false,
  quarantined = false,
): EntryView {
  const { data } = avlData(8, times.map((time) => avlRecord(8, { time })));
  const newCount = isNew.filter(Boolean).length;
  const bytes = new Uint8Array(frameEntryBytes(times.length, newCount < times.length, data.length));
  const mask = new Uint8Array(32);
  isNew.forEach((yes, i) => (mask[i >>> 3]! |= (yes ? 1 : 0) << (i & 7)));
  const head = {
    device: NO,
    fence: asFence(1024),
    receivedAt,
    n: times.length,
    newCount,
    best,
    minTime: Math.min(...times),
    maxTime: Math.max(...times),
    unfenced,
    quarantined,
    redecoded: false,
  };
  bytes.set(data, writeFrameEntry(new DataView(bytes.buffer), 0, head, data.length, mask));
  return on(bytes);
}

/** Of one device among many: a codec 8E record with `values` IO values. */
function frameOf(no: number, time: number, values: number): { readonly entry: EntryView; readonly record: Uint8Array } {
  const record = avlRecord(0x8e, { time, io: Object.fromEntries(Array.from({ length: values }, (_, i) => [i, no & 0xff])) });
  const { data } = avlData(0x8e, [record]);
  const bytes = new Uint8Array(frameEntryBytes(1, false, data.length));
  const times = { receivedAt: time, minTime: time, maxTime: time };
  const flags = { unfenced: false, quarantined: false, redecoded: false };
  const head = { device: asDeviceNo(no), fence: asFence(0), n: 1, newCount: 1, best: 0, ...times, ...flags };
  bytes.set(data, writeFrameEntry(new DataView(bytes.buffer), 0, head, data.length, new Uint8Array(1)));
  return { entry: on(bytes), record };
}

function folded(): DeviceFold {
  const fold = new DeviceFold();
  fold.apply(connected(1024, 10), asSeq(1));
  return fold;
}

test("a connected event makes the device known by number and by id", () => {
  const fold = folded();
  const device = fold.byId(asDeviceId("356307042441013"))!;
  expect(fold.byNo(NO)!.id).toBe(device.id);
  expect([fold.size, fold.nameOf(NO), [...fold].map(({ no }) => no)]).toEqual([1, "356307042441013", [NO]]);
  expect(device).toMatchObject({ no: NO, connected: true, fence: 1024, transport: "tcp", address: "10.0.0.7", port: 4000, since: 10 });
  expect([fold.byNo(asDeviceNo(2)), fold.byNo(asDeviceNo(2000)), fold.byId(asDeviceId("1")), fold.nameOf(asDeviceNo(2))])
    .toEqual([undefined, undefined, undefined, ""]);
});

test("a frame counts its new records and places the best one with its own seq", () => {
  const fold = folded();
  fold.apply(frame([100, 200, 300], 2, [true, false, true]), asSeq(2));
  const device = fold.byNo(NO)!;
  expect(device.records).toBe(2);
  expect(device.lastSeenAt).toBe(50);
  expect(device.position).toEqual({ seq: asSeq(3), time: 300, codec: 8, bytes: avlRecord(8, { time: 300 }) });
});

test("the last position moves forward in record time and to the later of equal times", () => {
  const fold = folded();
  fold.apply(frame([300], 0, [true]), asSeq(2));
  fold.apply(frame([200], 0, [true]), asSeq(3));
  expect(fold.byNo(NO)!.position?.seq).toBe(asSeq(2));
  fold.apply(frame([300], 0, [true]), asSeq(4));
  expect(fold.byNo(NO)!.position?.seq).toBe(asSeq(4));
  fold.apply(frame([900], NO_BEST, [true]), asSeq(5));
  expect(fold.byNo(NO)!.position?.seq).toBe(asSeq(4));
});

test("a quarantined frame counts and is seen, and does not move the position", () => {
  const fold = folded();
  fold.apply(frame([1000], 0, [true]), asSeq(2));
  fold.apply(frame([2000], 0, [true], 90, false, true), asSeq(3));
  const device = fold.byNo(NO)!;
  expect([device.records, device.lastByteAt, device.position?.seq as number]).toEqual([2, 90, 2]);
});

test("an unfenced frame counts but moves neither position nor times", () => {
  const fold = folded();
  fold.apply(frame([900], 0, [true], 77, true), asSeq(2));
  expect(fold.byNo(NO)).toMatchObject({ records: 1, lastSeenAt: 10, position: null });
});

test("a device is seen by what it says about commands, not by what is done to it", () => {
  const fold = folded();
  const told = (at: number, payload: object): EntryView => on(eventEntry("command", NO, asFence(1024), at, { at, ...payload }));
  const seen = (): number => fold.byNo(NO)!.lastSeenAt;
  ["queued", "routed", "written", "expired", "unknown"].forEach((state, i) => fold.apply(told(20 + i, { state }), asSeq(2 + i)));
  expect(seen()).toBe(10);
  fold.apply(told(30, { state: "answered" }), asSeq(10));
  expect(seen()).toBe(30);
  fold.apply(told(40, { state: "nacked" }), asSeq(11));
  fold.apply(told(50, { unsolicited: true }), asSeq(12));
  expect([seen(), fold.byNo(NO)!.lastByteAt]).toEqual([50, 50]);
});

test("the end of a lower fence changes nothing", () => {
  const fold = folded();
  fold.apply(connected(2048, 20), asSeq(2));
  fold.apply(disconnected(1024, 30), asSeq(3));
  expect(fold.byNo(NO)).toMatchObject({ connected: true, fence: 2048 });
  fold.apply(disconnected(2048, 40), asSeq(4));
  expect(fold.byNo(NO)).toMatchObject({ connected: false, fence: 2048, lastSeenAt: 40, lastByteAt: 35 });
});

test("all open connections of a device are known, until each has ended or was replaced", () => {
  const fold = folded();
  const device = fold.byNo(NO)!;
  const replaced = on(eventEntry("replaced", NO, asFence(4096), 25, { at: 25, transport: "tcp", origin, old: { fence: 1024 } }));
  const left = on(eventEntry("disconnected", NO, asFence(4096), 30, { at: 30, reason: "closed", left: 3072 }));
  fold.apply(connected(2048, 20), asSeq(2));
  fold.apply(connected(3072, 21), asSeq(3));
  expect(device.older).toEqual([1024, 2048]);
  fold.apply(replaced, asSeq(4));
  expect([device.fence as number, ...device.older]).toEqual([4096, 2048, 3072]);
  fold.apply(disconnected(2048, 28), asSeq(5));
  fold.apply(left, asSeq(6));
  expect([device.connected, device.fence as number, ...device.older]).toEqual([true, 3072]);
});

test("a hydrated state skips what it holds already", () => {
  const source = folded();
  source.apply(frame([100], 0, [true]), asSeq(2));
  const copy = new DeviceFold();
  copy.hydrate(source, asSeq(2));
  expect(copy.byNo(NO)!.position).toEqual(source.byNo(NO)!.position);
  copy.apply(frame([100], 0, [true]), asSeq(2));
  expect(copy.byNo(NO)!.records).toBe(1);
  copy.apply(frame([200], 0, [true]), asSeq(3));
  expect(copy.byNo(NO)!.records).toBe(2);
});

test("any origin is what it was, and another one takes its place whole", () => {
  const fold = folded();
  const origins = [
    { transport: "ws", address: "2001:db8::7", port: 65_535, clientInstance: "" },
    { transport: "udp", address: "255.255.255.255", port: 1, clientInstance: "cab" },
    { transport: "peer", address: "010.0.0.7", port: 0, clientInstance: "" },
    { transport: "tcp", address: "0.0.0.0", port: 5027, clientInstance: "" },
    { transport: "sse", address: "", port: 0, clientInstance: "" },
    { transport: "tcp", address: "192.168.1.200", port: 40_000, clientInstance: "" },
  ];
  for (const [i, { transport, ...from }] of origins.entries()) {
    const fence = asFence(2048 + i * 1024);
    fold.apply(on(eventEntry("replaced", NO, fence, 20, { at: 20, transport, origin: from, old: { fence: fence - 1024 } })), asSeq(2 + i));
    const { transport: by, address, port, clientInstance } = fold.byNo(NO)!;
    expect({ transport: by as string, address, port, clientInstance }).toEqual(origins[i]!);
  }
});

test("devices keep what is theirs, with positions of any length", () => {
  const fold = new DeviceFold();
  const numbers = [1, 2, 1023, 1024, 1025, 5000];
  for (const no of numbers) fold.add(asDeviceNo(no), asDeviceId(`device-${no}`));
  const expected = new Map<number, { records: number; time: number; bytes: Uint8Array }>();
  let seq = 0;
  // From short to longer than any other device has, and back.
  for (const values of [0, 3, 20, 70, 5, 200, 1, 90, 0]) {
    for (const no of numbers) {
      const time = ++seq;
      const { entry, record } = frameOf(no, time, (values * no) % 241);
      fold.apply(entry, asSeq(seq));
      expected.set(no, { records: 1 + (expected.get(no)?.records ?? 0), time, bytes: record });
    }
    fold.settle();
    const copy = new DeviceFold();
    copy.hydrate(fold, asSeq(seq));
    for (const [no, { records, time, bytes }] of expected) {
      for (const device of [fold.byNo(asDeviceNo(no))!, copy.byId(asDeviceId(`device-${no}`))!]) {
        expect([device.id as string, device.records, device.lastSeenAt]).toEqual([`device-${no}`, records, time]);
        expect(device.position).toEqual({ seq: asSeq(time), time, codec: 0x8e, bytes });
      }
    }
    expect([...copy].map(({ no }) => no as number)).toEqual(numbers);
  }
});

test("above lists devices in number order after the given one", () => {
  const fold = new DeviceFold();
  for (const no of [5, 2, 9]) fold.add(asDeviceNo(no), asDeviceId(`d${no}`));
  expect(fold.above(asDeviceNo(0), 2).map((d) => d.no)).toEqual([asDeviceNo(2), asDeviceNo(5)]);
  expect(fold.above(asDeviceNo(5), 2).map((d) => d.no)).toEqual([asDeviceNo(9)]);
});

test("a position looked for at the end of a batch is the one found frame by frame", () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const late = folded();
    const early = folded();
    let seq = 2;
    for (let i = 0; i < 20; i++) {
      const times = Array.from({ length: 1 + random(4) }, () => random(50));
      const best = random(5) === 0 ? NO_BEST : times.lastIndexOf(Math.max(...times));
      const entry = frame(times, best, times.map(() => true));
      for (const fold of [late, early]) fold.apply(entry, asSeq(seq));
      early.settle();
      if (random(4) === 0) late.settle();
      seq += times.length;
    }
    expect(late.byNo(NO)!.position).toEqual(early.byNo(NO)!.position);
  }
});

test("a record is superseded when a newer one is known, but for the one the position is from", () => {
  const fold = folded();
  fold.apply(frame([100, 500], 1, [true, true]), asSeq(2));
  fold.settle();
  const device = fold.byNo(NO)!;
  expect([2, 3, 4].map((seq) => device.isSuperseded(seq))).toEqual([true, false, false]);
  expect([2, 3].map((seq) => fold.isSuperseded(device.id, seq))).toEqual([true, false]);
  expect(fold.isSuperseded(asDeviceId("1"), 1)).toBe(false);
  // Older records come late: the last of them is the newest there is, and the position is another.
  fold.apply(frame([200, 300, 300], 1, [true, false, true]), asSeq(4));
  fold.settle();
  expect([2, 3, 4, 5, 6].map((seq) => device.isSuperseded(seq))).toEqual([true, false, true, false, false]);
  // After a hydrate only the position is known.
  const copy = new DeviceFold();
  copy.hydrate(fold, asSeq(5));
  expect([2, 3, 4, 5].map((seq) => copy.byNo(NO)!.isSuperseded(seq))).toEqual([true, false, false, false]);
});
