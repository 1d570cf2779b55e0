/**
 * An oracle for what the wire carries: builds Codec 8, 8E and 16 frames and says what REST must show for each record.
 * Written from the protocol's tables alone; shares no code with src/codec, so that both cannot be wrong together.
 */
export type CodecName = "8" | "8E" | "16";
export const CODEC_NAMES = ["8", "8E", "16"] as const;
const CODEC_ID: Readonly<Record<CodecName, number>> = { "8": 0x08, "8E": 0x8e, "16": 0x10 };

/** One IO value: its id and its bytes as hex. 1, 2, 4 and 8 bytes go into their groups, other lengths into NX (8E only). */
export interface IoValue {
  readonly id: number;
  readonly hex: string;
}

/** One record, positions in degrees × 10^7. */
export interface TestRecord {
  readonly time: number;
  readonly priority: number;
  readonly lonRaw: number;
  readonly latRaw: number;
  readonly altitude: number;
  readonly angle: number;
  readonly satellites: number;
  readonly speed: number;
  readonly eventId: number;
  readonly generationType: number;
  readonly io: readonly IoValue[];
}

/** RECORD of the interface. */
export interface RecordJson {
  readonly time: number;
  readonly priority: number;
  readonly lon: number;
  readonly lat: number;
  readonly altitude: number;
  readonly angle: number;
  readonly satellites: number;
  readonly speed: number;
  readonly eventId: number;
  readonly generationType: number | null;
  readonly io: Readonly<Record<string, string>>;
}

/** What the gateway must show of `record` sent in `codec`. */
export function expectedJson(codec: CodecName, record: TestRecord): RecordJson {
  const io: Record<string, string> = {};
  for (const group of groupsOf(codec, record)) for (const value of group) io[String(value.id)] = value.hex;
  return {
    time: record.time,
    priority: record.priority,
    lon: record.lonRaw / 1e7,
    lat: record.latRaw / 1e7,
    altitude: record.altitude,
    angle: record.angle,
    satellites: record.satellites,
    speed: record.speed,
    eventId: record.eventId,
    generationType: codec === "16" ? record.generationType : null,
    io,
  };
}

/** Only the RECORD fields of a bigger object. */
export function recordPart(stored: RecordJson): RecordJson {
  const { time, priority, lon, lat, altitude, angle, satellites, speed, eventId, generationType, io } = stored;
  return { time, priority, lon, lat, altitude, angle, satellites, speed, eventId, generationType, io };
}

/** One text for equal records: fields in one order, io by id. */
export function keyOf(record: RecordJson): string {
  const { io, ...rest } = recordPart(record);
  return `${Object.values(rest).join("|")}|${Object.entries(io).map(([id, hex]) => `${id}=${hex}`).sort().join(",")}`;
}

/** CRC-16/IBM, bit by bit. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

const big = (value: number | bigint, bytes: number): number[] => {
  const bits = BigInt.asUintN(bytes * 8, BigInt(value));
  return Array.from({ length: bytes }, (_, i) => Number((bits >> BigInt(8 * (bytes - 1 - i))) & 0xffn));
};

function groupsOf(codec: CodecName, record: TestRecord): IoValue[][] {
  const width = (n: number): IoValue[] => record.io.filter((value) => value.hex.length === 2 * n);
  const groups = [width(1), width(2), width(4), width(8)];
  if (codec === "8E") groups.push(record.io.filter((value) => ![2, 4, 8, 16].includes(value.hex.length)));
  return groups;
}

function recordBytes(codec: CodecName, record: TestRecord): number[] {
  const idWidth = codec === "8" ? 1 : 2;
  const countWidth = codec === "8E" ? 2 : 1;
  const groups = groupsOf(codec, record);
  const bytes = [
    ...big(record.time, 8),
    record.priority,
    ...big(record.lonRaw, 4),
    ...big(record.latRaw, 4),
    ...big(record.altitude, 2),
    ...big(record.angle, 2),
    record.satellites,
    ...big(record.speed, 2),
    ...big(record.eventId, idWidth),
  ];
  if (codec === "16") bytes.push(record.generationType);
  bytes.push(...big(groups.reduce((sum, group) => sum + group.length, 0), countWidth));
  groups.forEach((group, index) => {
    bytes.push(...big(group.length, countWidth));
    for (const value of group) {
      bytes.push(...big(value.id, idWidth));
      if (index === 4) bytes.push(...big(value.hex.length / 2, 2));
      bytes.push(...fromHex(value.hex));
    }
  });
  return bytes;
}

/** Preamble, length, `data`, CRC. */
export function frameAround(data: Uint8Array | readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(data);
  return Uint8Array.from([0, 0, 0, 0, ...big(bytes.length, 4), ...bytes, 0, 0, ...big(crc16(bytes), 2)]);
}

/** A whole TCP frame with these records. */
export function encodeFrame(codec: CodecName, records: readonly TestRecord[]): Uint8Array {
  return frameAround([CODEC_ID[codec], records.length, ...records.flatMap((record) => recordBytes(codec, record)), records.length]);
}

/** The login block of an IMEI. */
export const encodeLogin = (imei: string): Uint8Array => Uint8Array.from([...big(imei.length, 2), ...new TextEncoder().encode(imei)]);

/** A Codec 12 frame with one message (6: a response) of this text. */
export function encodeCommand(text: string, type = 6): Uint8Array {
  const payload = new TextEncoder().encode(text);
  return frameAround([0x0c, 1, type, ...big(payload.length, 4), ...payload, 1]);
}
