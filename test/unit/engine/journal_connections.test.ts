/** Which device each connection has, as the journal keeps it. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { asConnId, asDeviceId, connOf } from "../../../src/base/brand.ts";
import { Connections } from "../../../src/engine/journal/connections.ts";
import { Ledger } from "../../../src/store/ledger.ts";

const RINGS = 2;
const SLOTS = [0, 1, 511, 512, 1100, 65_535];
const change = fc.record({
  close: fc.boolean(),
  ring: fc.nat(RINGS),
  slot: fc.constantFrom(...SLOTS),
  generation: fc.constantFrom(0, 1, 65_535),
  device: fc.integer({ min: 1, max: 3 }),
  beside: fc.boolean(),
  records: fc.nat(100),
});

test("each connection is what it was opened as, until it is closed or another one has its slot", () => {
  fc.assert(fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
    const ledger = new Ledger();
    for (const id of ["a", "b", "c"]) ledger.addNext(asDeviceId(id));
    const connections = new Connections(RINGS, ledger);
    const model = new Map<
      string,
      { conn: number; device: number; fence: number; isBeside: boolean; records: number; lastByteAt: number }
    >();
    for (const [i, one] of changes.entries()) {
      const conn = connOf(one.slot, one.generation);
      const key = `${one.ring}:${one.slot}`;
      if (one.close) {
        connections.close(one.ring, conn);
        if (model.get(key)?.conn === conn) model.delete(key);
      } else {
        connections.open(one.ring, conn, one.device as never, i, 2 * i, one.beside);
        // The last ring has no workers.
        if (one.ring < RINGS) model.set(key, { conn, device: one.device, fence: i, isBeside: one.beside, records: 0, lastByteAt: 2 * i });
      }
      const found = connections.find(one.ring, conn);
      if (found !== undefined) {
        found.records += one.records;
        found.lastByteAt = i;
        Object.assign(model.get(key)!, { records: model.get(key)!.records + one.records, lastByteAt: i });
      }
      for (const [place, expected] of model) {
        const { device, fence, isBeside, records, lastByteAt } = connections.find(Number(place.split(":")[0]), expected.conn)!;
        expect({ conn: expected.conn, device: device.no as number, fence: fence as number, isBeside, records, lastByteAt }).toEqual(
          expected,
        );
      }
      if (!model.has(key)) expect(connections.find(one.ring, conn)).toBeUndefined();
      expect(connections.find(one.ring, asConnId(conn + 0x1_0000))?.fence as number | undefined)
        .toBe(model.get(key)?.conn === asConnId(conn + 0x1_0000) ? model.get(key)!.fence : undefined);
    }
  }));
});
