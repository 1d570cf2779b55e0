/**
 * Log lines about what devices and strangers send. A peer can cause them at will, so each kind gets at most one line a
 * second, which says how many it stands for; the counters have them all. Owned by the codec worker.
 */
import type { MonoMs } from "../base/brand.ts";
import { type Log, onceEvery } from "../telemetry/log.ts";
import type { Connection } from "./codec_connection.ts";

const INTERVAL_MS = 1000;

export class CodecWarnings {
  readonly #log: Pick<Log, "warn">;
  readonly #mono: () => MonoMs;
  readonly #gates = new Map<string, ReturnType<typeof onceEvery>>();

  constructor(log: Pick<Log, "warn">, mono: () => MonoMs) {
    this.#log = log;
    this.#mono = mono;
  }

  /** `code`: of a closed set, the same literal as the metric's label. `device` is "" before the login. */
  about(code: string, connection: Connection, message: string): void {
    let gate = this.#gates.get(code);
    if (gate === undefined) this.#gates.set(code, gate = onceEvery(INTERVAL_MS, this.#mono));
    gate((heldBack) => {
      const { device, socket: { peer } } = connection;
      const who = device === "" ? {} : { device };
      const more = heldBack > 0 ? { alike: heldBack } : {};
      this.#log.warn({ code, address: peer.address, port: peer.port, ...who, ...more }, message);
    });
  }
}
