/** A gateway one of whose threads stands still at a fault point until it is let go: shutdowns are started meanwhile. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, type GatewayOptions, temporaryData } from "./gateway.ts";
import { until } from "./until.ts";

export class HeldGateway {
  readonly gateway: Gateway;
  readonly #release: string;
  readonly #point: string;

  private constructor(gateway: Gateway, release: string, point: string) {
    this.gateway = gateway;
    this.#release = release;
    this.#point = point;
  }

  /** `passing`: at which passing of the point it is held. */
  static async start(point: string, passing: number, options: GatewayOptions = {}): Promise<HeldGateway> {
    const release = join(temporaryData(), "release");
    const faults = `${point}:hold@${passing}`;
    const gateway = await Gateway.start({ ...options, faults, environment: { BERTH_FAULTS_RELEASE: release } });
    return new HeldGateway(gateway, release, point);
  }

  /** The thread stands at the point. */
  held(): Promise<true> {
    return until(`a thread held at ${this.#point}`, () => this.gateway.logText.includes(`{"held":"${this.#point}"}`));
  }

  /** Sends SIGTERM and waits until the shutdown has begun. */
  async beginStop(): Promise<void> {
    this.gateway.signal("SIGTERM");
    await until("the shutdown's begin", () => this.gateway.logText.includes("shutting down"));
  }

  letGo(): void {
    writeFileSync(this.#release, "");
  }
}
