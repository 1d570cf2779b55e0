/**
 * What the HTTP application needs of the gateway behind it: the port an http thread fills in (src/engine/http/gateway.ts)
 * and tests fill in by hand. Types only.
 */
import type { AccessRefusal } from "../access/refusal.ts";
import type { Scopes } from "../access/scope.ts";
import type { DeviceId } from "../base/brand.ts";
import type { Result } from "../base/result.ts";
import type { Form } from "../broker/batch.ts";
import type { Filter } from "../broker/filter.ts";
import type { Start } from "../broker/port.ts";
import type { Account } from "../broker/subscriber.ts";
import type { Settings } from "../config/settings.ts";
import type { BodySource } from "../platform/body.ts";
import type { Peer } from "../platform/port.ts";
import type {
  DeviceState,
  FramesPage,
  QuarantineQuery,
  RecordsAnswer,
  RecordsQuery,
  StoredBadFrame,
  StoredCommand,
  StoredConfig,
  StoredQuarantined,
} from "../store/port.ts";
import type { CommandCodec } from "../wire/command.ts";
import type { EndReason, OrderVerb, Outcome, QuarantineOrder, Refusal } from "../wire/control.ts";

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

export interface TokenView {
  /** Public. */
  readonly id: string;
  readonly name: string;
  readonly scopes: Scopes;
  readonly createdAt: number;
}

/** Who may come. What changes it throws a SqlError when it cannot be kept. */
export interface AccessPort {
  /** No token is needed: there is none, and only this machine can ask. */
  readonly open: boolean;
  /** Why nobody can be let in now, or null. */
  readonly trouble: string | null;
  readonly tokens: readonly TokenView[];
  /** Whose text this is; null: nobody's. */
  find(text: string): TokenView | null;
  /** A wrong token came from there. Seconds to wait when there were too many, else 0. */
  failed(address: string): number;
  /** Another request, of a token or, where none is needed, from an address. Seconds to wait when there were too many, else 0. */
  asks(by: "token" | "address", key: string): number;
  countRefusal(cause: AccessRefusal): void;
  create(name: string, scopes: Scopes): Result<{ readonly token: TokenView; readonly text: string }, "first_admin" | "too_many">;
  revoke(id: string): "revoked" | "unknown" | "last_admin";
  /** Devices on the allow list by id, from `from` on. */
  allowedFrom(from: string, limit: number): readonly { readonly id: string; readonly since: number }[];
  /** Puts a device on the list or takes it off, on disk. False: there would be too many. */
  setAllowed(id: string, isAllowed: boolean): boolean;
  /** Calls `lost` once, when the token (null: that none is needed) counts no more. Returns how to stop that. */
  whileValid(token: string | null, lost: () => void): () => void;
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

export interface CommandReport {
  readonly device: string;
  readonly id: string;
  /** Of the connection that says so, or 0. */
  readonly fence: number;
  readonly isAnswered: boolean;
  readonly response: string;
}

/** `done`: on disk. `refused`: why. */
export type CommandReported =
  | { readonly kind: "done" }
  | { readonly kind: "unknown_command" }
  | { readonly kind: "refused"; readonly why: string }
  | Busy;

/** `takeover`: also from a connection of another transport. `commands`: it takes them. */
export interface StreamWish {
  readonly takeover: boolean;
  readonly commands: boolean;
}

export interface CommandsPort {
  report(report: CommandReport): Promise<CommandReported>;
  find(id: string): Promise<{ readonly kind: "command"; readonly command: StoredCommand | null } | Busy>;
  /** Newest first, those made before the one with id `before` ("": all). */
  ofDevice(
    device: string,
    before: string,
    limit: number,
  ): Promise<{ readonly kind: "commands"; readonly commands: readonly StoredCommand[] } | Busy>;
  /** Back when it is on disk. `busy`: it may be all the same. */
  submit(
    wish: CommandWish,
  ): Promise<{ readonly kind: "command"; readonly command: StoredCommand } | { readonly kind: "refused"; readonly why: string } | Busy>;
}

/** `version`: on disk. `refused`: why. `invalid`: it is not as the schema of its device has it; `path` is a JSON Pointer. */
export type ConfigDone =
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "unknown_device" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "invalid"; readonly wrong: readonly { readonly path: string; readonly message: string }[] }
  | Busy;

export interface ConfigReport {
  readonly device: string;
  readonly version: number;
  readonly isApplied: boolean;
  /** Of the connection that says so, or 0. */
  readonly fence: number;
  readonly reason: string;
}

export interface ConfigsPort {
  find(device: string): Promise<{ readonly kind: "config"; readonly config: StoredConfig | null } | Busy>;
  /** `value`: JSON. `busy`: there may be a version of it all the same. */
  put(device: string, value: string): Promise<ConfigDone>;
  report(report: ConfigReport): Promise<ConfigDone>;
}

