/** The tests' own encoder, held against the vendor's published frames: an oracle that lies would make every other test lie. */
import { describe, expect, test } from "bun:test";
import { crc16, encodeCommand, encodeFrame, encodeLogin, expectedJson, fromHex, type TestRecord } from "../support/frames.ts";

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const base: TestRecord = {
  time: 1560161086000,
  priority: 1,
  lonRaw: 0,
  latRaw: 0,
  altitude: 0,
  angle: 0,
  satellites: 0,
  speed: 0,
  eventId: 1,
  generationType: 5,
  io: [{ id: 21, hex: "03" }, { id: 1, hex: "01" }, { id: 66, hex: "5e0f" }, { id: 241, hex: "0000601a" }, {
    id: 78,
    hex: "0000000000000000",
  }],
};

describe("the tests' encoder", () => {
  test("checksum of 123456789 is BB3D", () => {
    expect(crc16(new TextEncoder().encode("123456789"))).toBe(0xbb3d);
  });

  test("login block is the vendor's", () => {
    expect(hex(encodeLogin("356307042441013"))).toBe("000f333536333037303432343431303133");
  });

  test("Codec 8 frame is the vendor's", () => {
    expect(hex(encodeFrame("8", [base]))).toBe(
      "000000000000003608010000016b40d8ea30010000000000000000000000000000000105021503010101425e0f01f10000601a014e0000000000000000010000c7cf",
    );
  });

  test("Codec 8E frame is the vendor's", () => {
    const io = [{ id: 1, hex: "01" }, { id: 17, hex: "001d" }, { id: 16, hex: "015e2c88" }, { id: 11, hex: "000000003544c87a" }, {
      id: 14,
      hex: "000000001dd7e06a",
    }];
    expect(hex(encodeFrame("8E", [{ ...base, time: 1560166592000, io }]))).toBe(
      "000000000000004a8e010000016b412cee000100000000000000000000000000000000010005000100010100010011001d00010010015e2c880002000b000000003544c87a000e000000001dd7e06a00000100002994",
    );
  });

  test("Codec 16 frame is the vendor's", () => {
    const first: TestRecord = {
      ...base,
      time: 1562760414000,
      priority: 0,
      eventId: 11,
      io: [{ id: 1, hex: "00" }, { id: 3, hex: "00" }, { id: 11, hex: "0027" }, { id: 66, hex: "563a" }],
    };
    const second: TestRecord = {
      ...first,
      time: 1562760415000,
      io: [{ id: 1, hex: "00" }, { id: 3, hex: "00" }, { id: 11, hex: "0026" }, { id: 66, hex: "563a" }],
    };
    expect(hex(encodeFrame("16", [first, second]))).toBe(
      "000000000000005f10020000016bdbc7833000000000000000000000000000000000000b05040200010000030002000b00270042563a00000000016bdbc7871800000000000000000000000000000000000b05040200010000030002000b00260042563a00000200005fb3",
    );
  });

  test("Codec 12 response is the vendor's form", () => {
    expect(hex(encodeCommand("getinfo", 5))).toBe("000000000000000f0c010500000007676574696e666f0100004312");
  });

  test("what REST must show keeps signs and seven decimals", () => {
    const shown = expectedJson("16", { ...base, lonRaw: -252_797_001, latRaw: 546_872_000, altitude: -12 });
    expect(shown).toMatchObject({ lon: -25.2797001, lat: 54.6872, altitude: -12, generationType: 5, io: { 66: "5e0f" } });
    expect(fromHex("5e0f")).toEqual(Uint8Array.of(0x5e, 0x0f));
  });
});
