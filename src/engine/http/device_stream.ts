/**
 * The stream of one device: its configuration, commands, and what keeps the connection alive, as the client takes it. What is not taken
 * does not pile up: of configurations only the newest waits, and of commands there is one at a time. Owned by an http thread.
 */
import type { ConnId, DeviceId } from "../../base/brand.ts";
import { sseEvent } from "../../broker/sse_text.ts";
import type { Peer } from "../../platform/port.ts";
import type { StoredConfig } from "../../store/port.ts";
import type { EndReason } from "../../wire/control.ts";

/** asking: the registry has not decided. open: it has the device. ended: its close has begun. */
export type StreamStage = "asking" | "open" | "ended";

const encoder = new TextEncoder();
const HEARTBEAT = encoder.encode(": \n\n");

/** A command for the device, as its client is told. */
export interface OfferedCommand {
  /** The registry's number for it. */
  readonly no: number;
  readonly id: string;
  readonly text: string;
  /** Monotonic ms: not to be given any more. */
  readonly deadline: number;
}

/** What the client is told when it ends: EventSource comes back by itself after `retry`. */
const byeText = (reason: EndReason): Uint8Array => encoder.encode(`event: bye\ndata: ${JSON.stringify({ reason })}\n\n`);

export class DeviceStream {
  readonly id: ConnId;
  readonly device: DeviceId;
  readonly peer: Peer;
  /** Closes the connection when its client takes nothing. */
  readonly cut: () => void;
  stage: StreamStage = "asking";
  fence = 0;
  /** The registry knows of it, and is owed its close. */
  claimed = true;
  /** Of its socket; -1: not known. */
  descriptor = -1;
  /** Since when something waits to be taken; Infinity: nothing does. Mono ms. */
  waitingSince = Infinity;
  beatAt = 0;
  /** The newest version there is a word of, and the newest the client has been given or will be; -1: none. */
  wanted = 0;
  given = -1;
  isReading = false;
  /** It was evicted, and it is waited for whether its peer is heard: called once, by the first word or by the deadline. */
  heard: ((answered: boolean) => void) | null = null;
  /** It has said its bye, and is cut when this is not taken. */
  cutTimer: ReturnType<typeof setTimeout> | null = null;
  /** It waits to be taken. */
  command: OfferedCommand | null = null;
  #commandBytes: Uint8Array | null = null;
  #opening: Uint8Array | null = null;
  #config: Uint8Array | null = null;
  #beats = false;
  #bye: Uint8Array | null = null;
  #hasSaidBye = false;
  #isOver = false;
  #taker: ((bytes: Uint8Array | null) => void) | null = null;

  readonly #taken: (no: number) => void;

  /** `taken`: the client has this command. */
  constructor(id: ConnId, device: DeviceId, peer: Peer, cut: () => void, taken: (no: number) => void = () => undefined) {
    this.#taken = taken;
    this.id = id;
    this.device = device;
    this.peer = peer;
    this.cut = cut;
  }

  /** The last event is on its way. */
  get hasSaidBye(): boolean {
    return this.#hasSaidBye;
  }

  /** Nothing more is to be taken. */
  get isOver(): boolean {
    return this.#isOver;
  }

  begin(retryMs: number, now: number): void {
    this.#opening = encoder.encode(`retry: ${retryMs}\n\n`);
    this.#changed(now);
  }

  /** Never an older version than it was given. */
  give(config: StoredConfig | null, now: number): void {
    const version = config?.version ?? 0;
    if (version <= this.given) return;
    this.given = version;
    const { device, fence } = this;
    const value: unknown = config === null ? null : JSON.parse(config.value);
    this.#config = sseEvent(String(version), "config", JSON.stringify({ device, fence, version, value }));
    this.#changed(now);
  }

  offer(command: OfferedCommand, now: number): void {
    const { device, fence } = this;
    const { id, text } = command;
    this.command = command;
    this.#commandBytes = encoder.encode(`event: command\ndata: ${JSON.stringify({ device, fence, id, text })}\n\n`);
    this.#changed(now);
  }

  /** The one that waits, which is not taken any more. */
  withdraw(): OfferedCommand | null {
    const { command } = this;
    this.command = null;
    this.#commandBytes = null;
    return command;
  }

  beat(now: number): void {
    this.#beats = true;
    this.#changed(now);
  }

  /** While it is listened for, the stream stays open after its last event: its end is the client's word or the deadline. */
  bye(reason: EndReason, now: number): void {
    this.#config = null;
    this.#bye = byeText(reason);
    this.#changed(now);
  }

  /** The client has gone, or is cut. */
  over(): void {
    this.#isOver = true;
    this.#taker?.(null);
    this.#taker = null;
  }

  /** One call at a time; null at the end. */
  next(): Promise<Uint8Array | null> {
    const bytes = this.#take();
    return bytes === undefined ? new Promise((resolve) => this.#taker = resolve) : Promise.resolve(bytes);
  }

  #take(): Uint8Array | null | undefined {
    if (this.#isOver) return null;
    const bytes = this.#opening ?? this.#config ?? this.#commandBytes ?? this.#bye ?? (this.#beats ? HEARTBEAT : undefined);
    if (bytes === undefined) return undefined;
    if (bytes === this.#opening) this.#opening = null;
    else if (bytes === this.#config) this.#config = null;
    else if (bytes === this.#commandBytes) this.#taken(this.withdraw()!.no);
    else if (bytes === this.#bye) {
      this.#bye = null;
      this.#hasSaidBye = true;
      this.#isOver = this.heard === null;
    }
    // Any bytes are a sign of life.
    this.#beats = false;
    this.waitingSince = Infinity;
    return bytes;
  }

  #changed(now: number): void {
    if (this.#taker === null) {
      if (this.waitingSince === Infinity) this.waitingSince = now;
      return;
    }
    const taker = this.#taker;
    const bytes = this.#take();
    if (bytes === undefined) return;
    this.#taker = null;
    taker(bytes);
  }
}
