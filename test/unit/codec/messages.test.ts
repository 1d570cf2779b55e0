/** Command messages and datagrams whose sizes and counts lie, and whole inputs as `decode` reads them. */
import { describe, expect, test } from "bun:test";
import { fromHex, putU32, toHex } from "../../../src/base/bytes.ts";
import { decodeDatagram, decodeStream } from "../../../src/codec/codec.ts";
import { encodeData, encodeDatagram, encodeFrame, encodeLogin, encodeMessage } from "../../../src/codec/encode.ts";
import { decodeMessages } from "../../../src/codec/teltonika/command.ts";
import { readPacket, udpAnswer } from "../../../src/codec/teltonika/udp.ts";

const IMEI = "352093081452251";
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const of = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;
const messages = (data: Uint8Array): unknown => decodeMessages(data, 0, data.length);
const withSize = (data: Uint8Array, size: number): Uint8Array => {
  const copy = data.slice();
  putU32(copy, 3, size);
  return copy;
};
const record = {
  time: 1,
  priority: 0,
  lon: 0,
  lat: 0,
  altitude: 0,
  angle: 0,
  satellites: 0,
  speed: 0,
  eventId: 0,
  generationType: null,
  io: {},
};
const DATA = encodeData("8", [record]);

describe("decodeMessages", () => {
  const plain = encodeMessage("12", { type: 6, payload: text("getinfo") });

  test("takes one message when the quantity says two", () => {
    expect(messages(plain.with(1, 2).with(plain.length - 1, 2))).toMatchObject([{ type: 6, text: "getinfo" }]);
  });
  test("takes two when their sizes fill the frame", () => {
    const two = Uint8Array.from([...plain.slice(0, -1), ...plain.slice(2)]).with(1, 2);
    expect(messages(two)).toMatchObject([{ text: "getinfo" }, { text: "getinfo" }]);
  });
  test("takes the frame's bounds when the size lies", () => {
    expect(messages(withSize(plain, 3))).toMatchObject([{ text: "getinfo" }]);
    expect(messages(withSize(plain, 0xffffffff))).toMatchObject([{ text: "getinfo" }]);
  });
  test("takes a codec 13 size with and without its time", () => {
    const timed = encodeMessage("13", { type: 6, payload: text("ab"), timeS: 1_699_440_036 });
    const expected = [{ type: 6, text: "ab", time: 1_699_440_036_000, imei: null }];
    expect(messages(timed)).toMatchObject(expected);
    expect(messages(withSize(timed, 2))).toMatchObject(expected);
  });
  test("refuses sizes below what a codec always has", () => {
    for (const [codec, fixed] of [["13", 4], ["14", 8], ["15", 12]] as const) {
      const data = encodeMessage(codec, { type: 6, payload: text("0123456789"), imei: IMEI });
      expect(messages(withSize(data, fixed - 1))).toMatchObject({ fault: "truncated_inside", offset: 3 });
      expect(messages(data.slice(0, 7 + fixed))).toMatchObject({ fault: "truncated_inside" });
    }
    expect(messages(of("0c0100"))).toMatchObject({ fault: "truncated_inside", offset: 2 });
    expect(messages(of("0c01060000000001"))).toMatchObject([{ text: "", hex: "" }]);
  });
  test("has no text for bytes that are none", () => {
    expect(messages(encodeMessage("12", { type: 0x0d, payload: of("00ff80") }))).toMatchObject([{ type: 0x0d, text: null, hex: "00ff80" }]);
  });
  test("has the replacement character as text where the device sent that", () => {
    expect(messages(encodeMessage("12", { type: 6, payload: text("a\ufffd") }))).toMatchObject([{ text: "a\ufffd", hex: "61efbfbd" }]);
    // A letter of four bytes without its last: as many bytes as the replacement has.
    expect(messages(encodeMessage("12", { type: 6, payload: of("f09f98") }))).toMatchObject([{ text: null }]);
  });
  test("shows an IMEI that is not one as it stands", () => {
    const data = encodeMessage("14", { type: 17, payload: text(""), imei: IMEI }).with(7, 0xab);
    expect(messages(data)).toMatchObject([{ imei: "ab52093081452251" }]);
  });
});

