/** `berth replay`: frames that were kept raw, through today's decoder; what they yield is stored once, marked. */
import type { Result } from "../base/result.ts";
import { fromHex } from "../base/bytes.ts";
import { spelled } from "../base/identity.ts";
import type { AvlRecord } from "../codec/record.ts";
import { decodeRawFrame } from "../codec/raw_frame.ts";
import { ReplayData } from "../engine/replay.ts";
import type { Platform } from "../platform/port.ts";
import { plainText, timeText } from "./event_line.ts";
import type { Quarantined } from "./quarantined.ts";
import { fromData, fromGateway, type ReplaySource } from "./replay_source.ts";
import { addGatewayOptions, EXIT, fail, type Verb } from "./verb.ts";

interface ReplayOptions {
  readonly url: string;
  readonly token?: string;
  readonly data?: string;
  readonly device?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const SAY_EVERY_MS = 500;

const HELP = `
Frames with a right CRC that could not be decoded are kept raw (berth quarantine). After an upgrade that understands more, replay
decodes them: their records are stored with the time they arrived first, marked "redecoded", and move neither the device's
position nor its owner. What is stored already is not stored again, so it may be run at any time, as often as one likes.

A running gateway does it, and takes a token of scope admin where there are tokens. With --data it is done in the data
directory of a gateway that is not running.

  berth replay --dry-run
  berth replay --device 356307042441013
  berth replay --data /var/lib/berth
`;

interface Tally {
  frames: number;
  decoded: number;
  records: number;
  stored: number;
}

class Replay {
  readonly #platform: Platform;
  readonly #source: ReplaySource;
  readonly #options: ReplayOptions;
  readonly #tally: Tally = { frames: 0, decoded: 0, records: 0, stored: 0 };
  #said: number;

  constructor(platform: Platform, source: ReplaySource, options: ReplayOptions) {
    this.#platform = platform;
    this.#source = source;
    this.#options = options;
    this.#said = platform.clock.mono();
  }

  /** Why it ended before its end, or null. */
  async run(): Promise<string | null> {
    for await (const found of this.#source.frames()) {
      if (!found.ok) return found.message;
      this.#tally.frames++;
      const failure = found.value.decodes === null ? null : await this.#one(found.value);
      if (failure !== null) return failure;
      if (this.#platform.clock.mono() - this.#said >= SAY_EVERY_MS) this.#progress(" ...");
    }
    this.#progress("    \n");
    this.#platform.writeErr(`berth: ${this.summary()}\n`);
    return null;
  }

  summary(): string {
    const { frames, decoded, records, stored } = this.#tally;
    const left = frames - decoded;
    const what = this.#options.dryRun === true
      ? `${decoded} frames would be decoded: ${records} records`
      : `${decoded} frames were decoded: ${records} records, ${stored} of them new`;
    return `${what}; ${left} frames still cannot be`;
  }

  async #one(frame: Quarantined): Promise<string | null> {
    const tally = this.#tally;
    const { id, device } = frame;
    if (this.#options.dryRun === true) {
      const records = recordsOf(frame);
      tally.decoded++;
      tally.records += records.length;
      this.#write({ id, device, records }, `${records.length} records, ${spanText(records)}`);
      return null;
    }
    const done = await this.#source.replay(frame);
    if (!done.ok) return done.message;
    const { records, stored } = done.value;
    if (records === 0) return null;
    tally.decoded++;
    tally.records += records;
    tally.stored += stored;
    this.#write({ id, device, records, stored }, `${records} records, ${stored} new`);
    return null;
  }

  #write(
    json: { readonly id: number; readonly device: string; readonly records: number | readonly AvlRecord[]; readonly stored?: number },
    words: string,
  ): void {
    const text = this.#options.json === true
      ? JSON.stringify(json)
      : plainText(`${String(json.id).padEnd(10)}  ${json.device.padEnd(15)}  ${words}`);
    this.#platform.writeOut(`${text}\n`);
  }

  #progress(end: string): void {
    this.#said = this.#platform.clock.mono();
    // A terminal that shows the frames themselves needs no count of them.
    if (!this.#platform.errIsTerminal || this.#platform.outIsTerminal) return;
    this.#platform.writeErr(
      `\r${this.#tally.frames.toLocaleString("en")} frames, ${this.#tally.records.toLocaleString("en")} records${end}`,
    );
  }
}

function recordsOf({ hex = "" }: Quarantined): readonly AvlRecord[] {
  const bytes = fromHex(hex);
  return typeof bytes === "number" ? [] : decodeRawFrame(bytes);
}

function spanText(records: readonly AvlRecord[]): string {
  const times = records.map(({ time }) => time);
  return `${timeText(Math.min(...times))} to ${timeText(Math.max(...times))}`;
}

function sourceOf(platform: Platform, { url, token, data, device }: ReplayOptions): Result<ReplaySource, string> {
  if (data === undefined) return { ok: true, value: fromGateway(url, token, device) };
  const opened = ReplayData.open(platform, data);
  return opened.ok ? { ok: true, value: fromData(opened.value, device === undefined ? undefined : spelled(device)) } : opened;
}

async function replay(platform: Platform, options: ReplayOptions): Promise<number> {
  const source = sourceOf(platform, options);
  if (!source.ok) return fail(platform, source.message);
  try {
    const failure = await new Replay(platform, source.value, options).run();
    return failure === null ? EXIT.done : fail(platform, failure);
  } finally {
    source.value.close();
  }
}

export const addReplay: Verb = (program, platform, end) => {
  const command = program
    .command("replay")
    .description("decode frames that were kept raw with today's decoder")
    .option("--device <ID>", "of this device")
    .option("--dry-run", "show what would come, and store nothing")
    .option("--data <DIR>", "the data directory of a gateway that is not running")
    .option("--json", "one JSON object a frame")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (options: ReplayOptions) => end(await replay(platform, options)));
};
