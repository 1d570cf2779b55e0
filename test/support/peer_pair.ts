/** Two gateways that are each other's peers, with a relay in the way of each direction of dialling. */
import { type Prng, prng } from "../../src/base/prng.ts";
import type { PeerPolicy } from "../../src/wire/peer_line.ts";
import { Gateway, type GatewayOptions, writeTemporaryFile } from "./gateway.ts";
import { Relay } from "./relay.ts";
import { ask, type DeviceJson } from "./rest.ts";
import { PATIENCE_MS, until } from "./until.ts";

/** The bigger identity is bravo. */
const NAMES = { alpha: "alpha", bravo: "bravo" } as const;
/** How late the network may be, from round to round: up to about as long as the dials of two lie apart, so that they often meet. */
const DELAYS_MS = [0, 20, 60, 100] as const;

export interface PairOptions {
  readonly policy: PeerPolicy;
  readonly kind: "tcp" | "ws";
  readonly seed: number;
  /** More lines of `[peer]`. */
  readonly peer?: string;
  /** How bravo is run, when not like alpha. */
  readonly bravo?: Pick<GatewayOptions, "command" | "environment">;
}

export interface Agreement {
  readonly dialler: "alpha" | "bravo";
  readonly fences: readonly [number, number];
  /** Connections that lived at a time, at most, and that were opened in all, in this round. */
  readonly mostLive: number;
  readonly opened: number;
}

export class PeerPair {
  readonly alpha: Gateway;
  bravo: Gateway;
  /** What alpha dials through, and what bravo does. */
  readonly fromAlpha: Relay;
  readonly fromBravo: Relay;
  #fences: readonly [number, number] = [0, 0];
  readonly #random: Prng;
  readonly #second: GatewayOptions;
  #opened = 0;
  #mostLive = 0;

  private constructor(gateways: readonly [Gateway, Gateway], relays: readonly [Relay, Relay], second: GatewayOptions, seed: number) {
    this.#second = second;
    this.#random = prng(seed);
    [this.alpha, this.bravo] = gateways;
    [this.fromAlpha, this.fromBravo] = relays;
    const count = (): void => {
      this.#opened++;
      this.#mostLive = Math.max(this.#mostLive, this.fromAlpha.live + this.fromBravo.live);
    };
    for (const relay of relays) relay.onOpen = count;
  }

  static async start({ policy, kind, seed, peer = "", bravo = {} }: PairOptions): Promise<PeerPair> {
    const relays = [await Relay.start(seed), await Relay.start(seed + 1)] as const;
    const one = async (name: string, other: string, through: Relay): Promise<GatewayOptions> => {
      const lines = [
        `instance = "${name}"`,
        "workers = 1",
        `[peer]\nlisten = "127.0.0.1:0"\npolicy = "${policy}"\ndial_percent = 1\n${peer}`,
        `[[peers]]\nidentity = "${other}"\naddress = "${kind}://127.0.0.1:${through.port}"`,
      ];
      const options: GatewayOptions = { args: ["--config", await writeTemporaryFile("berth.toml", `${lines.join("\n")}\n`)] };
      return name === NAMES.bravo ? { ...options, ...bravo } : options;
    };
    const [first, second] = await Promise.all([one(NAMES.alpha, NAMES.bravo, relays[0]), one(NAMES.bravo, NAMES.alpha, relays[1])]);
    const gateways = await Promise.all([Gateway.start(first), Gateway.start(second)]);
    relays[0].targetPort = peerPort(gateways[1]);
    relays[1].targetPort = peerPort(gateways[0]);
    return new PeerPair(gateways, relays, second, seed);
  }

  /** Resets whatever there is, on both sides at once, so that both dial again. */
  cut(): void {
    this.#opened = 0;
    this.#mostLive = 0;
    const delayMs = this.#random.pick(DELAYS_MS);
    for (const relay of [this.fromAlpha, this.fromBravo]) {
      relay.cut();
      relay.delayMs = delayMs;
    }
  }

