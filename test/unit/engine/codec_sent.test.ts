/** What a codec worker tells of what a connection has sent, and what registry and journal make of it. */
import { describe, expect, test } from "bun:test";
import { fingerprintText } from "../../../src/codec/fingerprint.ts";
import { conflictPayload } from "../../../src/engine/journal/conflict.ts";
import { SentByConnection } from "../../../src/engine/codec/sent.ts";
import { AvlColumns, parseAvl } from "../../../src/codec/teltonika/avl.ts";
import { CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";
import { type CodecName, encodeFrame, type TestRecord } from "../../support/frames.ts";

const BOUNDS = { impossibleKm: 20, impossibleKmh: 1500 };
const SECOND = 1000;
const RECORDED = 1_690_000_000_000;
const IMEI = imeiOf(1);

const record = (more: Partial<TestRecord> = {}): TestRecord => ({
  time: RECORDED,
  priority: 0,
  lonRaw: 252_800_000,
  latRaw: 546_900_000,
  altitude: 100,
  angle: 10,
  satellites: 9,
  speed: 50,
  eventId: 0,
  generationType: 3,
  io: [{ id: 239, hex: "01" }],
  ...more,
});
const OTHER_IO = [{ id: 240, hex: "01" }];

function sent(...frames: readonly (readonly [CodecName, ...TestRecord[]])[]) {
  const one = new SentByConnection();
  for (const [codec, ...records] of frames) {
    const bytes = encodeFrame(codec, records);
    const columns = new AvlColumns();
    parseAvl(bytes, 8, bytes.length - 12, Number.MAX_SAFE_INTEGER, columns);
    one.frame(bytes, 8, columns, BOUNDS);
  }
  return one.message(IMEI, 1024);
}

describe("what a connection has sent", () => {
  test("its codec, and the shape of its periodic records while they have one", () => {
    const { shape } = sent(["8E", record()]);
    expect(shape).not.toBe(0);
    expect(sent(["8E", record(), record({ eventId: 7, io: OTHER_IO })], ["8E", record()])).toMatchObject({ codec: 0x8e, shape });
    expect(sent(["8E", record()], ["8E", record({ io: OTHER_IO })], ["8E", record()])).toMatchObject({ codec: 0x8e, shape: 0 });
    expect(sent(["8E", record()], ["8", record()], ["8", record()])).toMatchObject({ codec: 0, shape: 0 });
    expect(sent(["8", record({ eventId: 7 })])).toMatchObject({ codec: 8, shape: 0 });
  });

  test("its first and its newest position, from records with a fix", () => {
    const none = sent(["8E", record({ satellites: 0 })]);
    expect([none.fixes, none.isSteady]).toEqual([0, true]);
    const frames = [1, 2, 3].map((i) => ["8E", record({ time: RECORDED + i * SECOND, latRaw: 546_900_000 + i })] as const);
    expect(sent(["8E", record({ satellites: 0 })], ...frames)).toMatchObject({
      fixes: 1,
      firstTime: RECORDED + SECOND,
      firstLat: 546_900_001,
      firstLon: 252_800_000,
      newestTime: RECORDED + 3 * SECOND,
      newestLat: 546_900_003,
      isSteady: true,
    });
  });

  test("that its positions jump as no vehicle does", () => {
    const far = record({ time: RECORDED + 60 * SECOND, latRaw: 404_200_000 });
    expect(sent(["8E", record()], ["8E", far], ["8E", far]).isSteady).toBe(false);
    expect(sent(["8E", record()], ["8E", record({ ...far, time: RECORDED + 36_000 * SECOND })]).isSteady).toBe(true);
  });
});

/** Connections that take the device from each other behind one address; each sends one frame. The conflicts told. */
function fight(frames: readonly Uint8Array[], heard = true) {
  const bench = new CodecBench();
  let before: ReturnType<CodecBench["login"]> | null = null;
  for (const bytes of frames) {
    const next = bench.login(IMEI);
    if (before !== null) bench.worker.close(before.connection, heard ? "closed" : "lost");
    bench.worker.data(next.connection, bytes);
    bench.turn();
    bench.pass(SECOND);
    before = next;
  }
  return bench.journal.events.filter((event) => event.type === "conflict").map(conflictPayload);
}
const turns = (count: number, ...records: readonly TestRecord[]): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => {
    const one = records[i % records.length]!;
    return encodeFrame("8E", [{ ...one, time: one.time + i * SECOND }]);
  });

describe("two devices behind one address", () => {
  test("whose records have different elements are told, and what each sends", () => {
    const told = fight(turns(5, record(), record({ io: OTHER_IO })));
    expect(told).toHaveLength(1);
    const { evidence, origins } = told[0]!;
    expect(evidence).toEqual({ rule: "alternations", differ: ["codec"], movement: null });
    const [one, other] = [record(), record({ io: OTHER_IO })].map((each) => {
      const { codec, shape } = sent(["8E", each]);
      return fingerprintText(codec, shape);
    });
    expect(origins.map(({ codec }) => codec)).toEqual([other!, one!]);
  });

  test("that are in two towns are told, heard or not, and what one vehicle would have had to do", () => {
    for (const heard of [true, false]) {
      const told = fight(turns(6, record(), record({ latRaw: 404_200_000 })), heard);
      expect(told.map(({ evidence: { rule, differ } }) => [rule, differ])).toEqual([[heard ? "alternations" : "movement", ["movement"]]]);
      const { movement } = told[0]!.evidence;
      expect([movement!.km, movement!.seconds, Math.round(movement!.kmh! / 1000)]).toEqual([1587, 1, 5712]);
      expect(Math.max(movement!.from.lat, movement!.to.lat) - Math.min(movement!.from.lat, movement!.to.lat)).toBeCloseTo(14.27);
    }
  });

  test("one device that starts again and again is none of them", () => {
    expect(fight(turns(20, record()))).toEqual([]);
    expect(fight(turns(20, record(), record({ satellites: 0 })))).toEqual([]);
    expect(fight(turns(20, record(), record({ eventId: 1, io: OTHER_IO })))).toEqual([]);
    expect(fight(Array.from({ length: 20 }, () => encodeFrame("8E", [record(), record({ io: OTHER_IO })])))).toEqual([]);
  });
});

test("evidence leaves the closes of all connections their room in the ring of claims", () => {
  const bench = new CodecBench({ controlRingBytes: 4096 });
  const open = Array.from({ length: 30 }, (_, i) => bench.login(imeiOf(i + 1)).connection).filter(({ fence }) => fence > 0);
  for (const connection of open) bench.worker.data(connection, encodeFrame("8E", [record()]));
  for (const connection of open) bench.worker.close(connection, "closed");
  bench.turn();
  expect(open.length).toBeGreaterThan(15);
  expect(bench.journal.events.filter((event) => event.type === "disconnected")).toHaveLength(open.length);
});
