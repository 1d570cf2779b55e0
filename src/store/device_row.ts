/** Device rows: how a folded device with its coverage and floor is written and read. Owned by whoever owns the database. */
import { asDeviceId, asDeviceNo, asFence, asSeq, type Seq } from "../base/brand.ts";
import type { Database, SqlRow, Statement } from "../platform/port.ts";
import type { Transport } from "../wire/control.ts";
import type { DeviceState } from "./port.ts";

export interface DeviceRow {
  readonly state: DeviceState;
  /** See FoldedDevice. */
  readonly older: readonly number[];
  readonly mark: Seq;
  readonly floor: number;
  readonly newest: number;
  readonly coverage: Uint8Array | null;
}

const COLUMNS = `no, id, mark, floor, connected, fence, transport, address, port, client_instance, since, last_seen_at, last_byte_at,
  records, newest, position_seq, position_time, position_codec, position_bytes, coverage, older`;

export function readDevice(row: SqlRow): DeviceRow {
  const position = row["position_seq"] === null ? null : {
    seq: asSeq(Number(row["position_seq"])),
    time: Number(row["position_time"]),
    codec: Number(row["position_codec"]),
    bytes: row["position_bytes"] as Uint8Array,
  };
  return {
    state: {
      no: asDeviceNo(Number(row["no"])),
      id: asDeviceId(String(row["id"])),
      connected: row["connected"] === 1,
      fence: asFence(Number(row["fence"])),
      transport: String(row["transport"]) as Transport,
      address: String(row["address"]),
      port: Number(row["port"]),
      clientInstance: String(row["client_instance"]),
      since: Number(row["since"]),
      lastSeenAt: Number(row["last_seen_at"]),
      lastByteAt: Number(row["last_byte_at"]),
      records: Number(row["records"]),
      position,
    },
    older: row["older"] === null ? [] : JSON.parse(String(row["older"])) as number[],
    mark: asSeq(Number(row["mark"])),
    floor: Number(row["floor"]),
    newest: Number(row["newest"]),
    coverage: row["coverage"] as Uint8Array | null,
  };
}

export class DeviceTable {
  readonly #all: Statement;
  readonly #insert: Statement;
  readonly #floor: Statement;
  readonly #write: Statement;

  constructor(db: Database) {
    this.#all = db.prepare(`SELECT ${COLUMNS} FROM device ORDER BY no`);
    this.#insert = db.prepare("INSERT INTO device (no, id) VALUES (?, ?)");
    this.#floor = db.prepare("UPDATE device SET floor = max(floor, ?) WHERE no = ?");
    this.#write = db.prepare(
      `UPDATE device SET mark = ?, connected = ?, fence = ?, transport = ?, address = ?, port = ?, client_instance = ?, since = ?, last_seen_at = ?,
        last_byte_at = ?, records = ?, newest = ?, position_seq = ?, position_time = ?, position_codec = ?, position_bytes = ?, coverage = ?, older = ? WHERE no = ?`,
    );
  }

  *load(): IterableIterator<DeviceRow> {
    for (const row of this.#all.iterate()) yield readDevice(row);
  }

  insert(no: number, id: string): void {
    this.#insert.run(no, id);
  }

  raiseFloor(no: number, floor: number): void {
    this.#floor.run(floor, no);
  }

  /** Writes the whole state as of `mark`. */
  write(s: DeviceState & Pick<DeviceRow, "older">, mark: Seq, newest: number, coverage: Uint8Array): void {
    const p = s.position;
    this.#write.run(
      mark,
      s.connected ? 1 : 0,
      s.fence,
      s.transport,
      s.address,
      s.port,
      s.clientInstance,
      s.since,
      s.lastSeenAt,
      s.lastByteAt,
      s.records,
      newest,
      p?.seq ?? null,
      p?.time ?? null,
      p?.codec ?? null,
      p?.bytes ?? null,
      coverage,
      s.older.length === 0 ? null : JSON.stringify(s.older),
      s.no,
    );
  }
}
