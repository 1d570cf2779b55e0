/**
 * One simulated tracker: connects, logs in, sends a frame, waits for its acknowledgement, as the vendor's devices do, and
 * answers commands. What is not acknowledged is sent again after a reconnect. Owned by the simulation's event loop, which calls `tick`.
 */
import type { Prng } from "../base/prng.ts";
import { reasonOf } from "../client/rest.ts";
import { encodeLogin } from "../codec/encode.ts";
import type { Platform, Socket } from "../platform/port.ts";
import { Ear, type Heard } from "./simulate_commands.ts";
import type { FrameSource, SimulatedFrame } from "./simulate_source.ts";
import type { Tally } from "./simulate_tally.ts";

/** A tracker waits this long for an answer, then closes and begins again; the vendor's default. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Pauses before the next attempt to connect, each varied by half; the last one stays. */
const BACKOFF_MS = [100, 500, 1000, 2000, 4000, 8000, 15_000, 30_000];
const ACCEPTED = 1;

export interface TrackerSetting {
  readonly platform: Pick<Platform, "connectTcp" | "clock">;
  readonly host: string;
  readonly port: number;
  readonly tally: Tally;
  readonly random: Prng;
  /** The tracker is logged in and has nothing outstanding: it may be told to send. */
  ready(tracker: Tracker): void;
}

/** `connecting` also stands for a connection that is given up and not closed yet. */
type Phase = "down" | "connecting" | "login" | "ready" | "waiting" | "over";

export class Tracker {
  readonly imei: string;
  /** Frames it may still begin. */
  quota: number;
  readonly #setting: TrackerSetting;
  readonly #source: FrameSource;
  #phase: Phase = "down";
  #socket: Socket | null = null;
  #frame: SimulatedFrame | null = null;
  /** Bytes the kernel has not taken yet. */
  #unwritten: Uint8Array = new Uint8Array(0);
  readonly #ear: Ear;
  #sentAt = 0;
  #attempts = 0;
  #connectAt = 0;

  constructor(imei: string, source: FrameSource, quota: number, setting: TrackerSetting) {
    this.imei = imei;
    this.quota = quota;
    this.#source = source;
    this.#setting = setting;
    this.#ear = new Ear(imei);
  }

  get outstanding(): boolean {
    return this.#frame !== null;
  }
  get connecting(): boolean {
    return this.#phase === "connecting";
  }
  /** Everything it had to send is acknowledged. */
  get finished(): boolean {
    return this.quota === 0 && this.#frame === null;
  }

  /** Begins and ends what is due at `now` (mono ms). `mayConnect`: false while too many others are connecting. */
  tick(now: number, mayConnect: boolean): void {
    if (this.#phase === "down") {
      if (mayConnect && now >= this.#connectAt && !this.finished) this.#connect();
    } else if ((this.#phase === "login" || this.#phase === "waiting") && now - this.#sentAt > ANSWER_TIMEOUT_MS) {
      this.#setting.tally.timeouts++;
      if (this.#phase === "login") this.#setting.tally.trouble = "their logins are not answered";
      this.#giveUp();
    }
  }

  /** Sends the next frame. False when it cannot now: its connection ended since it was ready. */
  send(): boolean {
    if (this.#phase !== "ready" || this.quota === 0) return false;
    this.quota--;
    this.#frame = this.#source.next();
    this.#setting.tally.sent++;
    this.#sendFrame(this.#frame);
    return true;
  }

  /** Ends it for good. */
  end(): void {
    this.#phase = "over";
    this.#socket?.end();
  }

  #connect(): void {
    this.#phase = "connecting";
    const { platform, host, port } = this.#setting;
    platform.connectTcp<Tracker>(host, port, {
      open: (socket) => (this.#opened(socket), this),
      data: (tracker, bytes) => tracker.#received(bytes),
      drain: (tracker) => tracker.#write(),
      close: (tracker) => tracker.#closed(),
    }).catch((error: unknown) => {
      this.#setting.tally.trouble = reasonOf(error);
      this.#closed();
    });
  }

  #opened(socket: Socket): void {
    this.#socket = socket;
    if (this.#phase === "over") {
      socket.end();
      return;
    }
    this.#phase = "login";
    this.#ear.clear();
    this.#sentAt = this.#setting.platform.clock.mono();
    this.#unwritten = encodeLogin(this.imei);
    this.#write();
  }

  #write(): void {
    const taken = this.#socket?.write(this.#unwritten) ?? -1;
    if (taken >= 0) this.#unwritten = this.#unwritten.subarray(taken);
  }

  #sendFrame(frame: SimulatedFrame): void {
    this.#phase = "waiting";
    this.#sentAt = this.#setting.platform.clock.mono();
    this.#append(frame.bytes);
  }

  /** Behind what the kernel has not taken yet. */
  #append(bytes: Uint8Array): void {
    if (this.#unwritten.length === 0) this.#unwritten = bytes;
    else {
      const both = new Uint8Array(this.#unwritten.length + bytes.length);
      both.set(this.#unwritten);
      both.set(bytes, this.#unwritten.length);
      this.#unwritten = both;
    }
    this.#write();
  }

  #received(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#phase === "login") this.#loginAnswered(byte);
      else if (this.#phase === "waiting" || this.#phase === "ready") {
        const heard = this.#ear.byte(byte);
        if (heard !== null) this.#heard(heard);
      }
    }
  }

  #heard(heard: Heard): void {
    switch (heard.kind) {
      case "ack":
        // With nothing to acknowledge it is as wrong as a wrong count.
        return this.#frameAnswered(this.#phase === "waiting" ? heard.count : -1);
      case "command":
        this.#setting.tally.commands++;
        if (heard.answer !== null) this.#append(heard.answer);
        return;
      case "odd":
        this.#setting.tally.mismatches++;
        return this.#giveUp();
    }
  }

  #loginAnswered(byte: number): void {
    const { tally } = this.#setting;
    if (byte !== ACCEPTED) {
      tally.refused++;
      tally.trouble = "";
      this.#giveUp();
      return;
    }
    tally.logins++;
    if (this.#frame === null) this.#becomeReady();
    else {
      tally.resent++;
      this.#sendFrame(this.#frame);
    }
  }

  #frameAnswered(count: number): void {
    const { tally, platform } = this.#setting;
    if (count !== this.#frame?.records.length) {
      tally.mismatches++;
      this.#giveUp();
      return;
    }
    tally.acked++;
    tally.records += count;
    tally.latencies.add(platform.clock.mono() - this.#sentAt);
    this.#frame = null;
    this.#attempts = 0;
    this.#becomeReady();
  }

  /** Ends this connection; `#closed` follows. */
  #giveUp(): void {
    this.#phase = "connecting";
    this.#socket?.reset();
  }

  #becomeReady(): void {
    this.#phase = "ready";
    if (this.quota > 0) this.#setting.ready(this);
  }

  /** Closed by either side, or never opened. */
  #closed(): void {
    this.#socket = null;
    if (this.#phase === "over") return;
    if (this.#phase === "login") this.#setting.tally.trouble = "it closes them before their login is answered";
    this.#phase = "down";
    const { platform, random, tally } = this.#setting;
    const pause = BACKOFF_MS[Math.min(this.#attempts++, BACKOFF_MS.length - 1)]!;
    this.#connectAt = platform.clock.mono() + pause * (0.5 + random.float());
    if (!this.finished) tally.reconnects++;
  }
}
