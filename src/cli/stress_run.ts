/** Performs the steps of a stress run against a gateway of its own, and checks after each what must hold. */
import type { Platform } from "../platform/port.ts";
import { StressChecks } from "./stress_checks.ts";
import { StressDevice } from "./stress_device.ts";
import { StressLink } from "./stress_link.ts";
import { stepText, STRESS_DEVICES, type StressStep } from "./stress_plan.ts";
import type { StressScore } from "./stress_score.ts";
import { StressWatch } from "./stress_watch.ts";
import { post } from "../client/rest.ts";
import { SelftestGateway } from "./selftest_gateway.ts";
import { FrameSource, imeiOf } from "./simulate_source.ts";

const FIRST_IMEI = "350000000900000";
const START = Date.UTC(2026, 0, 1);
const RECORDS = 3;
const PROMPT_MS = 1000;
const CLOSED_MS = 1500;
const BYSTANDER_MS = 5000;
/** Frames a device has in flight when the gateway falls. */
const FALL_FRAMES = 12;
/** Frames of one device while a consumer reads nothing. */
const STALL_FRAMES = 40;

export class StressRun {
  readonly #platform: Platform;
  readonly #data: string;
  readonly #score: StressScore;
  readonly #devices: readonly StressDevice[];
  #gateway!: SelftestGateway;
  #watch!: StressWatch;
  #checks!: StressChecks;

