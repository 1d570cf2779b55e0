/** Devices that share one identity, on real sockets from addresses of their own, and what a gateway tells of them. */
import type { Gateway } from "./gateway.ts";
import { encodeLogin } from "./frames.ts";
import { RawPeer } from "./raw_peer.ts";
import { ask, metrics } from "./rest.ts";
import type { SseConsumer } from "./sse.ts";
import { Tracker } from "./tracker.ts";
import { pause, until } from "./until.ts";

export interface OriginJson {
  readonly address: string;
  readonly port: number;
  readonly clientInstance: string | null;
}
export interface ConflictJson {
  readonly id: string;
  readonly device: string;
  readonly fence: number;
  readonly at: number;
  readonly verdict: string;
  readonly action: string;
  readonly alternations: number;
  readonly takeovers: number;
  readonly windowMs: number;
  readonly evidence: {
    readonly rule: string;
    readonly differ: readonly string[];
    readonly movement: { readonly km: number; readonly seconds: number; readonly kmh: number | null } | null;
  } | null;
  readonly origins: readonly (OriginJson & {
    readonly fence: number;
    readonly since: number;
    readonly tls: string | null;
    readonly codec: string | null;
  })[];
  readonly acknowledgedAt: number | null;
}
export interface TakeoverJson {
  readonly at: number;
  readonly policy: string;
  readonly reason: string;
  readonly old: {
    readonly fence: number;
    readonly origin: OriginJson;
    readonly since: number;
    readonly lastByteAt: number;
    readonly records: number;
  };
  readonly new: { readonly fence: number; readonly origin: OriginJson };
  readonly evidence: {
    readonly oldClosing: boolean;
    readonly oldLastByteAt: number;
    readonly oldInFlight: number;
    readonly silentMs: number;
    readonly answered: boolean | null;
    readonly bytesAfter: boolean | null;
    readonly verdict: string | null;
  };
}

export const conflicts = async (url: string, query = ""): Promise<readonly ConflictJson[]> =>
  (await ask<{ conflicts: ConflictJson[] }>(url, `/v1/conflicts${query}`)).json.conflicts;

export const history = async (url: string, id: string, query = ""): Promise<readonly TakeoverJson[]> =>
  (await ask<{ takeovers: TakeoverJson[] }>(url, `/v1/devices/${id}/history${query}`)).json.takeovers;

export const eventsOf = <T>(consumer: SseConsumer, kind: string, imei: string): T[] =>
  consumer.of(kind).map((event) => JSON.parse(event.data) as T & { device: string }).filter(({ device }) => device === imei);

/** Connects and logs in from `from`; whoever had the device loses it. */
export async function take(gateway: Gateway, imei: string, from: string): Promise<Tracker> {
  const tracker = await Tracker.open(gateway.tcpPort, "127.0.0.1", from);
  tracker.write(encodeLogin(imei));
  const answer = await tracker.answered();
  if (answer !== 1) throw new Error(`Cannot take ${imei} from ${from}: answered ${answer}`);
  return tracker;
}

/** The same with a peer that can vanish from the network. */
export async function takeRaw(gateway: Gateway, imei: string, from: string): Promise<RawPeer> {
  const peer = RawPeer.connect(gateway.tcpPort, { from });
  peer.send(encodeLogin(imei));
  await until(`the login of ${imei}`, () => peer.receive());
  return peer;
}

/** A device that connects again whenever it was cut off. */
export class Rival {
  readonly from: string;
  /** Logins that were answered 01, and 00. */
  admitted = 0;
  refused = 0;
  #stopped = false;
  #tracker: Tracker | null = null;
  readonly #running: Promise<void>;

  constructor(gateway: Gateway, imei: string, from: string, pauseMs: number) {
    this.from = from;
    this.#running = this.#run(gateway, imei, pauseMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#tracker?.close();
    await this.#running;
  }

  async #run(gateway: Gateway, imei: string, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const tracker = this.#tracker = await Tracker.open(gateway.tcpPort, "127.0.0.1", this.from).catch(() => null);
      // The gateway is gone.
      if (tracker === null) return;
      tracker.write(encodeLogin(imei));
      const answer = await tracker.answered().catch(() => null);
      if (answer === 1) this.admitted++;
      else if (answer === 0) this.refused++;
      await tracker.ended(120_000);
      if (!this.#stopped) await pause(pauseMs);
    }
  }
}

/** Over all labels, of those that have this one. */
const sumOf = (samples: ReadonlyMap<string, number>, name: string, label = ""): number =>
  [...samples].reduce((total, [key, value]) => (key.startsWith(`${name}{`) && key.includes(label) ? total + value : total), 0);

/** Waits until it is known of every evicted connection what became of it. */
export const untilAllHeard = (gateway: Gateway): Promise<unknown> =>
  until("what became of every loser", async () => {
    const all = await metrics(gateway.url);
    return sumOf(all, "berth_evictions_total") === sumOf(all, "berth_evicted_peers_total");
  }, 15_000);

/** Waits until the history has that too: `imeis` are all devices that were ever taken over. */
export async function untilAllKept(gateway: Gateway, ...imeis: string[]): Promise<void> {
  await untilAllHeard(gateway);
  await until("what became of every loser in the history", async () => {
    const kept = (await Promise.all(imeis.map((imei) => history(gateway.url, imei, "?limit=1000")))).flat();
    return kept.length === sumOf(await metrics(gateway.url), "berth_takeovers_total", 'outcome="admitted"') &&
      kept.every(({ evidence }) => evidence.answered !== null);
  });
}
