/** Where drained devices connect again, seen from the events of several gateways since before the drain's begin. */
import { connect } from "../client/connect.ts";
import { getJson } from "../client/rest.ts";

const LOOK_MS = 50;

export class DrainMoves {
  /** The gateway that is drained: only a fence above the drained one is a return. */
  readonly #own: string;
  /** Gateway → device → fence of its newest connection there. */
  readonly #seen = new Map<string, Map<string, number>>();
  readonly #stop = new AbortController();

  private constructor(own: string) {
    this.#own = own;
  }

  /** Follows the gateway at `own` and those at `others` from now on. @throws Error when one cannot be asked. */
  static async watch(own: string, others: readonly string[], random: () => number, token?: string): Promise<DrainMoves> {
    const moves = new DrainMoves(own);
    for (const url of [own, ...others]) {
      const answer = await getJson(url, "/v1/devices?limit=1", token);
      if (!answer.ok) throw new Error(answer.message);
      void moves.#follow(url, (answer.value as { cursor: string }).cursor, random, token);
    }
    return moves;
  }

  /** Where the device is since it was drained; null: nowhere yet. Elsewhere counts before a return. */
  whereIs(device: string, drainedFence: number): string | null {
    let found: string | null = null;
    for (const [url, devices] of this.#seen) {
      const fence = devices.get(device);
      if (fence === undefined || (url === this.#own && fence <= drainedFence)) continue;
      if (found === null || found === this.#own) found = url;
    }
    return found;
  }

  /** Looks again and again; true as soon as `done`, false after `waitMs` or when `signal` aborts. */
  async until(done: () => boolean, waitMs: number, now: () => number, signal: AbortSignal): Promise<boolean> {
    for (const deadline = now() + waitMs; !done();) {
      if (now() >= deadline || signal.aborted) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return true;
  }

  end(): void {
    this.#stop.abort();
  }

  async #follow(url: string, cursor: string, random: () => number, token: string | undefined): Promise<void> {
    const devices = new Map<string, number>();
    this.#seen.set(url, devices);
    for await (const event of connect(url, { kinds: ["connected", "replaced"], cursor, signal: this.#stop.signal, random, token })) {
      const { device, fence = 0 } = event.data as { readonly device?: string; readonly fence?: number };
      if (device !== undefined) devices.set(device, fence);
    }
  }
}
