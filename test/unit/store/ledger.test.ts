/** What the journal knows of its devices. */
import { expect, test } from "bun:test";
import { asDeviceId, asDeviceNo, asFence, asSeq } from "../../../src/base/brand.ts";
import { Coverage } from "../../../src/store/coverage.ts";
import type { DeviceRow } from "../../../src/store/device_row.ts";
import { Ledger } from "../../../src/store/ledger.ts";

const row = (no: number, id: string, floor: number, coverage: Uint8Array | null): DeviceRow => ({
  state: {
    no: asDeviceNo(no),
    id: asDeviceId(id),
    connected: false,
    fence: asFence(0),
    transport: "tcp",
    address: "",
    port: 0,
    clientInstance: "",
    since: 0,
    lastSeenAt: 0,
    lastByteAt: 0,
    records: 0,
    position: null,
  },
  older: [],
  mark: asSeq(0),
  floor,
  newest: 5,
  coverage,
});

test("a device is known by number and identity, and plain until there is more to know", () => {
  const ledger = new Ledger();
  const one = ledger.addNext(asDeviceId("356307042441013"));
  const two = ledger.addNext(asDeviceId("tractor"));
  expect([one, two, ledger.size] as number[]).toEqual([1, 2, 2]);
  expect([ledger.numberOf(asDeviceId("tractor")), ledger.numberOf(asDeviceId("plough"))] as number[]).toEqual([2, 0]);
  expect([ledger.isPlain(one), ledger.isPlain(two)]).toEqual([true, true]);
  ledger.raiseFloor(two, 2048);
  ledger.raiseFloor(two, 1024);
  expect([ledger.isPlain(one), ledger.isPlain(two), ledger.byId(asDeviceId("tractor"))!.floor]).toEqual([true, false, 2048]);
  expect(ledger.byNo(two)).toBe(ledger.byId(asDeviceId("tractor"))!);
  expect([ledger.byNo(asDeviceNo(3)), ledger.byNo(asDeviceNo(0)), ledger.byId(asDeviceId("plough"))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("what a batch covers counts after its commit, and is forgotten with a failed one", () => {
  const ledger = new Ledger();
  const device = ledger.byNo(ledger.addNext(asDeviceId("a")))!;
  ledger.overlay(device).add(10, 20, 0, 8);
  expect(ledger.overlay(device).pairs()).toEqual([[10, 20]]);
  ledger.discard();
  expect([device.coverage, device.overlay]).toEqual([null, null]);
  const overlay = ledger.overlay(device);
  expect(overlay.pairs()).toEqual([]);
  overlay.add(30, 40, 0, 8);
  overlay.newest = 40;
  ledger.merge();
  expect([device.coverage!.pairs(), device.coverage!.newest, device.overlay]).toEqual([[[30, 40]], 40, null]);
  ledger.overlay(device).add(90, 95, 0, 8);
  expect(ledger.overlay(device).newest).toBe(40);
  ledger.discard();
  expect(device.coverage!.pairs()).toEqual([[30, 40]]);
});

test("rows bring back floors and coverage, of devices in any order", () => {
  const ledger = new Ledger();
  const coverage = new Coverage();
  coverage.add(1, 5, 0, 8);
  ledger.restore(row(3, "c", 0, coverage.encode()));
  ledger.restore(row(1, "a", 0, null));
  ledger.restore(row(2, "b", 4096, new Uint8Array(0)));
  expect([1, 2, 3].map((no) => ledger.isPlain(asDeviceNo(no)))).toEqual([true, false, false]);
  const [b, c] = [ledger.byNo(asDeviceNo(2))!, ledger.byNo(asDeviceNo(3))!];
  expect([b.floor, b.coverage, c.coverage!.pairs(), c.coverage!.newest]).toEqual([4096, null, [[1, 5]], 5]);
  expect(ledger.addNext(asDeviceId("d")) as number).toBe(4);
});
