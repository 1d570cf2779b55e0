/** What the trackers of a rehearsal send: a login, and a few frames as trackers in the field send them. */
import { putU64 } from "../../base/bytes.ts";
import { encodeData, encodeFrame } from "../../codec/encode.ts";
import type { AvlRecord } from "../../codec/record.ts";
import { recordEnd } from "../../codec/teltonika/avl.ts";
import type { AvlCodecName } from "../../codec/teltonika/codec_id.ts";

const CODECS: readonly AvlCodecName[] = ["8", "8E", "16"];
const RECORDS = [1, 4, 4, 20] as const;
const SECOND_MS = 1000;
/** Behind codec id and count. */
const FIRST_RECORD = 2;

/** Data fields, codec id .. second count, whose first record has the time `start`, ms. */
export function sampleData(start: number): Uint8Array<ArrayBuffer>[] {
  return CODECS.flatMap((codec) =>
    RECORDS.map((count) => encodeData(codec, Array.from({ length: count }, (_, i) => record(codec, start + i * SECOND_MS))))
  );
}

/** Gives the records of a data field new times: `start`, ms, and a second from one to the next. */
export function setTimes(data: Uint8Array, start: number): void {
  const codec = data[0]!;
  const end = data.length - 1;
  for (let at = FIRST_RECORD, time = start; at < end; time += SECOND_MS) {
    putU64(data, at, time);
    at = recordEnd(codec, data, at, end);
  }
}

/** The same as whole frames. */
export const sampleFrames = (start: number): Uint8Array[] => sampleData(start).map((data) => encodeFrame(data));

const record = (codec: AvlCodecName, time: number): AvlRecord => ({
  time,
  priority: 0,
  lon: 25.2797,
  lat: 54.6872,
  altitude: 110,
  angle: 90,
  satellites: 12,
  speed: 50,
  eventId: 0,
  generationType: codec === "16" ? 7 : null,
  io: { 239: "01", 240: "01", 21: "04", 24: "0032", 66: "30d4", 67: "0fa0", 16: "0001e240" },
});
