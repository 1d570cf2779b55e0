/** Puts frame messages into a frame ring as a codec worker does. For tests and measurements of the journal. */
import { AvlColumns, parseAvl } from "../../src/codec/teltonika/avl.ts";
import type { RingProducer } from "../../src/ring/spsc.ts";
import { emptyFrameHeader, FrameKind, frameMessageBytes, writeFrame, writeRawFrame } from "../../src/wire/frame_message.ts";

const columns = new AvlColumns();
const header = emptyFrameHeader();

/** A valid AVL data field. Returns the ring position of its end, or -1 when there is no room. Not published. */
export function putFrame(ring: RingProducer, conn: number, data: Uint8Array, receivedAt: number, futureMs: number): number {
  const fault = parseAvl(data, 0, data.length, receivedAt + futureMs, columns);
  if (fault !== 0) throw new Error(`Cannot put frame: fault ${fault}`);
  const at = ring.reserve(frameMessageBytes(data.length), FrameKind.frame);
  if (at < 0) return -1;
  writeFrame(ring, at, header, conn, receivedAt, columns, data, 0, data.length);
  return ring.commit();
}

/** A message without columns: undecodable, command, badCrc. */
export function putRaw(ring: RingProducer, kind: FrameKind, conn: number, data: Uint8Array, receivedAt: number, fault: number): number {
  const at = ring.reserve(frameMessageBytes(data.length), kind);
  if (at < 0) return -1;
  writeRawFrame(ring, at, header, { conn, fault, receivedAt }, data, 0, data.length);
  return ring.commit();
}
