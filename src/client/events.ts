/** What a connection hands over: events of the journal, and the words that say where it has holes. Types only. */
import type { LossCause } from "./loss.ts";
import type { Command, Origin, StoredRecord, Transport } from "./model.ts";

interface OfConnection {
  readonly device: string;
  readonly fence: number;
  /** Ms since 1970 UTC by the gateway's clock. */
  readonly at: number;
  readonly id: string;
}

export interface Connected extends OfConnection {
  readonly transport: Transport;
  readonly origin: Origin;
}

/** A takeover: the only event of one. */
export interface Replaced extends Connected {
  readonly policy: string;
  readonly cause: string;
  readonly old: {
    readonly fence: number;
    readonly transport: Transport;
    readonly origin: Origin;
    readonly since: number;
    readonly closing: boolean;
    readonly lastByteAt: number;
    readonly records: number;
  };
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly durationMs: number;
}

export interface Disconnected extends OfConnection {
  readonly reason: string;
  readonly lastByteAt: number;
  readonly records?: number;
  /** The newest connection the device still has, under `multi(n)`. */
  readonly left?: number;
}

/** Refusals of one identity within a short time. `device` and `fence` only when the device is known. */
export interface Refused {
  readonly device?: string;
  readonly fence?: number;
  readonly at: number;
  readonly id: string;
  readonly count: number;
  readonly reason: string;
  readonly policy: string;
  readonly origin: Origin;
}

/** A frame that could not be decoded was kept raw. */
export interface Quarantined {
  readonly device: string;
  readonly fence: number;
  readonly at: number;
  readonly reason: string;
  readonly codec: number | string;
  readonly bytes: number;
  readonly hash: string;
  readonly id: string | number;
}

/** Two live devices have one identity. */
export interface Conflict {
  readonly device: string;
  readonly fence: number;
  readonly at: number;
  readonly verdict: string;
  readonly action: string;
  readonly alternations: number;
  readonly takeovers: number;
  readonly windowMs: number;
  readonly evidence?: Readonly<Record<string, unknown>> | null;
  readonly origins: readonly (Origin & { readonly fence: number; readonly since: number })[];
}

/** A command went on. */
export interface CommandChanged extends Omit<Command, "fence"> {
  readonly fence: number;
  readonly at: number;
  readonly codec: number;
  readonly unsolicited?: undefined;
}

/** A device said something nobody had asked for, or too late. */
export interface Unsolicited {
  readonly device: string;
  readonly fence: number;
  readonly at: number;
  readonly unsolicited: true;
  readonly codec: number;
  readonly type?: number;
  readonly payload?: string;
  readonly hex?: string;
  /** The command it is taken to answer. */
  readonly late?: string;
}

/** `version` and `state` in the journal; on a device's own stream `version` and `value`. */
export interface ConfigChanged {
  readonly device: string;
  readonly fence: number;
  readonly version: number;
  readonly at?: number;
  readonly state?: "pending" | "applied" | "failed";
  readonly reason?: string;
  readonly value?: unknown;
}

/** Something was published on a channel `app.NAME`. */
export interface Message {
  readonly channel: string;
  readonly data: unknown;
  readonly at: number;
}

/** Kinds of events and their data. A newer gateway may have kinds that are not here: they are handed over as well. */
export interface EventData {
  readonly record: StoredRecord;
  readonly connected: Connected;
  readonly replaced: Replaced;
  readonly disconnected: Disconnected;
  readonly refused: Refused;
  readonly quarantined: Quarantined;
  readonly conflict: Conflict;
  readonly command: CommandChanged | Unsolicited;
  readonly config: ConfigChanged;
  readonly message: Message;
  /** Events `from` to `to` are missing here, and why: they are kept no more, or (`coalesced`) newer ones stand for them. */
  readonly gap: { readonly from: number; readonly to: number; readonly cause: string };
  /** The cursor cannot be honoured: read the devices again. What follows comes after `id`. Cause `none`: there was no cursor. */
  readonly resync: { readonly cause: "none" | "malformed" | "epoch" | "future" };
  /** This channel cannot be had, now or later (WebSocket); the others go on. */
  readonly denied: unknown;
  /** The connection is over and will not be made again. The last one there is. */
  readonly over: { readonly cause: LossCause; readonly reason: string; readonly status: number | null };
}

export type EventKind = keyof EventData;

/** One event. `id` is the cursor to go on after it; `channel` the one it came on (WebSocket), else "". */
export type BerthEvent = {
  readonly [K in EventKind]: { readonly event: K; readonly id: string; readonly channel: string; readonly data: EventData[K] };
}[EventKind];

export type EventOf<K extends EventKind> = Extract<BerthEvent, { readonly event: K }>;
