/**
 * Log lines about what devices and strangers send. A peer can cause them at will, so each kind has a bucket: ten lines at
 * once, then one a second; a line says how many before it were held back. The counters have them all.
 * Owned by the codec worker.
 */
import type { MonoMs } from "../../base/brand.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Connection } from "./connection.ts";

const BURST = 10;
const PER_MS = 1 / 1000;

interface Bucket {
  lines: number;
  at: number;
  heldBack: number;
}

export class CodecWarnings {
  readonly #log: Pick<Log, "warn">;
  readonly #mono: () => MonoMs;
  readonly #buckets = new Map<string, Bucket>();

  constructor(log: Pick<Log, "warn">, mono: () => MonoMs) {
    this.#log = log;
    this.#mono = mono;
  }

  /** `code`: of a closed set, the same literal as the metric's label. */
  about(code: string, connection: Connection, message: string): void {
    const now = this.#mono();
    let bucket = this.#buckets.get(code);
    if (bucket === undefined) this.#buckets.set(code, bucket = { lines: BURST, at: now, heldBack: 0 });
    bucket.lines = Math.min(BURST, bucket.lines + (now - bucket.at) * PER_MS);
    bucket.at = now;
    if (bucket.lines < 1) {
      bucket.heldBack++;
      return;
    }
    bucket.lines--;
    const { device, socket: { peer } } = connection;
    // Before its login a connection has no device.
    const who = device === "" ? {} : { device };
    const more = bucket.heldBack > 0 ? { heldBack: bucket.heldBack } : {};
    bucket.heldBack = 0;
    this.#log.warn({ code, address: peer.address, port: peer.port, ...who, ...more }, message);
  }
}
