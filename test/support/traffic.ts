/** A little of everything until the gateway ends: short links, frames, reads, a live consumer. Remembers what was acknowledged. */
import { TestDevice } from "./fleet.ts";
import { CODEC_NAMES, keyOf } from "./frames.ts";
import type { Gateway } from "./gateway.ts";
import { allRecords, ask } from "./rest.ts";
import { SseConsumer } from "./sse.ts";
import { Tracker } from "./tracker.ts";

const DEVICES = 4;

export class Traffic {
  /** Keys of acknowledged records by device. */
  readonly #acknowledged = new Map<string, string[]>();
  readonly #gateway: Gateway;
  readonly #running: Promise<unknown>;

  constructor(gateway: Gateway, firstDevice: number) {
    this.#gateway = gateway;
    const devices = Array.from({ length: DEVICES }, (_, index) => new TestDevice(firstDevice + index, CODEC_NAMES[index % 3]!));
    this.#running = Promise.all([...devices.map((device) => this.#send(device)), this.#read(devices[0]!), this.#follow()]);
  }

  /** Resolves when the gateway is gone. */
  async ended(): Promise<void> {
    await this.#running;
  }

  get acknowledged(): number {
    return [...this.#acknowledged.values()].reduce((sum, keys) => sum + keys.length, 0);
  }

  /** Acknowledged records that a gateway on the same data does not show. */
  async missingAt(url: string): Promise<string[]> {
    const missing: string[] = [];
    for (const [imei, keys] of this.#acknowledged) {
      const stored = new Set((await allRecords(url, imei)).map(keyOf));
      missing.push(...keys.filter((key) => !stored.has(key)));
    }
    return missing;
  }

  async #send(device: TestDevice): Promise<void> {
    const kept: string[] = [];
    this.#acknowledged.set(device.imei, kept);
    while (!this.#gateway.hasEnded()) {
      try {
        const tracker = await Tracker.loggedIn(this.#gateway.tcpPort, device.imei, 2000);
        for (let i = 0; i < 5; i++) {
          const frame = device.frames(1, 3)[0]!;
          if (await tracker.send(frame.bytes, 2000) === frame.records.length) kept.push(...device.expected(frame.records).map(keyOf));
        }
        tracker.reset();
      } catch {
        // It is dying, as it should. Whether it does is the caller's question.
        await this.#tick();
      }
    }
  }

  async #read(device: TestDevice): Promise<void> {
    while (!this.#gateway.hasEnded()) {
      await ask(this.#gateway.url, `/v1/devices/${device.imei}/records?limit=5`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
      await this.#tick();
    }
  }

  async #follow(): Promise<void> {
    const consumer = await SseConsumer.open(this.#gateway.url).catch(() => null);
    while (!this.#gateway.hasEnded()) await this.#tick();
    consumer?.close();
  }

  #tick(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 5));
  }
}
