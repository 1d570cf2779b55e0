/** What each byte of a data field means: all of them, once, and as the decoder has it; also where it stops. */
import { expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import { decodeRawFrame, judgeFrame } from "../../../src/codec/raw_frame.ts";
import { layoutOf } from "../../../src/codec/teltonika/layout.ts";
import { TestDevice } from "../../support/fleet.ts";
import { CODEC_NAMES } from "../../support/frames.ts";

const dataOf = (frame: Uint8Array): Uint8Array => frame.slice(8, frame.length - 4);

/** Every byte in exactly one field, in order. */
function covers(data: Uint8Array): boolean {
  let at = 0;
  for (const field of layoutOf(data)) {
    if (field.at !== at || field.length < 1) return false;
    at += field.length;
  }
  return at === data.length;
}

test.each([...CODEC_NAMES])("codec %s: fields cover every byte once and say what the decoder says", (codec) => {
  const device = new TestDevice(7, codec);
  for (let round = 0; round < 50; round++) {
    const data = dataOf(device.frame(device.records(1 + (round % 4))).bytes);
    expect(covers(data)).toBe(true);
    const fields = layoutOf(data);
    expect(fields.some(({ isOdd }) => isOdd)).toBe(false);
    decodeRawFrame(data).forEach((record, i) => {
      const own = fields.filter((field) => field.record === i);
      const said = (name: string) => own.find((field) => field.name === name)?.value;
      expect(said("time")).toBe(new Date(record.time).toISOString());
      expect([said("longitude"), said("latitude"), said("speed")]).toEqual([`${record.lon}°`, `${record.lat}°`, `${record.speed} km/h`]);
      const io = Object.fromEntries(own.flatMap((field) => field.io === null ? [] : [[field.io.id, field.io.hex]]));
      expect(io).toEqual({ ...record.io });
      expect(
        own.filter((field) => field.io !== null).every(({ at, length, io: value }) => toHex(data, at, at + length).endsWith(value!.hex)),
      ).toBe(true);
    });
  }
});

test("where the decoder stops is said, and every byte is still there, whatever the bytes", () => {
  const device = new TestDevice(8, "8E");
  const good = dataOf(device.frame(device.records(3)).bytes);
  for (let length = 1; length < good.length; length++) {
    const cut = good.slice(0, length);
    expect(covers(cut)).toBe(true);
    expect(layoutOf(cut).at(-1)!.isOdd || length < 3).toBe(true);
  }
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice();
    changed[at]! ^= 0xff;
    expect(covers(changed)).toBe(true);
    expect(layoutOf(changed).some(({ isOdd }) => isOdd)).toBe(judgeFrame(changed).records === null);
  }
  expect(layoutOf(new Uint8Array(0))).toEqual([]);
  expect(layoutOf(Uint8Array.of(7, 1, 2))).toMatchObject([{ name: "codec", value: "7, not known" }, {
    name: "not understood",
    length: 2,
    isOdd: true,
  }]);
});