describe("a datagram", () => {
  const datagram = encodeDatagram(IMEI, 0xcafe, 5, DATA);
  const faults: [string, Uint8Array, string, number][] = [
    ["without a length", datagram.subarray(0, 1), "truncated", 0],
    ["cut short", datagram.subarray(0, datagram.length - 1), "truncated", 0],
    ["with a length below the least", datagram.with(0, 0).with(1, 23), "bad_length", 0],
    ["with another IMEI length", datagram.with(7, 14), "bad_login", 6],
    ["with a letter in its IMEI", datagram.with(9, 65), "bad_login", 9],
    ["of an unknown codec", datagram.with(23, 7), "unknown_codec", 23],
    ["with counts that differ", datagram.with(datagram.length - 1, 2), "count_mismatch", datagram.length - 1],
    ["of no bytes", new Uint8Array(0), "truncated", 0],
  ];
  for (const [what, bytes, fault, offset] of faults) {
    test(`${what} is refused`, () => expect(decodeDatagram(bytes, 32_768)).toMatchObject([{ fault, offset }]));
  }
  test("may carry several packets; a fault in the second leaves the first", () => {
    const two = Uint8Array.from([...datagram, ...datagram]);
    expect(decodeDatagram(two, 32_768)).toMatchObject([{ imei: IMEI }, { imei: IMEI }]);
    expect(decodeDatagram(two.subarray(0, two.length - 1), 32_768)).toMatchObject([{ imei: IMEI }, {
      fault: "truncated",
      offset: datagram.length,
    }]);
  });
  test("whose length lies has one fault: nothing shows where the next packet begins", () => {
    const lies = datagram.with(1, datagram[1]! - 1);
    expect(decodeDatagram(lies, 32_768)).toMatchObject([{ fault: "count_mismatch" }]);
    expect(decodeDatagram(Uint8Array.from([...datagram, ...lies]), 32_768)).toMatchObject([{ imei: IMEI }, { fault: "count_mismatch" }]);
    const odd = datagram.with(23, 7);
    expect(decodeDatagram(Uint8Array.from([...odd, ...datagram]), 32_768)).toMatchObject([{ fault: "unknown_codec" }, { imei: IMEI }]);
  });
  test("may carry a command frame as TCP has it", () => {
    expect(decodeDatagram(encodeFrame(encodeMessage("12", { type: 6, payload: text("ok") })), 32_768)).toMatchObject([{ codec: "12" }]);
  });
  test("may not carry records as TCP has them: the gateway does not know whose they are", () => {
    expect(decodeDatagram(encodeFrame(DATA), 32_768)).toMatchObject([{ fault: "bad_length", offset: 0 }]);
  });
  test("is answered with its own ids", () => {
    const packet = readPacket(datagram, 0);
    expect("fault" in packet ? packet.error : toHex(udpAnswer(packet, 1))).toBe("0005cafe010501");
  });
});

describe("decodeStream", () => {
  const frame = encodeFrame(DATA);
  test("reads a login and what is glued behind it, with offsets from the start", () => {
    const bad = frame.with(frame.length - 1, frame.at(-1)! ^ 1);
    const all = Uint8Array.from([...encodeLogin(IMEI), 0xff, ...frame, ...bad, ...frame, 9]);
    expect(decodeStream(all, 32_768)).toMatchObject([
      { login: IMEI },
      { ping: 1 },
      { codec: "8", crc: "ok", imei: null },
      { fault: "crc_mismatch", offset: 18 + 2 * frame.length - 4 },
      { codec: "8" },
      { fault: "bad_preamble", offset: 18 + 3 * frame.length },
    ]);
  });
  test("says one fault of a frame whose length lies: nothing shows where it ends", () => {
    for (const length of [DATA.length - 1, DATA.length - 2]) {
      const lies = frame.slice();
      putU32(lies, 4, length);
      expect(decodeStream(lies, 32_768)).toMatchObject([{ fault: "crc_mismatch" }]);
      expect(decodeStream(Uint8Array.from([...frame, ...lies]), 32_768)).toMatchObject([{ codec: "8" }, { fault: "crc_mismatch" }]);
    }
  });
  test("names what is missing or wrong", () => {
    expect(decodeStream(frame.subarray(0, 20), 32_768)).toMatchObject([{ fault: "truncated", offset: 20 }]);
    expect(decodeStream(new Uint8Array(0), 32_768)).toMatchObject([{ fault: "truncated", offset: 0 }]);
    expect(decodeStream(text("GET / HTTP/1.1"), 32_768)).toMatchObject([{ fault: "bad_preamble", offset: 0 }]);
    expect(decodeStream(Uint8Array.of(0, 5, 1), 32_768)).toMatchObject([{ fault: "bad_login", offset: 1 }]);
    expect(decodeStream(frame, 20)).toEqual([{
      error: `Cannot parse frame: length ${DATA.length} exceeds 20`,
      fault: "too_long",
      offset: 4,
    }]);
  });
  test("explains every fault of a data field", () => {
    const errorOf = (data: Uint8Array): unknown => decodeStream(encodeFrame(data), 32_768)[0];
    expect(errorOf(DATA.with(0, 7))).toEqual({ error: "Cannot parse frame: codec 7 is not known", fault: "unknown_codec", offset: 8 });
    expect(errorOf(of("080000"))).toMatchObject({ error: "Cannot parse frame: it has no records", fault: "count_mismatch" });
    expect(errorOf(DATA.with(1, 2))).toMatchObject({ error: "Cannot parse frame: record counts 2 and 1 differ", fault: "count_mismatch" });
    expect(errorOf(of("080101"))).toMatchObject({ fault: "truncated_inside", offset: 10 });
    expect(errorOf(Uint8Array.from([...DATA, 1]))).toMatchObject({
      error: "Cannot parse frame: 1 bytes follow the last record",
      fault: "trailing_bytes",
    });
  });
  test("says how many ids came twice", () => {
    const data = encodeData("8", [{ ...record, io: { "5": "01", "6": "02" } }]);
    expect(decodeStream(encodeFrame(data.with(data.lastIndexOf(6), 5)), 32_768)).toMatchObject([{ repeatedIds: 1 }]);
  });
});