  constructor(platform: Platform, data: string, seed: number, score: StressScore) {
    this.#platform = platform;
    this.#data = data;
    this.#score = score;
    this.#devices = Array.from({ length: STRESS_DEVICES }, (_, index) => {
      const options = { seed, codec: "mix", records: RECORDS, start: START, stepMs: 1000, newestFirst: false } as const;
      return new StressDevice(platform, imeiOf(FIRST_IMEI, index), new FrameSource(options, index));
    });
  }

  /** What the gateway said last. */
  get lastWords(): string {
    return this.#gateway.lastWords;
  }
  get summary(): { readonly events: number; readonly records: number; readonly slowestLoginMs: number } {
    return {
      events: this.#watch.events,
      records: this.#devices.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      slowestLoginMs: Math.round(this.#devices.reduce((most, { slowestLoginMs }) => Math.max(most, slowestLoginMs), 0)),
    };
  }

  async begin(): Promise<void> {
    this.#gateway = await SelftestGateway.start(this.#platform, this.#data);
    const { cursor } = (await this.#gateway.get("/v1/devices")) as { cursor: string };
    this.#watch = new StressWatch(cursor, (rule, what) => this.#score.broken(rule, what));
    this.#watch.follow(this.#gateway.url);
    this.#checks = new StressChecks(this.#platform, this.#score, this.#devices, this.#watch);
    await this.#checks.baseline(this.#gateway);
    for (const device of this.#devices) await device.catchUp(this.#port, 1);
  }

  async step(step: StressStep): Promise<void> {
    this.#score.try(step.kind, stepText(step));
    const device = this.#devices[step.device]!;
    const others = step.kind === "kill" || step.kind === "stop" ? null : this.#others(step.device);
    await Promise.all([this.#perform(step, device), others]);
    await device.catchUp(this.#port, 1);
    await this.#checks.after(this.#gateway, device);
  }

  /** Reads everything back, then ends the gateway in order. */
  async finish(): Promise<void> {
    await this.#checks.all(this.#gateway);
    await this.#watch.leave();
    for (const { link } of this.#devices) link?.reset();
    const code = await this.#gateway.end("SIGTERM");
    this.#score.check("lives", code === 0, `SIGTERM ended it with ${code}`);
  }

  /** Ends what still runs. */
  async clean(): Promise<void> {
    await this.#watch?.leave();
    for (const { link } of this.#devices) link?.reset();
    await this.#gateway?.end("SIGKILL").catch(() => null);
  }

  get #port(): number {
    return this.#gateway.port;
  }

  #perform(step: StressStep, device: StressDevice): Promise<void> {
    switch (step.kind) {
      case "storm":
        return this.#storm(device, step.count);
      case "takeover":
        return this.#takeOver(device, step.count);
      case "blocked":
        return this.#blocked(device, step.count);
      case "stalled":
        return this.#stalled(device);
      case "half":
        return this.#half(device, step.count);
      case "late":
        return this.#late(device);
      case "torn":
        return this.#torn(device);
      case "again":
        return device.again(step.count);
      case "kick":
        return this.#kick(device, step.count);
      case "kill":
        return this.#fall("SIGKILL");
      case "stop":
        return this.#fall("SIGTERM");
    }
  }

  /** The devices a step is not about send a frame each. */
  async #others(except: number): Promise<void> {
    const began = this.#platform.clock.mono();
    await Promise.all(this.#devices.filter((_, index) => index !== except).map((device) => device.catchUp(this.#port, 1)));
    const took = Math.round(this.#platform.clock.mono() - began);
    this.#score.check("bystanders", took <= BYSTANDER_MS, `the others were answered after ${took} ms`);
  }

  async #successor(device: StressDevice): Promise<void> {
    const began = this.#platform.clock.mono();
    await device.connect(this.#port);
    const took = Math.round(this.#platform.clock.mono() - began);
    this.#score.check("prompt", took <= PROMPT_MS, `${device.imei} was let in after ${took} ms`);
  }

  async #seesItsEnd(link: StressLink, who: string): Promise<void> {
    const ended = await link.untilClosed(CLOSED_MS).then(() => true, () => false);
    this.#score.check("closed", ended, `${who} was not closed`);
    if (!ended) link.reset();
  }

  async #storm(device: StressDevice, count: number): Promise<void> {
    device.settle();
    const links = await Promise.all(Array.from({ length: count }, () => StressLink.open(this.#platform, this.#port)));
    const all = device.link === null ? links : [device.link, ...links];
    for (const link of links) link.hello(device.imei);
    const open = (): StressLink[] => all.filter((link) => !link.closed);
    const deadline = this.#platform.clock.mono() + 10_000;
    while (open().length > 1 && this.#platform.clock.mono() < deadline) {
      await Promise.race(open().map((link) => link.untilClosed(200).catch(() => null)));
    }
    const left = open();
    this.#score.check("owner", left.length === 1, `${left.length} of ${all.length} connections of ${device.imei} are open`);
    device.link = left[0] ?? null;
    for (const link of left.slice(1)) link.reset();
    await device.link?.until("the answer to its login", () => device.link!.closed || device.link!.answer !== null);
  }

  async #takeOver(device: StressDevice, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const old = device.link!;
      device.throw(2);
      device.settle();
      await this.#successor(device);
      await this.#seesItsEnd(old, "the replaced connection");
    }
  }

  /** Its answers stay unread; the gateway must not wait for it. */
  async #blocked(device: StressDevice, frames: number): Promise<void> {
    const old = device.link!;
    old.deafen();
    device.throw(frames);
    await this.#successor(device);
    old.hear();
    await this.#seesItsEnd(old, "the connection that read nothing");
  }

  async #stalled(device: StressDevice): Promise<void> {
    const port = Number(new URL(this.#gateway.url).port);
    const consumer = await StressLink.open(this.#platform, port);
    consumer.write(new TextEncoder().encode(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`));
    consumer.deafen();
    for (let i = 0; i < STALL_FRAMES; i++) await device.catchUp(this.#port, 1);
    consumer.reset();
  }

  async #half(device: StressDevice, frames: number): Promise<void> {
    const old = device.link!;
    device.throw(frames);
    old.end();
    await this.#seesItsEnd(old, "the half-closed connection");
    device.settle();
  }

  /** The old connection does not see its end; it closes after its successor has come and gone. */
  async #late(device: StressDevice): Promise<void> {
    const old = device.link!;
    old.deafen();
    await this.#successor(device);
    await device.catchUp(this.#port, 1);
    const second = device.link!;
    second.end();
    await this.#seesItsEnd(second, "the successor that said goodbye");
    await this.#successor(device);
    old.reset();
  }

  async #torn(device: StressDevice): Promise<void> {
    const old = device.link!;
    device.settle();
    device.throwHalf();
    old.reset();
    await this.#successor(device);
  }

  async #kick(device: StressDevice, frames: number): Promise<void> {
    const old = device.link!;
    device.throw(frames);
    const answer = await post(this.#gateway.url, `/v1/devices/${device.imei}/kick`, null);
    if (answer.ok) await answer.value.body?.cancel();
    this.#score.check("closed", answer.ok, answer.ok ? "" : answer.message);
    await this.#seesItsEnd(old, "the kicked connection");
    device.settle();
    await this.#successor(device);
  }

  /** The gateway falls with frames in flight, and starts again on the same data. */
  async #fall(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    for (const device of this.#devices) if (device.connected) device.throw(FALL_FRAMES);
    const code = await this.#gateway.end(signal);
    const asked = signal === "SIGTERM" ? 0 : null;
    this.#score.check("lives", code === asked, `${signal} ended it with ${code}: ${this.lastWords}`);
    await Promise.all(this.#devices.flatMap(({ link }) => (link === null ? [] : [link.untilClosed()])));
    for (const device of this.#devices) device.settle();
    await this.#watch.leave();
    this.#gateway = await SelftestGateway.start(this.#platform, this.#data);
    await this.#checks.baseline(this.#gateway);
    await this.#checks.survived(this.#gateway);
    this.#watch.follow(this.#gateway.url);
    await Promise.all(this.#devices.map((device) => device.catchUp(this.#port, 1)));
  }
}
