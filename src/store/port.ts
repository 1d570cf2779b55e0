/**
 * What the readers of the store offer, whoever serves it: a reader thread over SQLite, the broadcast ring, a test's model.
 * Pure types. One contract suite for every implementation of EntrySource.
 */
import type { DeviceId, DeviceNo, Fence, Seq } from "../base/brand.ts";
import type { CommandCodec, CommandState } from "../wire/command.ts";
import type { Transport } from "../wire/control.ts";

/** A piece of the journal: whole entries (see entry.ts), the first of which has `seq`. */
export interface Row {
  readonly seq: Seq;
  readonly body: Uint8Array;
}

export type EntriesAnswer =
  /** Entries in order, gapless, starting at the asked position. `next`: where to go on; equal to the asked one when up to date. */
  | { readonly kind: "rows"; readonly rows: readonly Row[]; readonly next: Seq }
  /** The asked position is older than the oldest this source has; `oldest` is the first it could give. */
  | { readonly kind: "behind"; readonly oldest: Seq };

export interface EntrySource {
  /**
   * Entries with seq ≥ `from`, up to the bytes of a page. `from` must be the seq of an entry's first event, committed + 1,
   * or any seq inside a frame entry (then that entry comes whole and the caller skips what it has).
   */
  entries(from: Seq): EntriesAnswer | Promise<EntriesAnswer>;
}

/** A device as the fold of all its journal entries up to some seq. */
export interface DeviceState {
  readonly no: DeviceNo;
  readonly id: DeviceId;
  connected: boolean;
  /** Fence of the newest connection (open or not); 0 before the first. */
  fence: Fence;
  transport: Transport;
  address: string;
  port: number;
  clientInstance: string;
  /** Wall ms of that connection's admission; 0 before the first. */
  since: number;
  /** Wall ms of the newest frame, admission or end of connection. */
  lastSeenAt: number;
  lastByteAt: number;
  /** New records ever stored. */
  records: number;
  /** The last position: seq and raw bytes of the record with its codec id, or null. */
  position: { readonly seq: Seq; readonly time: number; readonly codec: number; readonly bytes: Uint8Array } | null;
}

export interface RecordsQuery {
  readonly device: DeviceId;
  /** Record times in ms, inclusive; null: open. */
  readonly from: number | null;
  readonly to: number | null;
  readonly limit: number;
  /** Opaque `next` of the page before; null: from the start. */
  readonly after: string | null;
  readonly order: "seq" | "time";
}

/** One stored record: raw bytes (without codec framing), to be decoded by the codec named. */
export interface StoredRecord {
  readonly seq: Seq;
  readonly fence: Fence;
  readonly receivedAt: number;
  /** Sent while two live devices fought for the identity. */
  readonly quarantined: boolean;
  /** Stored beside the device's owner, or long after it came: its position, owner and state are not the device's. */
  readonly unfenced: boolean;
  /** Came out of a frame kept raw, decoded later. */
  readonly redecoded: boolean;
  readonly codec: number;
  readonly bytes: Uint8Array;
}

export type RecordsAnswer =
  | { readonly kind: "page"; readonly records: readonly StoredRecord[]; readonly next: string | null }
  | { readonly kind: "unknown_device" }
  | { readonly kind: "bad_after" }
  /** order=time would have to sort more than `sortedMatches`. */
  | { readonly kind: "too_many"; readonly matches: number };

/** An identity conflict as the journal wrote it: `json` is its event with the fence. */
export interface StoredConflict {
  readonly seq: number;
  readonly json: string;
  readonly acknowledgedAt: number | null;
}

/** A command as its row has it; `key` "": none. `fence`: of the connection it was given to, or null. */
export interface StoredCommand {
  readonly id: string;
  readonly device: string;
  readonly key: string;
  readonly codec: CommandCodec;
  readonly text: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly timeoutMs: number;
  readonly state: CommandState;
  readonly fence: number | null;
  readonly writtenAt: number | null;
  readonly endedAt: number | null;
  readonly response: string | null;
  readonly reason: string | null;
  /** Of its newest event. */
  readonly seq: number;
}

/** The newest version of a device's configuration; `value` is JSON. `reason`: why the failed one did. */
export interface StoredConfig {
  readonly device: string;
  readonly version: number;
  readonly value: string;
  readonly at: number;
  /** The newest version the device has applied, and the newest it has failed to apply. */
  readonly applied: number | null;
  readonly failed: number | null;
  readonly reason: string | null;
}

