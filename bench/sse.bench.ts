/** Committed rows as text of an event stream: what an http thread does once per event and thread when someone listens. */
import { asDeviceNo, asFence, asSeq } from "../src/base/brand.ts";
import { limitsWith } from "../src/base/limits.ts";
import { AvlColumns, Fault, parseAvl } from "../src/codec/teltonika/avl.ts";
import { BatchMaker } from "../src/engine/http/batch.ts";
import { eventEntry, frameEntryBytes, writeFrameEntry } from "../src/store/entry.ts";
import { TestDevice } from "../test/support/fleet.ts";
import { type CodecName, encodeFrame } from "../test/support/frames.ts";
import type { Case, Suite } from "./suite.ts";

const ENTRIES = 32;
const RECORDS = 4;
const AT = 1_760_000_000_000;
const FENCE = asFence(1024);
const NO_MASK = new Uint8Array(0);

/** One log row of frames, written as the journal writes it. */
function frameRow(codec: CodecName): Uint8Array {
  const device = new TestDevice(1, codec);
  const columns = new AvlColumns();
  const parts: Uint8Array[] = [];
  for (let i = 0; i < ENTRIES; i++) {
    const data = encodeFrame(codec, device.records(RECORDS)).slice(8, -4);
    if (parseAvl(data, 0, data.length, Number.MAX_SAFE_INTEGER, columns) !== Fault.none) throw new Error("Cannot parse a frame");
    const { n, best, minTime, maxTime } = columns;
    const entry = new Uint8Array(frameEntryBytes(n, false, data.length));
    const at = writeFrameEntry(
      new DataView(entry.buffer),
      0,
      {
        device: asDeviceNo(1),
        fence: FENCE,
        receivedAt: AT,
        n,
        newCount: n,
        best,
        minTime,
        maxTime,
        unfenced: false,
        quarantined: false,
        redecoded: false,
      },
      data.length,
      NO_MASK,
    );
    entry.set(data, at);
    parts.push(entry);
  }
  return joined(parts);
}

function eventRow(): Uint8Array {
  const origin = { address: "10.0.0.1", port: 40_000, clientInstance: "" };
  const payload = { at: AT, transport: "tcp", origin, id: "356307042441013" };
  return joined(Array.from({ length: ENTRIES }, () => eventEntry("connected", asDeviceNo(1), FENCE, AT, payload)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function encoding(name: string, body: Uint8Array, events: number): Case {
  const maker = new BatchMaker("k3s9", () => "356307042441013", limitsWith());
  let seen = 0;
  let bytes = 0;
  const run = (): number => {
    seen = 0;
    bytes = 0;
    maker.batch({ seq: asSeq(1_000_000), body }, false).each(0, (event) => {
      seen++;
      bytes += event.encoded("sse").length;
      return true;
    });
    return bytes;
  };
  run();
  if (seen !== events) throw new Error(`Cannot encode: ${seen} events instead of ${events}`);
  return { name, unit: "event", units: events, bytes, run };
}

export const sseSuite = (): Suite => ({
  name: "sse",
  cases: [
    encoding("records of codec 8", frameRow("8"), ENTRIES * RECORDS),
    encoding("records of codec 8E", frameRow("8E"), ENTRIES * RECORDS),
    encoding("connected", eventRow(), ENTRIES),
  ],
});
