/** kill -9 with commands over UDP in flight, round after round: none twice on the wire, each ends in one state. */
import { afterAll, expect, test } from "bun:test";
import { prng } from "../../src/base/prng.ts";
import { encodeFrame, encodeMessage } from "../../src/codec/encode.ts";
import { decodeMessages } from "../../src/codec/teltonika/command.ts";
import { command, ENDS, post } from "../support/command_asks.ts";
import { TestDevice } from "../support/fleet.ts";
import { fromHex } from "../support/frames.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { packetOf, UdpTracker } from "../support/udp_tracker.ts";
import { pause, until } from "../support/until.ts";

afterAll(endEverything);

const DEVICES = 4;
const ROUNDS = 4;
/** Commands that come in each round before the kill, at least. */
const ROUND_COMMANDS = 12;
const SEND_MS = 10;
const SETTINGS = { workers: 1, "udp.commands": "on", "command.command_quiet_ms": 100 };

/** Sends a record every now and then, and answers most commands with their own text. */
class Device {
  readonly one: TestDevice;
  readonly #tracker: UdpTracker;
  readonly #random;
  #seen = 0;
  /** Each command that came. */
  readonly texts: string[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  /** At the end it answers all. */
  answersAll = false;

  constructor(number: number, tracker: UdpTracker) {
    this.one = new TestDevice(number, "8");
    this.#tracker = tracker;
    this.#random = prng(number);
    this.#timer = setInterval(() => this.#turn(), SEND_MS);
  }

  #turn(): void {
    const { one } = this;
    for (const hex of this.#tracker.answers.slice(this.#seen)) {
      if (!hex.startsWith("00000000")) continue;
      const bytes = fromHex(hex);
      const messages = decodeMessages(bytes, 8, bytes.length - 12);
      if ("fault" in messages) throw new Error(`Cannot read what came: ${hex}`);
      const { text } = messages[0]!;
      this.texts.push(text!);
      const response = encodeFrame(encodeMessage("12", { type: 6, payload: new TextEncoder().encode(`ok:${text}`) }));
      if (this.answersAll || this.#random.below(4) > 0) this.#tracker.send(packetOf(one.imei, response));
    }
    this.#seen = this.#tracker.answers.length;
    this.#tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
  }

  end(): void {
    clearInterval(this.#timer);
    this.#tracker.close();
  }
}

test("a command over UDP in flight at a kill -9 is never sent twice and ends in one state", async () => {
  const data = temporaryData();
  const random = prng(7);
  let gateway = await Gateway.start({ data, args: ["--udp", "127.0.0.1:0"], settings: SETTINGS });
  const udp = gateway.readyLine.udp!;
  const port = Number(udp.slice(udp.lastIndexOf(":") + 1));
  const devices = await Promise.all(Array.from({ length: DEVICES }, async (_, i) => new Device(8960 + i, await UdpTracker.open(port))));
  const came = (): string[] => devices.flatMap((device) => device.texts);
  /** Accepted commands, by id. */
  const texts = new Map<string, string>();
  let number = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const { url } = gateway;
    let going = true;
    const asking = devices.map(async ({ one }) => {
      while (going) {
        const text = `do ${++number}`;
        const answer = await post(url, one.imei, { text, timeoutMs: 50 }).catch(() => null);
        if (answer?.status === 202) texts.set(answer.json.id, text);
      }
    });
    await until("commands on their way", () => came().length >= round * ROUND_COMMANDS, 30_000);
    await pause(random.below(100));
    await gateway.kill();
    going = false;
    await Promise.all(asking);
    gateway = await Gateway.start({ data, args: ["--udp", udp], settings: SETTINGS });
  }
  for (const device of devices) device.answersAll = true;
  const states = new Map<string, number>();
  for (const [id, text] of texts) {
    const { state, response } = await until(`the end of ${text}`, async () => {
      const found = await command(gateway.url, id);
      return ENDS.includes(found.state) ? found : false;
    }, 30_000);
    if (state === "answered") expect(response).toBe(`ok:${text}`);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  expect(came().length).toBe(new Set(came()).size);
  // It was worth looking: some were answered, and some were on their way when the gateway died.
  expect([(states.get("answered") ?? 0) > 20, (states.get("unknown") ?? 0) > 0]).toEqual([true, true]);
  for (const device of devices) device.end();
  expect((await gateway.stop()).code).toBe(0);
}, 120_000);
