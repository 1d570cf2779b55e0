/** `berth export`: the stored records of a device, from a running gateway to standard output, with progress on standard error. */
import { InvalidArgumentError, Option } from "commander";
import * as v from "valibot";
import { getJson } from "../client/rest.ts";
import { IO_FAMILIES, type IoFamily } from "../codec/teltonika/io_names.ts";
import type { Platform } from "../platform/port.ts";
import { EXPORT_FORMATS, type ExportedRecord, exportFormat, type ExportFormatName } from "./export_format.ts";
import { addGatewayOptions, EXIT, fail, misused, type Verb } from "./verb.ts";

interface ExportOptions {
  readonly url: string;
  readonly token?: string;
  readonly format: ExportFormatName;
  readonly from?: number;
  readonly to?: number;
  readonly names?: IoFamily;
}

const PAGE = 1000;
const TIME_MAX = Number.MAX_SAFE_INTEGER;
const SAY_EVERY_MS = 500;
/** The gateway sorts so many records at most by time; a longer range is asked for in halves. */
const TOO_MANY = " answered 422 ";
const Page = v.object({ records: v.array(v.looseObject({ seq: v.number(), time: v.number() })), next: v.nullable(v.string()) });

const HELP = `
Times are ISO 8601 (2026-03-01, 2026-03-01T08:00:00Z) or ms since 1970, both ends included. ndjson and csv come in the order of the
journal, gpx as a track in order of time: fixes only, a new segment after ten minutes without one.

  berth export 356307042441013 --from 2026-03-01 --to 2026-03-02 --format gpx > track.gpx
  berth export 356307042441013 --format csv --names fmb > records.csv
`;

type Write = (records: readonly ExportedRecord[]) => void;

/** All pages of [from, to]; the error's message when one is refused. */
async function pages(
  id: string,
  options: ExportOptions,
  from: number,
  to: number,
  order: "seq" | "time",
  write: Write,
): Promise<string | null> {
  let after: string | null = "";
  while (after !== null) {
    const query = new URLSearchParams({ from: String(from), to: String(to), limit: String(PAGE), order });
    if (after !== "") query.set("after", after);
    if (options.names !== undefined) query.set("names", options.names);
    const path = `/v1/devices/${encodeURIComponent(id)}/records?${query.toString()}`;
    const answer = await getJson(options.url, path, options.token);
    if (!answer.ok) {
      const middle = Math.floor((from + to) / 2);
      if (order === "seq" || !answer.message.includes(TOO_MANY) || middle === to) return answer.message;
      return await pages(id, options, from, middle, order, write) ?? await pages(id, options, middle + 1, to, order, write);
    }
    const page = v.safeParse(Page, answer.value);
    if (!page.success) return `Cannot read the answer of ${path}: it is not what this berth expects; are the versions the same?`;
    write(page.output.records as unknown as ExportedRecord[]);
    after = page.output.next;
  }
  return null;
}

async function exportRecords(platform: Platform, id: string, options: ExportOptions): Promise<number> {
  const { from = 0, to = TIME_MAX } = options;
  if (from > to) return misused(platform, "--from: it is after --to");
  const format = exportFormat(options.format);
  let count = 0;
  let said = platform.clock.mono();
  const say = (end: string): void => {
    if (platform.errIsTerminal) platform.writeErr(`\r${count.toLocaleString("en")} records${end}`);
  };
  let begun = false;
  const failure = await pages(id, options, from, to, format.order, (records) => {
    if (!begun) platform.writeOut(format.head(id));
    begun = true;
    platform.writeOut(records.map((record) => format.record(record)).join(""));
    count += records.length;
    if (platform.clock.mono() - said < SAY_EVERY_MS) return;
    said = platform.clock.mono();
    say(" ...");
  });
  if (failure !== null) return fail(platform, failure);
  platform.writeOut(format.tail());
  say("    \n");
  return EXIT.done;
}

/** A moment as a person writes it. `end`: a day without a time is its last millisecond. */
function moment(end: boolean): (text: string) => number {
  return (text) => {
    if (/^\d{1,16}$/.test(text) && Number(text) <= TIME_MAX) return Number(text);
    const ms = Date.parse(text);
    if (Number.isNaN(ms) || ms < 0 || !/^\d{4}-/.test(text)) {
      throw new InvalidArgumentError("Expected 2026-03-01, 2026-03-01T08:00:00Z or ms since 1970.");
    }
    return end && /^\d{4}-\d\d-\d\d$/.test(text) ? ms + 86_399_999 : ms;
  };
}

export const addExport: Verb = (program, platform, end) => {
  const command = program
    .command("export")
    .description("write the stored records of a device to standard output")
    .argument("<ID>", "the device")
    .addOption(new Option("--format <FORMAT>", "what to write").choices(EXPORT_FORMATS).default("ndjson"))
    .option("--from <TIME>", "records of that time and later", moment(false))
    .option("--to <TIME>", "records of that time and earlier", moment(true))
    .addOption(new Option("--names <FAMILY>", "name and scale known IO values, as that family means them").choices(IO_FAMILIES))
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (id: string, options: ExportOptions) => {
    end(await exportRecords(platform, id, options));
  });
};
