/** A data field that was kept raw, as today's decoder sees it. Pure; cold path. */
import { FRAME_FAULTS, type FrameFault } from "../wire/frame_message.ts";
import { type AvlRecord, decodeRecord } from "./record.ts";
import { AvlColumns, Fault, parseAvl } from "./teltonika/avl.ts";

export type Judged =
  | { readonly records: number; readonly fault: null; readonly offset: null }
  /** `offset`: where in the data field the decoder stops. */
  | { readonly records: null; readonly fault: Exclude<FrameFault, "none">; readonly offset: number };

export function judgeFrame(data: Uint8Array): Judged {
  const columns = new AvlColumns();
  const fault = data.length === 0 ? Fault.unknownCodec : parseAvl(data, 0, data.length, Number.MAX_SAFE_INTEGER, columns);
  if (fault === Fault.none) return { records: columns.n, fault: null, offset: null };
  return { records: null, fault: FRAME_FAULTS[fault] as Exclude<FrameFault, "none">, offset: columns.faultAt };
}

/** Its records; none when today's decoder stops in it. */
export function decodeRawFrame(data: Uint8Array): readonly AvlRecord[] {
  const columns = new AvlColumns();
  if (data.length === 0 || parseAvl(data, 0, data.length, Number.MAX_SAFE_INTEGER, columns) !== Fault.none) return [];
  return Array.from({ length: columns.n }, (_, i) => decodeRecord(columns.codec, data, columns.offsets[i]!));
}
