/** The gateway's own framer and parser, made to say what they saw in the words of the reference. */
import { Framer, type FrameSink, Next } from "../../src/codec/framer.ts";
import { AvlColumns, parseAvl } from "../../src/codec/teltonika/avl.ts";
import { codecName } from "../../src/codec/teltonika/codec_id.ts";
import { FRAME_FAULTS } from "../../src/wire/frame_message.ts";

const columns = new AvlColumns();

export function dataText(bytes: Uint8Array, start: number, length: number): string {
  const fault = parseAvl(bytes, start, length, Number.MAX_SAFE_INTEGER, columns);
  if (fault !== 0) return FRAME_FAULTS[fault]!;
  const records: string[] = [];
  for (let i = 0; i < columns.n; i++) records.push(`${columns.offsets[i]}:${columns.times[i]}`);
  return `${codecName(columns.codec)} ${records.join(" ")}`;
}

/** Pushes `chunks` and lists the items as `referenceStream` does. `next` answers for logins and frames. */
export function framerStream(chunks: Iterable<Uint8Array>, limit: number, next: () => Next = () => Next.go): string[] {
  const items: string[] = [];
  const taken = (item: string): Next => {
    const answer = next();
    if (answer !== Next.again) items.push(item);
    return answer;
  };
  const sink: FrameSink<null> = {
    login: (_context, imei) => taken(`login ${imei}`),
    frame: (_context, bytes, start, length) => taken(`frame ${dataText(bytes, start, length)}`),
    badCrc: () => taken("bad_crc"),
    ping: (_context, count) => void items.push(...Array<string>(count).fill("ping")),
    violation: (_context, fault, offset, value) => void items.push(fault === "bad_login" ? `${fault} ${offset} ${value}` : fault),
  };
  const framer = new Framer(sink, null, limit);
  for (const chunk of chunks) {
    framer.push(chunk);
    // Sometimes more arrives before the pause is over.
    if (framer.paused && next() === Next.go) framer.resume();
  }
  while (framer.paused) framer.resume();
  if (!framer.ended) items.push(`rest ${framer.heldBytes}`);
  return items;
}
