/**
 * `berth simulate`: a fleet of trackers with believable tracks against any Teltonika server, at a given rate of frames. Runs
 * on the main thread's event loop until its time is over, its frames are acknowledged or the user interrupts it.
 */
import { Deque } from "../base/deque.ts";
import { prng } from "../base/prng.ts";
import type { TlsTrust } from "../platform/tls_port.ts";
import type { Platform } from "../platform/port.ts";
import type { SimulatedDevice } from "./simulate_device.ts";
import { FrameSource, imeiOf, type SimulatedCodec } from "./simulate_source.ts";
import { progressLine, summaryOf, Tally } from "./simulate_tally.ts";
import { Tracker, type TrackerSetting } from "./simulate_tracker.ts";
import { UdpFleet } from "./simulate_udp.ts";
import { drivingWords, endWords, waitingWords } from "./simulate_words.ts";

export interface SimulateOptions {
  readonly host: string;
  readonly port: number;
  readonly devices: number;
  /** Frames a second of all trackers together; 0: each sends as soon as its frame before is acknowledged. */
  readonly rate: number;
  /** Records in a frame. */
  readonly records: number;
  readonly codec: SimulatedCodec;
  /** Whichever comes first ends it; null: no bound. `frames` are of all trackers together, in equal parts. */
  readonly seconds: number | null;
  readonly frames: number | null;
  readonly seed: number;
  /** IMEI of the first tracker; the others count on from it. */
  readonly imei: string;
  /** Time of the first records, ms since 1970. */
  readonly start: number;
  readonly newestFirst: boolean;
  /** Datagrams of the UDP channel. */
  readonly udp: boolean;
  /** Connections with TLS, to a server that this trusts; null: without. */
  readonly tls: TlsTrust | null;
}

export type SimulatePlatform = Pick<
  Platform,
  "connectTcp" | "connectTls" | "openUdp" | "lookup" | "clock" | "onSignal" | "writeOut" | "writeErr" | "errIsTerminal"
>;

const TICK_MS = 5;
const LOOK_MS = 50;
const DRAW_MS = 250;
/** Sockets that may be opening at once: a fleet that connects all at once overruns the backlog of many servers. */
const CONNECTING = 256;
/** Frames that fall due while nobody can send are made up for, up to this. */
const CREDIT_S = 1;
/** After the end the acknowledgements still due get this long. */
const GRACE_MS = 5000;
const CLOSE_MS = 200;
/** A server that has let nobody in for this long since the start is not there, or not one for trackers. */
const NOBODY_MS = 15_000;
/** What is wrong is said after this already. */
const SAY_MS = 1500;
const LONGEST_STEP_MS = 30_000;
/** What a longer line has left of itself. */
const CLEAR = "\u001b[K";

/** Time between a tracker's records: the pace at which it sends them, so that its clock keeps up with ours. */
export function stepMsOf(options: Pick<SimulateOptions, "devices" | "rate" | "records">): number {
  if (options.rate === 0) return 1;
  return Math.max(1, Math.min(LONGEST_STEP_MS, Math.round((1000 * options.devices) / (options.rate * options.records))));
}

/** Time of every tracker's first record when the newest one of its first frame is of now: a tracker sends what was. */
export const startBefore = (now: number, options: Pick<SimulateOptions, "devices" | "rate" | "records">): number =>
  Math.max(0, now - options.records * stepMsOf(options));

/** Frames of tracker `index` when all together send `frames`. */
export const quotaOf = (frames: number | null, devices: number, index: number): number =>
  frames === null ? Number.POSITIVE_INFINITY : Math.floor(frames / devices) + (index < frames % devices ? 1 : 0);

class Simulation {
  readonly #options: SimulateOptions;
  readonly #platform: SimulatePlatform;
  readonly #tally = new Tally();
  readonly #trackers: SimulatedDevice[];
  readonly #ready = new Deque<SimulatedDevice>();
  /** Those in `#ready`: one that reconnects while it waits stands there already. */
  readonly #waiting = new Set<SimulatedDevice>();
  readonly #begin: number;
  #credit = 0;
  #ticked: number;
  #looked = Number.NEGATIVE_INFINITY;
  #drawn = 0;
  /** What was said of whether trackers get in. */
  #said: "nothing" | "waiting" | "driving" = "nothing";
  /** Mono ms when sending ended; null while it goes on. */
  #stopped: number | null = null;
  #interrupted = false;

