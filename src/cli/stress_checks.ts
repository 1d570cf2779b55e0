/** What a stress run looks at after a step: owners, what is stored, what the consumer was told, what the process holds. */
import type { AvlRecord } from "../codec/record.ts";
import type { Platform } from "../platform/port.ts";
import type { SelftestGateway } from "./selftest_gateway.ts";
import type { StressDevice } from "./stress_device.ts";
import type { StressScore } from "./stress_score.ts";
import type { StressWatch } from "./stress_watch.ts";

type Stored = AvlRecord & { readonly seq: number; readonly fence: number };
interface Shown {
  readonly connected: boolean;
  readonly fence: number;
  readonly records: number;
}

const WAIT_MS = 5000;
const LOOK_MS = 10;
/** Requests keep connections open for the next one. */
const REQUEST_DESCRIPTORS = 16;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const FIELDS = ["time", "priority", "lon", "lat", "altitude", "angle", "satellites", "speed", "eventId", "generationType", "io"] as const;
const same = (a: AvlRecord, b: AvlRecord): boolean => FIELDS.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));

export class StressChecks {
  readonly #platform: Platform;
  readonly #score: StressScore;
  readonly #devices: readonly StressDevice[];
  readonly #watch: StressWatch;
  readonly #fences = new Map<string, number>();
  /** Of the gateway with no device connected; -1 where it cannot be told. */
  #descriptors = -1;

  constructor(platform: Platform, score: StressScore, devices: readonly StressDevice[], watch: StressWatch) {
    this.#platform = platform;
    this.#score = score;
    this.#devices = devices;
    this.#watch = watch;
  }

  /** Counts what a gateway holds that nobody speaks to yet. */
  async baseline(gateway: SelftestGateway): Promise<void> {
    await gateway.get("/v1/devices");
    this.#descriptors = this.#open(gateway);
  }

  /** After a step about `device`, with everything sent being acknowledged. */
  async after(gateway: SelftestGateway, device: StressDevice): Promise<void> {
    this.#score.check("acks", true, "");
    await this.#owner(gateway, device);
    await this.#told(gateway);
    await this.#count(gateway, device);
    await this.#leftOver(gateway);
  }

  /** After the gateway fell: what was acknowledged is there, before anything is sent again. */
  async survived(gateway: SelftestGateway): Promise<void> {
    for (const device of this.#devices) await this.#stored(gateway, device, false);
  }

  /** At the end: every record of every device, and what the consumer was told of them. */
  async all(gateway: SelftestGateway): Promise<void> {
    await this.#told(gateway);
    for (const device of this.#devices) {
      await this.#stored(gateway, device, true);
      const told = this.#watch.records.get(device.imei) ?? 0;
      this.#score.check(
        "gaps",
        told === device.acknowledged,
        `the consumer was told ${told} records of ${device.imei} of ${device.acknowledged}`,
      );
    }
  }

  async #owner(gateway: SelftestGateway, { imei, connected }: StressDevice): Promise<void> {
    const shown = (await gateway.get(`/v1/devices/${imei}`)) as Shown;
    const before = this.#fences.get(imei) ?? 0;
    this.#fences.set(imei, shown.fence);
    this.#score.check("owner", shown.connected && connected, `${imei} is ${shown.connected ? "" : "not "}connected as the gateway says`);
    this.#score.check("fences", shown.fence >= before, `the fence of ${imei} went from ${before} to ${shown.fence}`);
  }

  async #told(gateway: SelftestGateway): Promise<void> {
    const { cursor } = (await gateway.get("/v1/devices?limit=1")) as { cursor: string };
    const reached = await this.#watch.reach(cursor).then(() => "", (error: unknown) => (error as Error).message);
    this.#score.check("gaps", reached === "", reached);
  }

  async #count(gateway: SelftestGateway, { imei, acknowledged }: StressDevice): Promise<void> {
    const { records } = (await gateway.get(`/v1/devices/${imei}`)) as Shown;
    this.#score.check(
      "stored",
      records === acknowledged,
      `${records} records of ${imei} are stored, ${acknowledged} were sent and acknowledged`,
    );
  }

  /** `exactly`: nothing else is stored either. */
  async #stored(gateway: SelftestGateway, device: StressDevice, exactly: boolean): Promise<void> {
    const seen = new Set<number>();
    let [twice, wrong] = [0, 0];
    for (let next: string | null = ""; next !== null;) {
      const after: string = next === "" ? "" : `&after=${encodeURIComponent(next)}`;
      const page = (await gateway.get(`/v1/devices/${device.imei}/records?limit=1000${after}`)) as {
        records: Stored[];
        next: string | null;
      };
      for (const record of page.records) {
        if (seen.has(record.time)) twice++;
        seen.add(record.time);
        const sent = device.records.get(record.time);
        if (sent !== undefined && !same(sent, record)) wrong++;
      }
      next = page.next;
    }
    const missing = [...device.records.keys()].filter((time) => !seen.has(time)).length;
    const more = exactly ? seen.size - device.records.size : 0;
    this.#score.check(
      "stored",
      missing + twice + wrong + more === 0,
      `${device.imei}: ${missing} acknowledged records are missing, ${twice} are stored twice, ${wrong} differ, ${more} were never acknowledged`,
    );
  }

  /** The gateway holds a socket for each connection here and none else; descriptors are back where they were. */
  async #leftOver(gateway: SelftestGateway): Promise<void> {
    const here = this.#devices.filter(({ connected }) => connected).length;
    const deadline = this.#platform.clock.mono() + WAIT_MS;
    let [sockets, descriptors] = [0, 0];
    const most = this.#descriptors + here + REQUEST_DESCRIPTORS;
    do {
      sockets = await this.#sockets(gateway);
      descriptors = this.#descriptors < 0 ? -1 : this.#open(gateway);
      if (sockets === here && descriptors <= most) break;
      await pause(LOOK_MS);
    } while (this.#platform.clock.mono() < deadline);
    this.#score.check(
      "descriptors",
      sockets === here && descriptors <= most,
      `${sockets} sockets for ${here} connections, ${descriptors} descriptors, expected at most ${most}`,
    );
  }

  async #sockets(gateway: SelftestGateway): Promise<number> {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    return Number(/^berth_sockets (\d+)$/m.exec(text)?.[1] ?? -1);
  }

  #open(gateway: SelftestGateway): number {
    const path = `/proc/${gateway.pid}/fd`;
    return this.#platform.exists(path) ? this.#platform.listDirectory(path).length : -1;
  }
}
