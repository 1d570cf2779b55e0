/**
 * kill -9 under load, restart, compare; on one data directory, round after round. A round is judged by a gateway that
 * was only started for it and is killed too, so that the store never sees an orderly end.
 */
import { type Prng, prng } from "../../src/base/prng.ts";
import { TestDevice } from "./fleet.ts";
import { CODEC_NAMES, keyOf } from "./frames.ts";
import { Gateway, type SettingsText, temporaryData } from "./gateway.ts";
import { LoadDevice } from "./kill_load.ts";
import { allRecords, device, metric, RECORDS_DUPLICATE } from "./rest.ts";
import { pause, until } from "./until.ts";

const DEVICES = 24;
const MIN_ACKS = 1000;
const RETENTION_MS = 1000;
const FIRST_DEVICE = 7000;

/** Where a kill falls: anywhere, or into the named step of the journal. */
export const KILL_POINTS = ["random", "flush_slice", "retention_slice", "checkpoint"] as const;
export type KillPoint = (typeof KILL_POINTS)[number];

/** Small bounds, so that every kind of step happens within a round. */
const SMALL: SettingsText = {
  "journal.flush_frames": 200,
  "journal.slice_rows": 5,
  "journal.merge_fan_in": 4,
  "journal.reserve_bytes": 1 << 20,
  log_level: "warn",
};
const EXTRA: Readonly<Record<KillPoint, SettingsText>> = {
  random: {},
  flush_slice: {},
  // What is left from before is deleted in a few slices at the start, which are not the ones to die in.
  retention_slice: { "journal.retention_ms": RETENTION_MS, "journal.slice_rows": 200 },
  checkpoint: { "journal.checkpoint_bytes": 64 * 1024 },
};

export interface Round {
  readonly point: KillPoint;
  /** Frames acknowledged in the round. */
  readonly acks: number;
  /** Frames written and unanswered at the kill. */
  readonly unacked: number;
  /** The gateway killed itself at the fault point. */
  readonly atPoint: boolean;
  readonly stored: number;
  /** Records acknowledged, within the retention, and not stored. Must be 0. */
  readonly lost: number;
  /** Records stored more than once. Must be 0. */
  readonly twice: number;
  /** Stored records nobody sent. Must be 0. */
  readonly invented: number;
  /** `berth_records_total{duplicate}` as last seen before the kill. */
  readonly duplicates: number;
  /** Devices whose fence did not rise. Must be 0. */
  readonly fencesStuck: number;
  readonly faults: readonly string[];
}

/** Enough acknowledged, something in flight, and killed where it was meant to be. */
export const counts = (round: Round): boolean => round.acks >= MIN_ACKS && round.unacked > 0 && (round.point === "random" || round.atPoint);

export class KillRounds {
  readonly #data = temporaryData();
  readonly #random: Prng;
  readonly #accept: string;
  readonly #devices: LoadDevice[];
  readonly #fences = new Map<string, number>();
  /** Passing of the fault point to die at; doubled when that was too early. */
  readonly #passing: Record<KillPoint, number> = { random: 0, flush_slice: 60, retention_slice: 60, checkpoint: 15 };
  #acks = 0;
  #onAck: () => void = () => {};

