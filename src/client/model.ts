/** What the gateway answers and tells, as types: the same as the HTTP interface has them (a test compares). Types only. */
import type { AvlRecord } from "../codec/record.ts";

export type { AvlRecord };

export type Transport = "tcp" | "udp" | "sse" | "ws" | "peer";

export interface Origin {
  readonly address: string;
  readonly port: number;
  /** What the client calls itself; null: it does not say. */
  readonly clientInstance: string | null;
}

/** A record as it is stored. */
export interface StoredRecord extends AvlRecord {
  /** Its position in the journal. */
  readonly seq: number;
  readonly device: string;
  /** The connection that delivered it. */
  readonly fence: number;
  /** When it arrived, ms since 1970 UTC by the gateway's clock. */
  readonly receivedAt: number;
  /** Known IO values by id, where they were asked for. */
  readonly named?: Readonly<Record<string, NamedValue>> | undefined;
  /** A value is out of range, or its time far ahead of its arrival. */
  readonly invalid?: boolean | undefined;
  /** Sent while two live devices fought for the identity, or by a device nobody has listed. */
  readonly quarantined?: boolean | undefined;
  /** Stored beside the device's owner, or decoded later: not where the device is now. */
  readonly unfenced?: boolean | undefined;
  /** Out of a frame that was kept raw, decoded later. */
  readonly redecoded?: boolean | undefined;
}

export interface NamedValue {
  readonly name: string;
  readonly value: number | string;
  readonly unit?: string | undefined;
}

export interface Device {
  readonly id: string;
  readonly connected: boolean;
  /** Of the newest connection; the higher one owns the device. */
  readonly fence: number;
  readonly transport: Transport;
  readonly origin: Origin;
  /** When that connection was admitted. */
  readonly since: number;
  readonly lastSeenAt: number;
  readonly lastByteAt: number;
  readonly position: AvlRecord | null;
  /** Records ever stored. */
  readonly records: number;
}

export interface OneDevice extends Device {
  readonly liveness: {
    /** Frames without a verdict. */
    readonly inFlight: number;
    readonly kernel: { readonly lastAckAt: number; readonly rttMs: number; readonly retransmits: number } | null;
  } | null;
}

export interface DevicesPage {
  /** Where to follow from: the first page's. */
  readonly cursor: string;
  readonly devices: readonly Device[];
  /** `after` of the next page. */
  readonly next: string | null;
}

export interface RecordsPage {
  readonly records: readonly StoredRecord[];
  readonly next: string | null;
}

export type CommandState = "queued" | "routed" | "written" | "answered" | "nacked" | "expired" | "failed" | "unknown";

export interface Command {
  readonly id: string;
  readonly device: string;
  readonly text: string;
  readonly state: CommandState;
  readonly fence: number | null;
  readonly createdAt: number;
  readonly writtenAt: number | null;
  readonly endedAt: number | null;
  readonly response: string | null;
  readonly reason: string | null;
}
