/** The UDP channel's packets: what is put together is taken apart again, and nothing that can be received leaves its bounds. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { encodeDatagram } from "../../src/codec/encode.ts";
import { AvlColumns, Fault, parseAvl } from "../../src/codec/teltonika/avl.ts";
import { readPacket, udpAnswer, type UdpPacket, wholeBeginning } from "../../src/codec/teltonika/udp.ts";
import { avlData, avlRecord } from "../support/avl_data.ts";

const NEWEST = Number.MAX_SAFE_INTEGER;
const byte = fc.integer({ min: 0, max: 255 });
const imei = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 15, maxLength: 15 }).map((digits) => digits.join(""));
const codec = fc.constantFrom(0x08, 0x8e, 0x10);
/** A data field of 1 to 6 records with a few values each. */
const data = fc.tuple(
  codec,
  fc.array(fc.tuple(fc.nat(2 ** 40), fc.dictionary(fc.integer({ min: 1, max: 250 }).map(String), byte, { maxKeys: 4 })), {
    minLength: 1,
    maxLength: 6,
  }),
)
  .map(([id, records]) => avlData(id, records.map(([time, io]) => avlRecord(id, { time, io: io as Record<number, number> }))).data);
const sent = fc.record({ imei, packetId: fc.integer({ min: 0, max: 0xffff }), avlPacketId: byte, data });

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** All packets up to the first fault, as the gateway walks them. */
function walk(bytes: Uint8Array): { packets: UdpPacket[]; fault: string | null } {
  const packets: UdpPacket[] = [];
  for (let at = 0; at < bytes.length;) {
    const packet = readPacket(bytes, at);
    if ("fault" in packet) return { packets, fault: packet.fault };
    expect(packet.start).toBeGreaterThan(at);
    expect(packet.length).toBeGreaterThanOrEqual(3);
    expect(packet.start + packet.length).toBeLessThanOrEqual(bytes.length);
    packets.push(packet);
    at = packet.start + packet.length;
  }
  return { packets, fault: null };
}

describe("channel packets", () => {
  test("in any number in one datagram come out as they went in, and each has its own answer", () => {
    fc.assert(fc.property(fc.array(sent, { minLength: 1, maxLength: 8 }), (all) => {
      const bytes = joined(all.map((one) => encodeDatagram(one.imei, one.packetId, one.avlPacketId, one.data)));
      const { packets, fault } = walk(bytes);
      expect(fault).toBeNull();
      expect(packets.map((packet) => ({
        imei: packet.imei,
        packetId: packet.packetId,
        avlPacketId: packet.avlPacketId,
        data: toHex(bytes, packet.start, packet.start + packet.length),
      }))).toEqual(all.map((one) => ({ ...one, data: toHex(one.data) })));
      for (const [i, packet] of packets.entries()) {
        const { packetId, avlPacketId, data: field } = all[i]!;
        expect([...udpAnswer(packet, field[1]!)]).toEqual([0, 5, packetId >> 8, packetId & 0xff, 1, avlPacketId, field[1]!]);
      }
    }));
  });

  test("cut, changed or made up never throw, leave the datagram or stand still", () => {
    const change = fc.record({ at: fc.nat(), to: byte });
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 4 }),
        fc.array(change, { maxLength: 6 }),
        fc.nat(),
        fc.uint8Array({ maxLength: 40 }),
        (all, changes, cut, more) => {
          const bytes = joined([...all.map((one) => encodeDatagram(one.imei, one.packetId, one.avlPacketId, one.data)), more]);
          for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to;
          const { packets } = walk(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1))));
          const columns = new AvlColumns();
          for (const { start, length } of packets) parseAvl(bytes, start, length, NEWEST, columns);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("the whole records at the beginning", () => {
  test("of a packet with changed bytes are a good packet of fewer records, the same byte for byte", () => {
    let parts = 0;
    fc.assert(
      fc.property(
        data,
        fc.array(fc.record({ at: fc.nat(), to: byte }), { minLength: 1, maxLength: 3 }),
        fc.nat(20),
        (field, changes, before) => {
          const bytes = joined([new Uint8Array(before), field]);
          // The counts stand: else it is no beginning of anything.
          for (const { at, to } of changes) bytes[before + 2 + (at % (field.length - 3))] = to;
          const columns = new AvlColumns();
          const fault = parseAvl(bytes, before, field.length, NEWEST, columns);
          const part = wholeBeginning(bytes, before, fault, columns);
          if (fault !== Fault.truncatedInside) return expect(part).toBeNull();
          if (part === null) return expect(columns.faultAt).toBe(2);
          parts++;
          const n = part[1]!;
          expect(n).toBeGreaterThan(0);
          expect(n).toBeLessThan(field[1]!);
          const again = new AvlColumns();
          expect(parseAvl(part, 0, part.length, NEWEST, again)).toBe(Fault.none);
          expect([part[0], part.at(-1), again.n]).toEqual([bytes[before], n, n]);
          expect(toHex(part, 2, part.length - 1)).toBe(toHex(bytes, before + 2, before + columns.faultAt));
        },
      ),
      { numRuns: 3000 },
    );
    expect(parts).toBeGreaterThan(20);
  });

  test("do not exist where the counts differ or bytes are left over", () => {
    const { data: field } = avlData(8, [avlRecord(8, { time: 1 }), avlRecord(8, { time: 2 })]);
    const columns = new AvlColumns();
    for (
      const spoil of [(bytes: Uint8Array) => (bytes[bytes.length - 1] = 3), (bytes: Uint8Array) => (bytes[1] = bytes[bytes.length - 1] = 1)]
    ) {
      const bytes = field.slice();
      spoil(bytes);
      const fault = parseAvl(bytes, 0, bytes.length, NEWEST, columns);
      expect([fault === Fault.none, wholeBeginning(bytes, 0, fault, columns)]).toEqual([false, null]);
    }
  });
});
