/**
 * What the HTTP application needs of the gateway behind it: the port an http thread fills in (src/engine/http_gateway.ts)
 * and tests fill in by hand. Types only.
 */
import type { Filter } from "../broker/filter.ts";
import type { Settings } from "../config/settings.ts";
import type { DeviceState, RecordsAnswer, RecordsQuery, StoredCommand } from "../store/port.ts";
import type { CommandCodec } from "../wire/command.ts";
import type { OrderVerb, Outcome } from "../wire/control.ts";

/** Another thread did not answer in time: 503 with Retry-After. */
export interface Busy {
  readonly kind: "busy";
  readonly reason: string;
}

export type DeviceView = Omit<DeviceState, "no">;

/** What is known of how alive a device's connection is; `kernel` null: not sampled yet, or it cannot be asked. */
export interface Liveness {
  readonly inFlight: number;
  readonly kernel: { readonly lastAckAt: number; readonly rttMs: number; readonly retransmits: number } | null;
}

export type OneDevice = DeviceView & { readonly liveness: Liveness | null };

export interface ConflictView {
  /** The cursor of its event. */
  readonly id: string;
  readonly json: string;
  readonly acknowledgedAt: number | null;
}

export interface DevicesFound {
  readonly kind: "devices";
  readonly cursor: string;
  readonly devices: readonly DeviceView[];
  readonly next: number | null;
}

/** How an order to the registry went. `text`: more about it, by the verb. */
export interface Ordered {
  readonly kind: "ordered";
  readonly outcome: Exclude<Outcome, "busy">;
  readonly text: string;
}

export interface CommandWish {
  readonly device: string;
  readonly text: string;
  readonly codec: CommandCodec;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  /** Idempotency key; "": none. */
  readonly key: string;
}

export interface CommandsPort {
  find(id: string): Promise<{ readonly kind: "command"; readonly command: StoredCommand | null } | Busy>;
  /** Back when it is on disk. `busy`: it may be all the same. */
  submit(
    wish: CommandWish,
  ): Promise<{ readonly kind: "command"; readonly command: StoredCommand } | { readonly kind: "refused"; readonly why: string } | Busy>;
}

/** One client's stream of bytes. */
export interface EventStream {
  /** The next bytes; null when the gateway has ended the stream. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** The client went away. Idempotent. */
  close(): void;
}

export interface Gateway {
  readonly settings: Settings;
  readonly commands: CommandsPort;
  readonly instance: string;
  readonly counterMemory: SharedArrayBuffer;
  /** False once `bye` is being said. */
  readonly accepting: boolean;
  devices(after: number, limit: number, connected: boolean | null): Promise<DevicesFound | Busy>;
  device(id: string): Promise<{ readonly kind: "device"; readonly device: OneDevice | null } | Busy>;
  /** Who held the device last, as far as the journal has told; null: nobody ever. */
  told(id: string): { readonly connected: boolean; readonly fence: number } | null;
  /** An operator drains the gateway: newcomers are refused. */
  readonly doorShut: boolean;
  /** Has the registry do what an operator wants. `busy`: it may be done all the same. */
  order(verb: OrderVerb, device: string, text: string): Promise<Ordered | Busy>;
  /** JSON of the device's newest takeovers, newest first. */
  history(
    device: string,
    limit: number,
  ): Promise<{ readonly kind: "history"; readonly takeovers: readonly string[] } | { readonly kind: "unknown_device" } | Busy>;
  /** The newest identity conflicts; `json` is the event as the journal wrote it. */
  conflicts(limit: number): Promise<{ readonly kind: "conflicts"; readonly conflicts: readonly ConflictView[] } | Busy>;
  /** Back when it is on disk. `busy`: it may be known all the same. */
  acknowledge(conflict: string): Promise<{ readonly kind: "acknowledged" } | { readonly kind: "unknown_conflict" } | Busy>;
  records(query: RecordsQuery): Promise<RecordsAnswer | Busy>;
  subscribe(cursor: string | null, filter: Filter, cut: () => void): EventStream | null;
  notReady(): string | null;
  countRequest(status: number): void;
}
