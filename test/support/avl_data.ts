/** Builds AVL records and data fields (codec 8, 8E, 16) for tests of the store. */
export interface RecordShape {
  readonly time: number;
  readonly lon?: number;
  readonly lat?: number;
  readonly satellites?: number;
  /** One-byte IO values by id; makes otherwise equal records differ. */
  readonly io?: Readonly<Record<number, number>>;
}

export function avlRecord(codec: number, shape: RecordShape): Uint8Array {
  const io = Object.entries(shape.io ?? {});
  const wide = codec === 0x8e;
  const id = codec === 0x08 ? 1 : 2;
  const head = codec === 0x08 ? 2 : 4;
  const count = wide ? 2 : 1;
  const bytes = new Uint8Array(24 + head + count * (wide ? 5 : 4) + io.length * (id + 1));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(shape.time));
  view.setInt32(9, shape.lon ?? 252_797_000);
  view.setInt32(13, shape.lat ?? 546_872_000);
  view.setUint16(17, 99);
  bytes[21] = shape.satellites ?? 12;
  let at = 24 + head;
  const put = (value: number, width: number): void => {
    if (width === 1) view.setUint8(at, value);
    else view.setUint16(at, value);
    at += width;
  };
  put(io.length, count);
  for (const [key, value] of io) {
    put(Number(key), id);
    put(value, 1);
  }
  return bytes;
}

/** The data field (codec id .. second count) and where its records begin and end. */
export function avlData(codec: number, records: readonly Uint8Array[]): { data: Uint8Array; offsets: number[] } {
  const length = records.reduce((sum, record) => sum + record.length, 3);
  const data = new Uint8Array(length);
  data[0] = codec;
  data[1] = records.length;
  data[length - 1] = records.length;
  const offsets = [2];
  for (const record of records) {
    data.set(record, offsets.at(-1));
    offsets.push(offsets.at(-1)! + record.length);
  }
  return { data, offsets };
}
