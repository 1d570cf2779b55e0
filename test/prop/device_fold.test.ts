/** A fold of devices against the events it was given. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { asDeviceNo, asFence, asSeq } from "../../src/base/brand.ts";
import { DeviceFold } from "../../src/store/device_fold.ts";
import { EntryView, eventEntry } from "../../src/store/entry.ts";
import { TRANSPORTS } from "../../src/wire/control.ts";

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

test("a fold says of a device what its connects said, whatever identity and origin they name", () => {
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
