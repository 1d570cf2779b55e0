/** Puts frame messages into a frame ring as a codec worker does. For tests and measurements of the journal. */
import { AvlColumns, parseAvl } from "../../src/codec/teltonika/avl.ts";
import type { RingProducer } from "../../src/ring/spsc.ts";
import { dataAt, emptyFrameHeader, FLAG_ORDERED, FrameKind, frameMessageBytes, writeFrameHeader } from "../../src/wire/frame_message.ts";

const columns = new AvlColumns();
const header = emptyFrameHeader();

/** A valid AVL data field. Returns the ring position of its end, or -1 when there is no room. Not published. */
export function putFrame(ring: RingProducer, conn: number, data: Uint8Array, receivedAt: number, futureMs: number): number {
  const fault = parseAvl(data, 0, data.length, receivedAt + futureMs, columns);
  if (fault !== 0) throw new Error(`Cannot put frame: fault ${fault}`);
  const n = columns.n;
  const at = ring.reserve(frameMessageBytes(data.length), FrameKind.frame);
  if (at < 0) return -1;
  Object.assign(header, {
    conn,
    n,
    codec: data[0],
    best: columns.best,
    fault: 0,
    receivedAt,
    minTime: columns.minTime,
    maxTime: columns.maxTime,
    flags: columns.ordered ? FLAG_ORDERED : 0,
  });
  header.dataLength = data.length;
  writeFrameHeader(ring.view, at, header);
  ring.bytes.set(data, dataAt(at));
  return ring.commit();
}

/** A message without columns: undecodable, command, badCrc. */
export function putRaw(ring: RingProducer, kind: FrameKind, conn: number, data: Uint8Array, receivedAt: number, fault: number): number {
  const at = ring.reserve(frameMessageBytes(data.length), kind);
  if (at < 0) return -1;
  Object.assign(header, {
    conn,
    n: data[1] ?? 0,
    codec: data[0] ?? 0,
    best: 255,
    fault,
    receivedAt,
    minTime: 0,
    maxTime: 0,
    dataLength: data.length,
    flags: 0,
  });
  writeFrameHeader(ring.view, at, header);
  ring.bytes.set(data, dataAt(at));
  return ring.commit();
}
