/**
 * What an http thread offers to the HTTP application: devices from the fold it keeps, one device checked with the
 * registry, records from a reader, event streams from the broker. The application declares the port it needs
 * (src/http/gateway.ts); the worker file puts the two together. Owned by an http thread.
 */
import { asDeviceId, asDeviceNo, asSeq, type DeviceId, type Seq } from "../../base/brand.ts";
import { formatCursor } from "../../broker/cursor.ts";
import type { Filter } from "../../broker/filter.ts";
import type { Start } from "../../broker/port.ts";
import { socketFormat } from "../../broker/ws_text.ts";
import type { Settings } from "../../config/settings.ts";
import type { Peer } from "../../platform/port.ts";
import type { FoldedDevice } from "../../store/folded_device.ts";
import type { RecordsAnswer, RecordsQuery } from "../../store/port.ts";
import { type Counters, sumOf } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { type Audience, audienceOf } from "../../wire/audience.ts";
import { type Board, DrainPhase, Gate, type StoreFailure } from "../../wire/board.ts";
import { type OrderVerb, type Outcome, OUTCOMES } from "../../wire/control.ts";
import { ORDERS } from "../../wire/query.ts";
import type { HttpAccess } from "./access.ts";
import type { Busy } from "./busy.ts";
import { HttpCommands } from "./commands.ts";
import { type HttpConfigParts, HttpConfigs } from "./configs.ts";
import { type DeviceView, joined, type OneDevice, untilKept } from "./device.ts";
import type { DeviceStreams } from "./device_streams.ts";
import type { StreamOpened, StreamWish } from "./stream_parts.ts";
import { HttpRaw } from "./raw.ts";
import type { Follower } from "./follow.ts";
import { type Acknowledged, type ConflictsFound, type HistoryFound, HttpHistory } from "./history.ts";
import type { RegistryClient } from "./asks.ts";
import type { ReaderClient } from "./queries.ts";
import type { Published, Publisher } from "./publish.ts";
import type { Sockets } from "./sockets.ts";
import type { EventStream, SocketShare, Streams } from "./streams.ts";

/** How an order to the registry went. */
export interface Ordered {
  readonly kind: "ordered";
  readonly outcome: Exclude<Outcome, "busy">;
  readonly text: string;
}

const NOT_COMMITTING: Readonly<Record<Exclude<StoreFailure, "none">, string>> = {
  full: "commits fail: the disk is full",
  read_only: "commits fail: the store cannot be written",
  io: "commits fail: the disk reports errors",
  other: "commits fail",
};

/** Subscriptions of all http threads. */
const SUBSCRIBERS = ["sse", "ws"].map((transport) => slot("berth_subscribers", transport));

export interface GatewayParts {
  readonly epoch: string;
  readonly instance: string;
  readonly settings: Settings;
  readonly board: Board;
  readonly counterMemory: SharedArrayBuffer;
  readonly counters: Counters;
  readonly follower: Follower;
  readonly readers: ReaderClient;
  readonly registry: RegistryClient;
  readonly streams: Streams;
  readonly devices: DeviceStreams;
  readonly access: HttpAccess;
  readonly publisher: Publisher;
  readonly sockets: Sockets;
  readonly audience: Audience;
  /** Of all http threads. */
  readonly audiences: readonly SharedArrayBuffer[];
  readonly schemas: HttpConfigParts["schemas"];
  readonly wall: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class HttpGateway {
  readonly settings: Settings;
  readonly commands: HttpCommands;
  readonly configs: HttpConfigs;
  readonly raw: HttpRaw;
  readonly access: HttpAccess;
  readonly sockets: Sockets;
  readonly instance: string;
  /** The counters of all threads. */
  readonly counterMemory: SharedArrayBuffer;
  readonly #parts: GatewayParts;
  readonly #statusSlots: readonly number[];
  readonly #history: HttpHistory;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.settings = parts.settings;
    this.commands = new HttpCommands(parts);
    this.configs = new HttpConfigs(parts);
    this.raw = new HttpRaw(parts);
    this.access = parts.access;
    this.sockets = parts.sockets;
    this.instance = parts.instance;
    this.counterMemory = parts.counterMemory;
    this.#history = new HttpHistory(parts);
    this.#statusSlots = ["2xx", "3xx", "4xx", "5xx"].map((label) => slot("berth_http_requests_total", label));
  }