  /**
   * Waits until all is quiet: one connection lives in the relays, each gateway has one socket and no dial under way, each
   * says that it is connected since the last time, and both name the same connection.
   */
  async agreed(timeoutMs = PATIENCE_MS): Promise<Agreement> {
    const found = await until("two peers that agree", () => this.#look(), timeoutMs).catch(async (error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${await this.#state()}`);
    });
    this.#fences = found.fences;
    return found;
  }

  async #look(): Promise<Agreement | null> {
    const { fromAlpha, fromBravo } = this;
    for (const gateway of [this.alpha, this.bravo]) if (gateway.hasEnded()) throw new Error(`A gateway has ended:\n${gateway.logText}`);
    if (fromAlpha.live + fromBravo.live !== 1) return null;
    const [bravo, alpha] = await Promise.all([device(this.alpha, NAMES.bravo), device(this.bravo, NAMES.alpha)]);
    if (bravo?.connected !== true || alpha?.connected !== true) return null;
    if (bravo.fence <= this.#fences[0] || alpha.fence <= this.#fences[1]) return null;
    if (!(await isQuiet(this.alpha)) || !(await isQuiet(this.bravo))) return null;
    const alphaDialled = bravo.origin.port === fromAlpha.port;
    const bravoDialled = alpha.origin.port === fromBravo.port;
    if (alphaDialled === bravoDialled || fromAlpha.live !== (alphaDialled ? 1 : 0) || fromBravo.live !== (bravoDialled ? 1 : 0)) {
      return null;
    }
    return {
      dialler: alphaDialled ? "alpha" : "bravo",
      fences: [bravo.fence, alpha.fence],
      mostLive: this.#mostLive,
      opened: this.#opened,
    };
  }

  /** Bravo again, as another process over the same data. It must have ended. */
  async restartBravo(): Promise<void> {
    this.bravo = await Gateway.start({ ...this.#second, data: this.bravo.data });
    this.fromAlpha.targetPort = peerPort(this.bravo);
  }

  async #state(): Promise<string> {
    const [bravo, alpha] = await Promise.all([device(this.alpha, NAMES.bravo), device(this.bravo, NAMES.alpha)]).catch(() => [null, null]);
    const live = `live through alpha's relay ${this.fromAlpha.live}, bravo's ${this.fromBravo.live}`;
    return [live, JSON.stringify(bravo), JSON.stringify(alpha), this.alpha.logText, this.bravo.logText].join("\n");
  }

  async stop(): Promise<void> {
    for (const { code } of await Promise.all([this.alpha.stop(), this.bravo.stop()])) {
      if (code !== 0) throw new Error(`A gateway ended with ${code}`);
    }
    await Promise.all([this.fromAlpha.stop(), this.fromBravo.stop()]);
  }
}

const peerPort = ({ readyLine }: Gateway): number => Number(/:(\d+)$/.exec(readyLine.peer ?? "")?.[1]);

export async function device(gateway: Gateway, id: string): Promise<DeviceJson | null> {
  const { status, json } = await ask<DeviceJson>(gateway.url, `/v1/devices/${id}`);
  return status === 200 ? json : null;
}

/** The value of a metric, by its name with labels. */
export async function metric(gateway: Gateway, name: string): Promise<number> {
  return valueOf(await metricsText(gateway), name);
}

const metricsText = async ({ url }: Gateway): Promise<string> => (await fetch(`${url}/metrics`)).text();

function valueOf(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`Cannot find metric ${name}`);
  return Number(line.slice(name.length + 1));
}

/** One socket, and every dial that was begun has come to something. */
async function isQuiet(gateway: Gateway): Promise<boolean> {
  const text = await metricsText(gateway);
  if (valueOf(text, "berth_peer_sockets") !== 1) return false;
  const outcomes = ["registered", "failed", "superseded", "cancelled", "timeout", "drain"];
  const ended = outcomes.reduce((sum, outcome) => sum + valueOf(text, `berth_dials_total{outcome="${outcome}"}`), 0);
  return ended === valueOf(text, 'berth_dials_total{outcome="begun"}');
}