/** A frame of which at least one record was new. */
export interface StoredFrame {
  /** Of its first new record. */
  readonly seq: Seq;
  readonly fence: Fence;
  readonly receivedAt: number;
  readonly records: number;
  readonly newRecords: number;
  /** Stored beside the device's owner. */
  readonly unfenced: boolean;
  readonly quarantined: boolean;
  readonly redecoded: boolean;
  /** Its data field: codec id to second count. */
  readonly bytes: Uint8Array;
}

/** `more`: there are older ones. */
export interface FramesPage {
  readonly frames: readonly StoredFrame[];
  readonly more: boolean;
}

/** A frame that could not be decoded, as it is kept. `fence` 0, `origin` null: not known. */
export interface StoredQuarantined {
  /** The seq of its event. */
  readonly id: number;
  readonly device: string;
  readonly hash: string;
  readonly fault: string;
  readonly codec: number;
  readonly fence: number;
  readonly origin: { readonly address: string; readonly port: number } | null;
  readonly firstAt: number;
  readonly lastAt: number;
  /** How often it came. */
  readonly count: number;
  readonly releasedAt: number | null;
  /** When it was decoded again, how many records it holds (0: it still could not be decoded), and how many of them were ever new. */
  readonly replayedAt: number | null;
  readonly records: number;
  readonly stored: number;
  readonly bytes: Uint8Array;
}

/** Ids up to `upTo`; `held`: only those that stand in their device's way. */
export interface QuarantineQuery {
  readonly upTo: number;
  readonly limit: number;
  readonly held: boolean;
}

/** `more`: there are older ones. */
export interface QuarantinePage {
  readonly frames: readonly StoredQuarantined[];
  readonly more: boolean;
}

/** A frame the CRC of which does not match. `device` null: it came before a login. */
export interface StoredBadFrame {
  readonly device: string | null;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What a reader thread does with the store. Synchronous: it owns its thread. Implemented by store/reader.ts. */
export interface StoreReader extends EntrySource {
  entries(from: Seq): EntriesAnswer;
  /** Advances the private tail to `committed`. Call with the board's word before answering a request. */
  advance(committed: Seq): void;
  /** Seq the tail has reached. */
  readonly seq: Seq;
  records(query: RecordsQuery): RecordsAnswer;
  /** Up to `limit` device states in device number order, above `after`; all as of `seq`. */
  devices(after: DeviceNo, limit: number): readonly DeviceState[];
  /** Entries of one device with seq ≥ `from` (through tail and runs, not a scan); `next` is beyond `seq` when there are no more. */
  deviceEntries(device: DeviceId, from: Seq): EntriesAnswer;
  /** JSON of the device's newest takeovers, newest first; null: an unknown device. */
  history(device: DeviceId, limit: number): readonly string[] | null;
  /** Conflicts whose events have a seq in [from, to], newest first. */
  conflicts(from: number, to: number, limit: number): readonly StoredConflict[];
  /** The command with this id. */
  command(id: string): StoredCommand | null;
  /** The device's commands, newest first, those made before the one with id `before` ("": all). */
  commandsOf(device: string, before: string, limit: number): readonly StoredCommand[];
  /** The device's command with this idempotency key. */
  commandByKey(device: string, key: string): StoredCommand | null;
  /** The newest configuration of a device. */
  config(device: string): StoredConfig | null;
  /** Frames of a device whose first new record has a seq of `upTo` at most, newest first; null: an unknown device. */
  frames(device: DeviceId, upTo: number, limit: number): FramesPage | null;
  /** Frames kept raw, newest first, of one device or (null) of all. */
  quarantined(device: DeviceId | null, query: QuarantineQuery): QuarantinePage;
  quarantinedOne(id: number): StoredQuarantined | null;
  /** The newest frames with a wrong CRC, newest first. */
  badFrames(): readonly StoredBadFrame[];
  /** PASSIVE checkpoint passes until little is left, at most a few. Returns pages still in the write-ahead log. */
  checkpoint(): number;
  /** Bytes of committed rows that no run refers to yet, as far as this reader has followed. */
  readonly tailBytes: number;
  /** Nobody asks just now: lets go of what can be read again. */
  shrink(): void;
  close(): void;
}
