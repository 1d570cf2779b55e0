/** Frames by the thousand with commands in flight, to one gateway: what every tracker received, byte by byte. */
import { command, ENDS, submit } from "./command_asks.ts";
import { CommandTracker } from "./command_tracker.ts";
import { TestDevice } from "./fleet.ts";
import type { Gateway } from "./gateway.ts";
import { until } from "./until.ts";

/** Frames a tracker sends without waiting. */
const PIPELINED = 8;
const FIRST_DEVICE = 8500;

export interface Traffic {
  readonly frames: number;
  readonly acks: number;
  readonly submitted: number;
  /** Whole commands that came, and those that ended with their own answer. */
  readonly received: number;
  readonly answered: number;
  /** Bytes that are neither acknowledgement nor command; commands between acknowledgements of frames that were sent together. */
  readonly faults: readonly string[];
}

/** Sends frames up to the `to`-th, some at a time. */
async function sendFrames(one: TestDevice, tracker: CommandTracker, to: number): Promise<void> {
  for (let sent = tracker.acks.length; sent < to;) {
    const count = Math.min(PIPELINED, to - sent);
    for (let i = 0; i < count; i++) tracker.write(one.frame(one.records(1)).bytes);
    sent += count;
    await tracker.until(
      `${sent} acknowledgements`,
      () => tracker.acks.length >= sent || tracker.closed || tracker.faults.length > 0,
      60_000,
    );
    if (tracker.acks.length < sent) throw new Error(`Cannot go on after ${tracker.acks.length} of ${to}: ${tracker.faults.join("; ")}`);
  }
}

/** Commands to one device, each after the end of the one before. */
async function sendCommands(gateway: Gateway, imei: string, going: () => boolean, ids: Map<string, string>): Promise<void> {
  for (let number = 0; going(); number++) {
    const text = `setparam ${number}:${imei}`;
    const { id } = await submit(gateway.url, imei, { text, codec: number % 2 === 0 ? 12 : 14 });
    ids.set(id, text);
    await until("its end", async () => ENDS.includes((await command(gateway.url, id)).state), 60_000);
  }
}

async function oneDevice(gateway: Gateway, number: number, frames: number, ids: Map<string, string>): Promise<CommandTracker> {
  const one = new TestDevice(FIRST_DEVICE + number, "8E");
  const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, ({ text }) => ({ text: `ok:${text}` }));
  await sendFrames(one, tracker, 1);
  let going = true;
  const sent = sendFrames(one, tracker, frames).finally(() => (going = false));
  await Promise.all([sent, sendCommands(gateway, one.imei, () => going, ids)]);
  return tracker;
}

export async function commandTraffic(gateway: Gateway, devices: number, framesEach: number): Promise<Traffic> {
  const ids = new Map<string, string>();
  const trackers = await Promise.all(Array.from({ length: devices }, (_, i) => oneDevice(gateway, i, framesEach, ids)));
  let answered = 0;
  for (const [id, text] of ids) {
    const { state, response } = await command(gateway.url, id);
    if (state === "answered" && response === `ok:${text}`) answered++;
  }
  const sum = (of: (tracker: CommandTracker) => number): number => trackers.reduce((all, tracker) => all + of(tracker), 0);
  for (const tracker of trackers) tracker.end();
  return {
    frames: devices * framesEach,
    acks: sum(({ acks }) => acks.length),
    submitted: ids.size,
    received: sum(({ commands }) => commands.length),
    answered,
    faults: trackers.flatMap(({ faults }) => faults),
  };
}