/** One client's stream of events. */
export interface EventStream {
  /** The answer's body, to be used once. */
  readonly body: ReadableStream<Uint8Array>;
  /** Ends it at once with these last bytes, whatever is queued. Idempotent. */
  end(last: Uint8Array): void;
  /** The client went away. Idempotent. */
  close(): void;
}

/** The stream of a device: a connection of it. */
export interface OpenStream {
  /** The next bytes; null when the gateway has ended the stream. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** The client went away. Idempotent. */
  close(): void;
  /** Ends it with a last event. Idempotent. */
  end(reason: EndReason): void;
}

export type StreamOpened =
  | { readonly kind: "stream"; readonly stream: OpenStream }
  | { readonly kind: "refused"; readonly refusal: Exclude<Refusal, "none">; readonly retryAfterMs: number }
  | Busy;

/** Frames kept raw, and those of wrong CRC, newest first. `more`: there are older ones. */
export interface QuarantinedFound {
  readonly kind: "quarantined";
  readonly frames: readonly StoredQuarantined[];
  readonly more: boolean;
  readonly bad: readonly StoredBadFrame[];
}

export interface RawPort {
  /** Frames of a device whose first new record has a seq of `upTo` at most, newest first. */
  frames(
    device: string,
    upTo: number,
    limit: number,
  ): Promise<(FramesPage & { readonly kind: "frames" }) | { readonly kind: "unknown_device" } | Busy>;
  /** Undecodable frames with ids up to `upTo`, of one device or (null) of all; `bad`: with those of wrong CRC. */
  undecodable(device: string | null, query: QuarantineQuery, bad: boolean): Promise<QuarantinedFound | Busy>;
  /** Back when it is on disk, with the frame as it is then; null: it is forgotten. `busy`: it may be done all the same. */
  order(
    order: QuarantineOrder,
    id: number,
  ): Promise<{ readonly kind: "done"; readonly frame: StoredQuarantined | null } | { readonly kind: "unknown_frame" } | Busy>;
}

/** What a subscription shares with the others of its WebSocket, how its events are written, and who takes them. */
export interface SocketShare {
  readonly account: Account;
  readonly form: Form;
  readonly bodyOf: (source: BodySource) => ReadableStream<Uint8Array>;
}

/** What became of a published message. `kept`: it is on the disk. `failed`: it is not. `busy`: it was not taken. */
export type Published = "kept" | "failed" | "busy" | "too_long";

/** A WebSocket, for who ends them all. */
export interface OpenSocket {
  end(reason: "shutdown"): void;
  cut(): void;
}

/** The WebSockets there are. */
export interface SocketsPort {
  readonly count: number;
  /** Those of all http threads. */
  readonly total: number;
  add(socket: OpenSocket): void;
  remove(socket: OpenSocket): void;
}

export interface Gateway {
  readonly settings: Settings;
  readonly sockets: SocketsPort;
  readonly commands: CommandsPort;
  readonly configs: ConfigsPort;
  readonly raw: RawPort;
  readonly access: AccessPort;
  readonly instance: string;
  readonly counterMemory: SharedArrayBuffer;
  /** False once `bye` is being said. */
  readonly accepting: boolean;
  devices(after: number, limit: number, connected: boolean | null): Promise<DevicesFound | Busy>;
  device(id: string): Promise<{ readonly kind: "device"; readonly device: OneDevice | null } | Busy>;
  /** Who held the device last, as far as the journal has told; null: nobody ever. */
  told(id: string): { readonly connected: boolean; readonly fence: number } | null;
  /** Takes the one drain there may be, on all http threads. False: one is under way. */
  beginDrain(): boolean;
  endDrain(): void;
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
  /**
   * A new event stream, or null when there are too many. `over` is called once, when it has ended or its client has gone. `channels`:
   * what it names, counted while it lasts. `socket`: it is one of a WebSocket's, of the only channel it names.
   */
  subscribe(
    start: Start,
    filter: Filter,
    cut: () => void,
    over: () => void,
    channels?: readonly string[],
    socket?: SocketShare,
  ): EventStream | null;
  /** Subscriptions that name the channel, over all threads. */
  subscribersOf(channel: string): number;
  /** How long a new WebSocket may last. */
  streamAgeMs(): number;
  /** Where a subscription without a cursor would begin. */
  readonly head: string;
  /** `channel`: checked, `data`: JSON. `told` is called once. */
  publish(channel: string, data: string, told: (how: Published) => void): void;
  /** `gone`: the client went away, perhaps before it is decided. */
  openStream(device: DeviceId, peer: Peer, wish: StreamWish, cut: () => void, gone: AbortSignal): Promise<StreamOpened>;
  notReady(): string | null;
  countRequest(status: number): void;
}
