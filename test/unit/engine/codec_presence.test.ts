/** What a takeover tells of the connection that lost the device: as its worker last wrote it down. */
import { describe, expect, test } from "bun:test";
import { CodecBench } from "../../support/codec_bench.ts";
import { TestDevice } from "../../support/fleet.ts";

const device = new TestDevice(1, "8E");
const frame = (): Uint8Array => device.frame(device.records(1)).bytes;
const WALL = 1_700_000_000_000;

/** Three frames at one time, verdicts for `settled` of them, then a second connection. */
function taken(settled: number) {
  const bench = new CodecBench();
  const { connection } = bench.login(device.imei);
  bench.pass(500);
  const heardAt = WALL + bench.now;
  let verdicts = 0;
  bench.journal.verdict = () => (verdicts++ < settled ? 0 : null);
  for (let i = 0; i < 3; i++) bench.worker.data(connection, frame());
  bench.turn();
  bench.pass(700);
  bench.login(device.imei);
  const told = bench.journal.events.find((event) => event.type === "replaced")!;
  return { told, heardAt };
}

describe("a takeover tells of the old connection", () => {
  test("when its last byte came", () => {
    const { told, heardAt } = taken(3);
    expect([told.oldLastByteAt, told.at - told.oldLastByteAt]).toEqual([heardAt, 700]);
  });

  test.each([0, 2, 3])("how many frames it had without a verdict, %d of 3 having one", (settled) => {
    expect(taken(settled).told.oldInFlight).toBe(3 - settled);
  });

  test("its last byte even when it sent nothing but its login", () => {
    const bench = new CodecBench();
    bench.login(device.imei);
    const since = WALL + bench.now;
    bench.pass(300);
    bench.login(device.imei);
    const told = bench.journal.events.find((event) => event.type === "replaced")!;
    expect([told.oldLastByteAt, told.oldInFlight]).toEqual([since, 0]);
  });
});
