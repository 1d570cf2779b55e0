/**
 * kill -9 with commands in flight, restart, and again, on one data directory. Every command has a text of its own, so what came
 * on the wire names it; every answer names the command it answers. At the end all trackers are there and answer.
 */
import { type Prng, prng } from "../../src/base/prng.ts";
import { command, type CommandJson, ENDS, post } from "./command_asks.ts";
import { CommandTracker, type Received, type Reply } from "./command_tracker.ts";
import { TestDevice } from "./fleet.ts";
import { Gateway, type SettingsText, temporaryData } from "./gateway.ts";
import { pause, until } from "./until.ts";

const DEVICES = 6;
const FIRST_DEVICE = 8700;
/** Commands accepted in a round, and come to trackers, before it is killed. */
const FEWEST = 6;
const SETTINGS: SettingsText = {
  workers: 2,
  log_level: "warn",
  "command.command_login_ms": 20,
  "command.command_patience_ms": 50,
  "command.command_quiet_ms": 100,
};

export interface CommandRound {
  /** Told 202. */
  readonly accepted: number;
  /** Whole commands on the wire. */
  readonly written: number;
  /** Seen to have ended before the kill. */
  readonly ended: number;
}

export interface CommandsJudged {
  readonly accepted: number;
  readonly byState: Readonly<Record<string, number>>;
  /** What must never be. */
  readonly faults: readonly string[];
}

export class CommandRounds {
  readonly #data = temporaryData();
  readonly #random: Prng;
  readonly #devices = Array.from({ length: DEVICES }, (_, i) => new TestDevice(FIRST_DEVICE + i, "8E"));
  /** Accepted commands, by id. */
  readonly #texts = new Map<string, string>();
  /** How often each text came on the wire. */
  readonly #onWire = new Map<string, number>();
  /** Ends that were told: they are for ever. */
  readonly #ends = new Map<string, CommandJson>();
  readonly #faults: string[] = [];
  #number = 0;
  #trackers: CommandTracker[] = [];
  #going = false;

  constructor(seed: number) {
    this.#random = prng(seed);
  }

  /** One gateway's life: commands from all sides, devices that answer, stay silent, come again; killed in the middle of it. */
  async round(): Promise<CommandRound> {
    const before = [this.#texts.size, this.#written, this.#ends.size] as const;
    const gateway = await Gateway.start({ data: this.#data, settings: SETTINGS });
    this.#going = true;
    this.#trackers = await Promise.all(this.#devices.map((one) => this.#connect(gateway, one)));
    const work = [...this.#devices.map((one) => this.#frames(gateway, one)), ...this.#devices.map((one) => this.#commands(gateway, one))];
    // However slow the machine is: enough of all that shall be killed has happened.
    await until("commands accepted and on the wire", () => this.#texts.size - before[0] >= FEWEST && this.#received >= FEWEST);
    await pause(60 + this.#random.below(200));
    await gateway.kill();
    this.#going = false;
    await Promise.all(work);
    await until("every connection closed", () => this.#trackers.every(({ closed }) => closed));
    this.#hear();
    return { accepted: this.#texts.size - before[0], written: this.#written - before[1], ended: this.#ends.size - before[2] };
  }

  /** The last start: everybody is there and answers, and every command that was ever accepted has its one end. */
  async judge(): Promise<CommandsJudged> {
    const gateway = await Gateway.start({ data: this.#data, settings: SETTINGS });
    const byState: Record<string, number> = {};
    this.#trackers = await Promise.all(this.#devices.map((one) => this.#connect(gateway, one, true)));
    for (const [id, text] of this.#texts) {
      const found = await until(`the end of ${id}`, async () => {
        const now = await command(gateway.url, id);
        return ENDS.includes(now.state) ? now : false;
      }, 30_000);
      byState[found.state] = (byState[found.state] ?? 0) + 1;
      this.#judgeOne(found, text);
    }
    this.#hear();
    for (const [text, times] of this.#onWire) if (times > 1) this.#faults.push(`${text} was written ${times} times`);
    await gateway.kill();
    return { accepted: this.#texts.size, byState, faults: this.#faults };
  }

  get #written(): number {
    let all = 0;
    for (const times of this.#onWire.values()) all += times;
    return all;
  }

  /** Commands that came to the trackers of this round. */
  get #received(): number {
    return this.#trackers.reduce((sum, { commands }) => sum + commands.length, 0);
  }

  #judgeOne(found: CommandJson, text: string): void {
    const told = this.#ends.get(found.id);
    if (told !== undefined && JSON.stringify(told) !== JSON.stringify(found)) {
      this.#faults.push(`${found.id} ended as ${told.state} and is ${found.state}`);
    }
    if (found.state === "answered" && found.response !== `ok:${text}`) {
      this.#faults.push(`${found.id} "${text}" was answered "${found.response}"`);
    }
  }

  #hear(): void {
    for (const { commands, faults } of this.#trackers) {
      for (const { text } of commands) this.#onWire.set(text, (this.#onWire.get(text) ?? 0) + 1);
      this.#faults.push(...faults);
    }
    this.#trackers = [];
  }

  #connect(gateway: Gateway, one: TestDevice, always = false): Promise<CommandTracker> {
    const reply = ({ text }: Received): Reply => always || this.#random.below(4) > 0 ? { text: `ok:${text}` } : null;
    return CommandTracker.loggedIn(gateway.tcpPort, one.imei, reply);
  }

  /** Frames, and now and then another connection; until the gateway is gone. */
  async #frames(gateway: Gateway, one: TestDevice): Promise<void> {
    let tracker = this.#trackers[this.#devices.indexOf(one)]!;
    try {
      while (this.#going && !gateway.hasEnded()) {
        await tracker.send(one.frame(one.records(1)).bytes);
        if (!this.#going || this.#random.below(20) > 0) continue;
        if (this.#random.below(2) === 0) tracker.end();
        tracker = await this.#connect(gateway, one);
        this.#trackers.push(tracker);
      }
    } catch {
      // The gateway died meanwhile: what a round is about.
    }
  }

  async #commands(gateway: Gateway, one: TestDevice): Promise<void> {
    const open: string[] = [];
    try {
      while (this.#going && !gateway.hasEnded()) {
        const text = `setparam ${++this.#number}:${one.imei}`;
        const { status, json } = await post(gateway.url, one.imei, { text, timeoutMs: 50, codec: this.#random.below(2) === 0 ? 12 : 14 });
        if (status === 202) {
          this.#texts.set(json.id, text);
          open.push(json.id);
        }
        const id = open[this.#random.below(Math.max(1, open.length))];
        if (id === undefined) continue;
        const now = await command(gateway.url, id);
        if (ENDS.includes(now.state)) this.#ends.set(id, now);
      }
    } catch {
      // As above.
    }
  }
}