  constructor(accept: string, seed: number) {
    this.#accept = accept;
    this.#random = prng(seed);
    this.#devices = Array.from(
      { length: DEVICES },
      (_, index) =>
        new LoadDevice(new TestDevice(FIRST_DEVICE + index, CODEC_NAMES[index % 3]!), prng(seed + index), () => {
          this.#acks++;
          this.#onAck();
        }),
    );
  }

  /** One round that counts; rounds that do not are run again (at a later passing of the point), at most `tries` in all. */
  async round(point: KillPoint, tries = 4): Promise<Round[]> {
    const rounds: Round[] = [];
    for (let left = tries; left > 0; left--) {
      const round = await this.#once(point);
      rounds.push(round);
      if (counts(round)) break;
      this.#passing[point] *= round.atPoint ? 3 : 1 / 2;
    }
    return rounds;
  }

  async #once(point: KillPoint): Promise<Round> {
    this.#acks = 0;
    const passing = Math.max(1, Math.round(this.#passing[point] * (0.75 + this.#random.float() / 2)));
    const settings = { ...SMALL, ...EXTRA[point], "tcp.accept": this.#accept };
    const faults = point === "random" ? "" : `journal.${point}:kill@${passing}`;
    const gateway = Gateway.spawn({ data: this.#data, settings, faults });
    const load = await this.#load(gateway, point);
    const killedAt = Date.now();
    const unacked = (await Promise.all(this.#devices.map((each) => each.stopped()))).reduce((sum, each) => sum + each, 0);
    const kept = point === "retention_slice" ? killedAt - RETENTION_MS : 0;
    const found = await this.#compare(kept);
    return { point, acks: this.#acks, unacked, ...load, ...found, faults: this.#devices.flatMap((each) => each.faults) };
  }

  /** Load until the gateway is dead. A fault point may be passed before it is ready: then there was none. */
  async #load(gateway: Gateway, point: KillPoint): Promise<Pick<Round, "atPoint" | "duplicates" | "fencesStuck">> {
    try {
      await gateway.ready();
    } catch (error) {
      const { signal } = await gateway.ended();
      if (point === "random" || signal !== "SIGKILL") throw error;
      return { atPoint: true, duplicates: 0, fencesStuck: 0 };
    }
    await Promise.all(this.#devices.map((each) => each.start(gateway.tcpPort)));
    const duplicates = this.#watchDuplicates(gateway);
    const fencesStuck = await this.#fencesStuck(gateway).catch(() => 0);
    const atPoint = point === "random" ? await this.#killAnywhere(gateway) : await this.#awaitKill(gateway);
    return { atPoint, duplicates: await duplicates, fencesStuck };
  }

  /** Dies at an acknowledgement somewhere after the first thousand. */
  async #killAnywhere(gateway: Gateway): Promise<boolean> {
    const at = MIN_ACKS + this.#random.below(1500);
    await new Promise<void>((resolve) => {
      this.#onAck = () => {
        if (this.#acks < at) return;
        gateway.signal("SIGKILL");
        resolve();
      };
    });
    this.#onAck = () => {};
    await gateway.ended();
    return false;
  }

  /** True when it died by itself, by SIGKILL, in time. */
  async #awaitKill(gateway: Gateway): Promise<boolean> {
    const byItself = await until("the fault point", () => gateway.hasEnded(), 15_000).catch(() => false);
    if (!byItself) gateway.signal("SIGKILL");
    const { signal } = await gateway.ended();
    return byItself && signal === "SIGKILL";
  }

  async #watchDuplicates(gateway: Gateway): Promise<number> {
    let seen = 0;
    for (; !gateway.hasEnded(); await pause(50)) seen = await metric(gateway.url, RECORDS_DUPLICATE).catch(() => seen);
    return seen;
  }

  /** Asked device by device: that is the registry's word, which does not wait for a commit. Less when it dies meanwhile. */
  async #fencesStuck(gateway: Gateway): Promise<number> {
    let stuck = 0;
    for (const { device: { imei } } of this.#devices) {
      const { fence } = await device(gateway.url, imei);
      if (fence <= (this.#fences.get(imei) ?? 0)) stuck++;
      this.#fences.set(imei, fence);
    }
    return stuck;
  }

  /** Reads everything back over REST. Records sent before `keptSince` may have been deleted by the retention: forgotten. */
  async #compare(keptSince: number): Promise<Pick<Round, "stored" | "lost" | "twice" | "invented">> {
    const gateway = await Gateway.start({ data: this.#data, settings: { ...SMALL, "tcp.accept": this.#accept } });
    const total = { stored: 0, lost: 0, twice: 0, invented: 0 };
    for (const each of this.#devices) {
      const seen = new Set<string>();
      for (const record of await allRecords(gateway.url, each.device.imei)) {
        const key = keyOf(record);
        if (seen.has(key)) total.twice++;
        else if (!each.fates.has(key)) total.invented++;
        seen.add(key);
        total.stored++;
      }
      for (const [key, fate] of each.fates) {
        if (!fate.acknowledged || seen.has(key)) continue;
        if (fate.sentAt > keptSince) total.lost++;
        else each.fates.delete(key);
      }
    }
    await gateway.kill();
    return total;
  }
}
