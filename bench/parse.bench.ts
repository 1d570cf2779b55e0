/** The data field of a frame into columns, as codec workers do it; and whole frames through the framer, CRC included. */
import { AvlColumns, Fault, parseAvl } from "../src/codec/teltonika/avl.ts";
import { FRAME_OVERHEAD, Framer, type FrameSink, Next } from "../src/codec/framer.ts";
import { TestDevice } from "../test/support/fleet.ts";
import { CODEC_NAMES, type CodecName, encodeFrame } from "../test/support/frames.ts";
import type { Case, Suite } from "./suite.ts";

const NEWEST = Number.MAX_SAFE_INTEGER;
const MAX_FRAME = 32_768;
const PER_FRAME = 4;
const FRAMES = 16;

/** Different records one after another, so that no branch is learned by heart. */
function dataFields(codec: CodecName, records: number): Uint8Array[] {
  const device = new TestDevice(1, codec);
  return Array.from({ length: FRAMES }, () => encodeFrame(codec, device.records(records)).slice(8, -4));
}

function parsing(codec: CodecName, records: number): Case {
  const fields = dataFields(codec, records);
  const columns = new AvlColumns();
  const run = (): number => {
    let seen = 0;
    for (const data of fields) if (parseAvl(data, 0, data.length, NEWEST, columns) === Fault.none) seen += columns.n;
    return seen;
  };
  if (run() !== FRAMES * records) throw new Error(`Cannot parse the frames of codec ${codec}`);
  const bytes = fields.reduce((sum, data) => sum + data.length, 0);
  return { name: `codec ${codec}, ${records} records a frame`, unit: "record", units: FRAMES * records, bytes, run };
}

/** Sixteen frames in one chunk, as a device with a backlog sends them. */
function framing(codec: CodecName): Case {
  const device = new TestDevice(1, codec);
  const frames = Array.from({ length: FRAMES }, () => encodeFrame(codec, device.records(PER_FRAME)));
  const chunk = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    chunk.set(frame, at);
    at += frame.length;
  }
  const columns = new AvlColumns();
  let seen = 0;
  const sink: FrameSink<null> = {
    login: () => Next.stop,
    frame: (_, bytes, start, length) => {
      if (parseAvl(bytes, start, length, NEWEST, columns) === Fault.none) seen++;
      return Next.go;
    },
    badCrc: () => Next.stop,
    ping: () => {},
    violation: () => {},
  };
  const framer = new Framer(sink, null, MAX_FRAME, true);
  const run = (): number => {
    framer.push(chunk);
    return seen;
  };
  if (run() !== FRAMES || chunk.length < FRAMES * FRAME_OVERHEAD) throw new Error("Cannot frame the chunk");
  return { name: `framer, CRC and codec ${codec}, ${PER_FRAME} records a frame`, unit: "frame", units: FRAMES, bytes: chunk.length, run };
}

export const parseSuite = (): Suite => ({
  name: "parse",
  cases: [...CODEC_NAMES.map((codec) => parsing(codec, PER_FRAME)), parsing("8E", 20), framing("8E")],
});