  /** `fleet`: what they send through; null: a connection each. */
  constructor(options: SimulateOptions, platform: SimulatePlatform, fleet: UdpFleet | null) {
    this.#options = options;
    this.#platform = platform;
    this.#begin = platform.clock.mono();
    this.#ticked = this.#begin;
    const { host, port, devices, frames, seed, imei, tls } = options;
    const setting: TrackerSetting = {
      platform: tls === null ? platform : { ...platform, connectTcp: (to, at, handler) => platform.connectTls(to, at, tls, handler) },
      host,
      port,
      tally: this.#tally,
      random: prng(seed),
      ready: (tracker) => this.#becameReady(tracker),
    };
    const source = { ...options, stepMs: stepMsOf(options) };
    this.#trackers = Array.from(
      { length: devices },
      (_, index) => {
        const about = [imeiOf(imei, index), new FrameSource(source, index), quotaOf(frames, devices, index), setting] as const;
        return fleet === null ? new Tracker(...about) : fleet.tracker(...about);
      },
    );
  }

  async run(): Promise<number> {
    this.#platform.onSignal("SIGINT", () => {
      this.#interrupted = true;
    });
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (!this.#tick()) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
    const elapsedMs = (this.#stopped ?? this.#platform.clock.mono()) - this.#begin;
    const unanswered = this.#trackers.some((tracker) => tracker.outstanding);
    for (const tracker of this.#trackers) tracker.end();
    await new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS));
    if (this.#drawn > 0) this.#platform.writeErr("\n");
    const complete = this.#options.frames === null || this.#interrupted || this.#trackers.every((tracker) => tracker.finished);
    const isGood = this.#tally.acked > 0 && !unanswered && complete;
    if (!isGood && !(this.#interrupted && this.#tally.logins === 0)) {
      this.#platform.writeErr(endWords(this.#options, this.#tally, elapsedMs));
    }
    this.#platform.writeOut(`${JSON.stringify(summaryOf(this.#tally, elapsedMs))}\n`);
    return isGood ? 0 : 1;
  }

  #becameReady(tracker: SimulatedDevice): void {
    if (this.#stopped !== null) return;
    if (this.#options.rate === 0) tracker.send();
    else if (!this.#waiting.has(tracker)) {
      this.#waiting.add(tracker);
      this.#ready.push(tracker);
    }
  }

  /** Does what is due; true when the simulation is over. */
  #tick(): boolean {
    const now = this.#platform.clock.mono();
    if (this.#stopped === null && (this.#isDone(now) || this.#isFutile(now))) this.#stopped = now;
    if (this.#stopped === null) this.#pay(now);
    this.#ticked = now;
    if (now - this.#looked >= LOOK_MS) this.#look(now);
    this.#say(now);
    return this.#stopped !== null && (now - this.#stopped > GRACE_MS || !this.#trackers.some((tracker) => tracker.outstanding));
  }

  /** Lets as many ready trackers send as the rate has come to since the last tick. */
  #pay(now: number): void {
    const { rate } = this.#options;
    if (rate === 0) return;
    this.#credit = Math.min(this.#credit + (rate * (now - this.#ticked)) / 1000, Math.max(1, rate * CREDIT_S));
    while (this.#credit >= 1 && this.#ready.length > 0) {
      const tracker = this.#ready.shift()!;
      this.#waiting.delete(tracker);
      if (tracker.send()) this.#credit--;
    }
  }

  /** Time-outs and reconnects of all trackers. */
  #look(now: number): void {
    this.#looked = now;
    let connecting = 0;
    for (const tracker of this.#trackers) if (tracker.connecting) connecting++;
    for (const tracker of this.#trackers) {
      const before = tracker.connecting;
      // After the end only what is still unacknowledged is worth a connection.
      tracker.tick(now, connecting < CONNECTING && (this.#stopped === null || tracker.outstanding));
      if (tracker.connecting && !before) connecting++;
    }
  }

  #isDone(now: number): boolean {
    const { seconds, frames } = this.#options;
    return this.#interrupted || (seconds !== null && now - this.#begin >= seconds * 1000) ||
      (frames !== null && this.#tally.acked >= frames);
  }

  #isFutile(now: number): boolean {
    return this.#tally.logins === 0 && now - this.#begin >= NOBODY_MS;
  }

  /** Whether trackers get in: what was acknowledged does not tell a wrong address from a slow server. Then how far it is. */
  #say(now: number): void {
    const isIn = this.#tally.logins > 0;
    if (isIn && this.#said !== "driving") {
      this.#said = "driving";
      this.#platform.writeErr(drivingWords(this.#options));
    } else if (this.#said === "nothing" && now - this.#begin >= SAY_MS) {
      this.#said = "waiting";
      this.#platform.writeErr(waitingWords(this.#options, this.#tally, NOBODY_MS));
    }
    if (!isIn || !this.#platform.errIsTerminal || now - this.#drawn < DRAW_MS) return;
    this.#drawn = now;
    this.#platform.writeErr(`\r${progressLine(this.#tally, this.#done(now), now - this.#begin)}${CLEAR}`);
  }

  /** 0-1: of the bound that is nearer; null: there is none. */
  #done(now: number): number | null {
    const { seconds, frames } = this.#options;
    if (seconds === null && frames === null) return null;
    return Math.max(seconds === null ? 0 : (now - this.#begin) / (seconds * 1000), frames === null ? 0 : this.#tally.acked / frames);
  }
}

/** Resolves with the exit code: 0 when frames were acknowledged and none was left unacknowledged. */
export async function simulate(options: SimulateOptions, platform: SimulatePlatform): Promise<number> {
  let fleet: UdpFleet | null = null;
  try {
    if (options.udp) fleet = await UdpFleet.open(platform, options.host, options.port, options.devices);
  } catch (error) {
    platform.writeErr(`berth: Cannot simulate: ${(error as Error).message}\n`);
    return 1;
  }
  try {
    return await new Simulation(options, platform, fleet).run();
  } finally {
    fleet?.close();
  }
}
