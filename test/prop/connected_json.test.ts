/** The events of connects, read in place, against JSON.parse. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { asDeviceNo, asFence, asSeq } from "../../src/base/brand.ts";
import { unpackIpv4 } from "../../src/base/ipv4.ts";
import { ConnectedJson } from "../../src/store/connected_json.ts";
import { DeviceFold } from "../../src/store/device_fold.ts";
import { EntryView, eventEntry } from "../../src/store/entry.ts";
import { TRANSPORTS } from "../../src/wire/control.ts";

const encoder = new TextEncoder();
const digits = fc.string({ unit: fc.constantFrom("0", "3", "9"), minLength: 1, maxLength: 16 });
const event = fc.record({
  at: fc.nat(2 ** 31),
  id: fc.oneof(digits, fc.string({ maxLength: 5 })),
  transport: fc.constantFrom(...TRANSPORTS),
  origin: fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV4(), fc.ipV6(), fc.constantFrom("", "0.0.0.0", "01.2.3.4", "1.2.3", "1.2.3.400")),
    port: fc.nat(65_535),
    clientInstance: fc.oneof(fc.constant(""), fc.string({ maxLength: 3 })),
  }),
});

test("what is read in place is what JSON.parse reads", () => {
  const json = new ConnectedJson();
  let read = 0;
  fc.assert(
    fc.property(event, fc.nat(40), (one, before) => {
      const text = encoder.encode(JSON.stringify(one));
      const bytes = new Uint8Array(before + text.length + 7).fill(0x7d);
      bytes.set(text, before);
      if (!json.read(bytes, before, before + text.length)) return;
      read++;
      const { transport, address, port, id } = json;
      const origin = { address: unpackIpv4(address), port, clientInstance: "" };
      expect({ id, transport, origin }).toEqual({ id: one.id, transport: one.transport, origin: one.origin });
    }),
    { numRuns: 1000 },
  );
  expect(read).toBeGreaterThan(50);
});

test("a text that differs from that form in one byte is not read, or says what JSON.parse says", () => {
  const plain = JSON.stringify({
    at: 1_700_000_000_000,
    id: "356307042441013",
    transport: "tcp",
    origin: { address: "10.20.30.40", port: 5027, clientInstance: "" },
  });
  const json = new ConnectedJson();
  expect(json.read(encoder.encode(plain), 0, plain.length)).toBe(true);
  fc.assert(
    fc.property(fc.nat(plain.length - 1), fc.oneof(fc.nat(127), fc.integer({ min: 0x2e, max: 0x39 })), fc.nat(3), (at, code, how) => {
      const bytes = encoder.encode(plain);
      bytes[at] = code;
      const end = how === 0 ? bytes.length - 1 : bytes.length;
      if (!json.read(bytes, 0, end)) return;
      const parsed = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as {
        id: string;
        origin: { address: string; port: number };
      };
      expect([json.id, unpackIpv4(json.address), json.port]).toEqual([parsed.id, parsed.origin.address, parsed.origin.port]);
    }),
    { numRuns: 10_000 },
  );
});

test("a fold says the same of a device whichever way its event was read", () => {
  fc.assert(fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), (events) => {
    const fold = new DeviceFold();
    const no = asDeviceNo(1);
    for (const [i, one] of events.entries()) {
      const view = new EntryView().over(eventEntry("connected", no, asFence(i + 1), one.at, one));
      view.load(0);
      fold.apply(view, asSeq(i + 1));
    }
    const { id, transport, address, port, clientInstance, fence, older } = fold.byNo(no)!;
    expect({ id: id as string, transport, origin: { address, port, clientInstance } }).toEqual({
      id: events[0]!.id,
      transport: events.at(-1)!.transport,
      origin: events.at(-1)!.origin,
    });
    expect([...older, fence as number]).toEqual(events.map((_, i) => i + 1));
  }));
});
