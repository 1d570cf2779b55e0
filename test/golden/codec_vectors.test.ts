/** Every worked example, valid or not, through the facade, the framer and the columnar parser, and back through the encoders. */
import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { decodeDatagram, type DecodedRecords, decodeStream } from "../../src/codec/codec.ts";
import { encodeData, encodeDatagram, encodeFrame, encodeLogin, encodeMessage } from "../../src/codec/encode.ts";
import { AvlColumns, Fault, parseAvl } from "../../src/codec/teltonika/avl.ts";
import type { AvlCodecName } from "../../src/codec/teltonika/codec_id.ts";
import { readPacket, udpAnswer } from "../../src/codec/teltonika/udp.ts";
import { ALL_VECTORS, recordOf, type Vector, VENDOR_VECTORS } from "./codec_vectors.ts";

const FRAME_BYTES = 32_768;

function bytesOf(vector: Vector): Uint8Array {
  const bytes = fromHex(vector.hex);
  if (typeof bytes === "number") throw new Error(`${vector.name} is not hex`);
  return bytes;
}

function expectedOf({ expected, transport }: Vector): object {
  if (expected.kind === "imei") return { login: expected.imei };
  if (expected.kind === "ping") return { ping: 1 };
  if (expected.records !== undefined) {
    const imei = transport === "udp" ? expected.imei : null;
    return { codec: expected.codec, imei, records: expected.records.map(recordOf), crc: transport === "udp" ? null : "ok" };
  }
  const messages = expected.messages!.map((message) => ({
    type: message.type,
    text: message.text,
    hex: message.payload_hex,
    imei: message.imei ?? null,
    time: message.timestamp_s === undefined ? null : message.timestamp_s * 1000,
  }));
  return { codec: expected.codec, messages };
}

describe("golden vector", () => {
  test("all of the vendor's examples are carried", () => {
    expect(VENDOR_VECTORS.length).toBe(22);
  });

  for (const vector of ALL_VECTORS) {
    const { expected } = vector;
    const bytes = bytesOf(vector);
    const decode = (): object[] => vector.transport === "udp" ? decodeDatagram(bytes, FRAME_BYTES) : decodeStream(bytes, FRAME_BYTES);
    if (!expected.strict_ok) {
      test(`${vector.name} is refused as ${expected.error}`, () => {
        expect(decode()).toMatchObject([{ fault: expected.error, offset: bytes.length - 4 }]);
      });
      continue;
    }
    test(`${vector.name} decodes to what it says`, () => {
      expect(decode()).toEqual([expectedOf(vector)]);
    });
    if (expected.records !== undefined) {
      test(`${vector.name} gives columns that agree with its records`, () => checkColumns(vector, bytes));
    }
    if (expected.kind === "imei") {
      test(`${vector.name} encodes to its bytes`, () => expect(toHex(encodeLogin(expected.imei!))).toBe(vector.hex));
    }
    if (expected.messages !== undefined) {
      test(`${vector.name} encodes to its bytes`, () => {
        const { type, payload_hex, imei, timestamp_s } = expected.messages![0]!;
        const message = {
          type,
          payload: fromHex(payload_hex) as Uint8Array,
          ...(imei && { imei }),
          ...(timestamp_s && { timeS: timestamp_s }),
        };
        expect(toHex(encodeFrame(encodeMessage(expected.codec as "12", message)))).toBe(vector.hex);
      });
    }
  }
});

function checkColumns(vector: Vector, bytes: Uint8Array): void {
  const { expected } = vector;
  const packet = vector.transport === "udp" ? readPacket(bytes, 0) : { start: 8, length: expected.data_length! };
  if ("fault" in packet) throw new Error(packet.error);
  const columns = new AvlColumns();
  const newest = Date.parse("2030-01-01");
  expect(parseAvl(bytes, packet.start, packet.length, newest, columns)).toBe(Fault.none);
  const times = expected.records!.map((record) => record.timestamp_ms);
  expect(columns.codec).toBe(expected.codec_id!);
  expect(columns.n).toBe(expected.n1!);
  expect([...columns.times.subarray(0, columns.n)]).toEqual(times);
  expect(columns.minTime).toBe(Math.min(...times));
  expect(columns.maxTime).toBe(Math.max(...times));
  expect(columns.offsets[0]).toBe(2);
  expect(columns.offsets[columns.n]).toBe(packet.length - 1);
  // Encoding again orders ids and groups by width, so what is compared is what it decodes to.
  const [decoded] = vector.transport === "udp" ? decodeDatagram(bytes, FRAME_BYTES) : decodeStream(bytes, FRAME_BYTES);
  const data = encodeData(expected.codec as AvlCodecName, (decoded as DecodedRecords).records);
  if ("packetId" in packet) {
    expect(toHex(udpAnswer(packet, columns.n))).toBe(expected.ack!);
    expect(decodeDatagram(encodeDatagram(packet.imei, packet.packetId, packet.avlPacketId, data), FRAME_BYTES)).toEqual([decoded!]);
  } else expect(decodeStream(encodeFrame(data), FRAME_BYTES)).toEqual([decoded!]);
}