  /** Devices with numbers above `after`, as of `cursor`, which is where to subscribe from. `next`: more above it, or null. */
  async devices(after: number, limit: number, connected: boolean | null): Promise<
    { readonly kind: "devices"; readonly cursor: string; readonly devices: readonly DeviceView[]; readonly next: number | null } | Busy
  > {
    const late = await this.#caughtUp();
    if (late !== null) return late;
    const { fold, position } = this.#parts.follower;
    const devices: FoldedDevice[] = [];
    let last = after;
    let more = true;
    while (more && devices.length < limit) {
      const page = fold.above(asDeviceNo(last), limit - devices.length);
      more = page.length > 0;
      for (const device of page) {
        last = device.no;
        if (connected === null || device.connected === connected) devices.push(device);
      }
    }
    const next = more && fold.above(asDeviceNo(last), 1).length > 0 ? last : null;
    return { kind: "devices", cursor: formatCursor(this.#parts.epoch, position), devices, next };
  }

  /** One device: who holds it as the registry says, what it sent as the journal says. Null: nobody has heard of it. */
  async device(id: string): Promise<{ readonly kind: "device"; readonly device: OneDevice | null } | Busy> {
    const [standing, late] = await Promise.all([this.#parts.registry.ask(id), this.#caughtUp()]);
    if (standing === null) return { kind: "busy", reason: "the registry did not answer in time" };
    // Of one that is not connected the journal alone knows the last fence: it may be about to write that.
    const { board } = this.#parts;
    const behind = standing.connected ? null : late ?? await untilKept(board, standing, this.settings.limits) ?? await this.#caughtUp();
    if (behind !== null) return behind;
    const stored = this.#parts.follower.fold.byId(asDeviceId(id));
    return { kind: "device", device: joined(id, standing, stored) };
  }

  /** Who held the device last, as far as the journal has told; null: nobody ever. */
  told(id: string): { readonly connected: boolean; readonly fence: number } | null {
    return this.#parts.follower.fold.byId(asDeviceId(id)) ?? null;
  }

  beginDrain(): boolean {
    return this.#parts.board.beginDrain();
  }

  endDrain(): void {
    this.#parts.board.endDrain();
  }

  /** An operator drains the gateway: newcomers are refused. */
  get doorShut(): boolean {
    return this.#parts.board.doorShut();
  }

  /** Has the registry do what an operator wants. `busy`: it may be done all the same. */
  async order(verb: OrderVerb, device: string, text: string): Promise<Ordered | Busy> {
    const done = await this.#parts.registry.order(verb, device, text);
    if (done === null) return { kind: "busy", reason: "the registry did not answer in time" };
    const outcome = OUTCOMES[done.outcome]!;
    return outcome === "busy" ? { kind: "busy", reason: "the journal takes no events now" } : { kind: "ordered", outcome, text: done.text };
  }

  /** A page of records. `busy` also when the device is one the store cannot be asked about in time. */
  async records(query: RecordsQuery): Promise<RecordsAnswer | Busy> {
    const { device, from, to, limit, after, order } = query;
    const open = { from: from ?? Number.NaN, to: to ?? Number.NaN, after: after ?? "" };
    const answer = await this.#parts.readers.ask({ type: "records", device, limit, order: ORDERS.indexOf(order), ...open });
    switch (answer.kind) {
      case "page":
      case "unknown_device":
      case "bad_after":
      case "too_many":
      case "busy":
        return answer;
      default:
        throw new Error(`Cannot use an answer of kind ${answer.kind} to a records query`);
    }
  }

  /** JSON of the device's newest takeovers, newest first. */
  history(device: string, limit: number): Promise<HistoryFound> {
    return this.#history.takeovers(device, limit);
  }

  /** The newest identity conflicts. */
  conflicts(limit: number): Promise<ConflictsFound> {
    return this.#history.conflicts(limit);
  }

  acknowledge(conflict: string): Promise<Acknowledged> {
    return this.#history.acknowledge(conflict);
  }

  /**
   * A new event stream, or null when there are too many. `cut` closes a connection whose client takes nothing, `over` is called at its
   * end. `channels`: what it names, counted while it lasts. `socket`: it is one of a WebSocket's, of the only channel it names.
   */
  subscribe(
    { cursor, mode }: Start,
    filter: Filter,
    cut: () => void,
    over: () => void,
    channels: readonly string[] = [],
    socket: SocketShare | null = null,
  ): EventStream | null {
    const { audience, follower, streams } = this.#parts;
    if (SUBSCRIBERS.reduce((sum, each) => sum + sumOf(this.counterMemory, each), 0) >= this.settings.limits.subscribers) return null;
    if (!audience.enter(channels)) return null;
    const left = (): void => {
      audience.leave(channels);
      over();
    };
    const isSuperseded = mode === "latest" ? follower.isSuperseded : undefined;
    const own = socket === null ? this.#ofResponse() : this.#ofSocket(channels[0]!, socket);
    const stream = streams.open({ cursor, filter, isSuperseded, ...own }, this.#committed(), cut, left, socket?.bodyOf);
    if (stream === null) audience.leave(channels);
    return stream;
  }

  /** Subscriptions that name the channel, in all http threads. */
  subscribersOf(channel: string): number {
    return audienceOf(this.#parts.audiences, channel);
  }

  /** Where a subscription without a cursor would begin. */
  get head(): string {
    return formatCursor(this.#parts.epoch, this.#committed());
  }

  /** `channel`: checked, `data`: JSON. `told` is called once, at once or when a commit has decided. */
  publish(channel: string, data: string, told: (how: Published) => void): void {
    this.#parts.publisher.publish(channel, data, told);
  }

  #ofSocket(channel: string, { account, form }: SocketShare) {
    const { epoch, wall } = this.#parts;
    // Its age is that of the socket.
    return { retryMs: 0, maxAgeMs: Infinity, account, format: socketFormat(epoch, channel, form, wall) };
  }

  /** How long a new stream or WebSocket may last. */
  streamAgeMs(): number {
    return this.settings.limits.streamAgeMs * (0.8 + this.#parts.random() * 0.4);
  }

  #ofResponse() {
    return { retryMs: Math.round(this.settings.limits.retryMs * (0.75 + this.#parts.random() * 0.5)), maxAgeMs: this.streamAgeMs() };
  }

  #committed(): Seq {
    const { board, follower } = this.#parts;
    // A page may show what the journal has committed and not yet put on the board: this thread's cursors are no future ones.
    return asSeq(Math.max(board.committed(), follower.position));
  }

  /** A stream that is a connection of the device. */
  openStream(device: DeviceId, peer: Peer, wish: StreamWish, cut: () => void, gone: AbortSignal): Promise<StreamOpened> {
    return this.#parts.devices.open(device, peer, wish, cut, gone);
  }

  /** Why the gateway cannot accept and commit now; null when it can. */
  notReady(): string | null {
    const { board, follower } = this.#parts;
    if (board.phase() !== DrainPhase.running) return "draining: the gateway is stopping";
    const gate = board.gate();
    const failure = board.storeFailure();
    if (failure !== "none") return `${NOT_COMMITTING[failure]}; nothing is acknowledged until a commit succeeds`;
    if (board.doorShut()) return "draining: an operator has shut the door for newcomers";
    if (gate !== Gate.open) return "starting: nothing could be committed yet";
    return follower.hydrated ? null : "starting: devices are being read";
  }

  get accepting(): boolean {
    return this.#parts.board.phase() < DrainPhase.sayBye;
  }

  countRequest(status: number): void {
    const at = this.#statusSlots[Math.floor(status / 100) - 2];
    if (at !== undefined) this.#parts.counters.add(at);
  }

  /** A read sees what was committed when it arrived, or says that it cannot in time. */
  async #caughtUp(): Promise<Busy | null> {
    const { board, follower } = this.#parts;
    const committed: Seq = board.committed();
    const { readWaitMs } = this.settings.limits;
    if (await follower.reach(committed, readWaitMs)) return null;
    return { kind: "busy", reason: `devices are at ${follower.position} of ${committed} after ${readWaitMs} ms` };
  }
}
