/** `berth quarantine list|release|forget`: frames that could not be decoded and stand in their device's way. */
import type { Command } from "commander";
import { request } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { quarantined, quarantinedText } from "./quarantined.ts";
import { addGatewayOptions, addGroup, examplesOf, EXIT, fail, type Verb, wholeNumber } from "./verb.ts";

interface QuarantineOptions {
  readonly url: string;
  readonly token?: string;
}
interface ListOptions extends QuarantineOptions {
  readonly device?: string;
  readonly raw?: boolean;
  readonly held?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

const HELP = `
A frame with a right CRC that cannot be decoded is kept raw and not acknowledged, so its device sends it for ever. To release it
lets the device go on: this very frame is acknowledged from now on, being kept. With --json each line is a frame as
GET /v1/quarantine gives it. What an upgrade can decode berth replay stores.

  berth quarantine list
  berth quarantine list --device 356307042441013 --raw
  berth quarantine release 4711
  berth quarantine forget 4711
`;

async function list(platform: Platform, options: ListOptions): Promise<number> {
  let shown = 0;
  for await (const found of quarantined(options)) {
    if (!found.ok) return fail(platform, found.message);
    if (shown === options.limit) {
      platform.writeErr(`berth: there are more than ${options.limit}; --limit N shows more\n`);
      break;
    }
    const begin = shown++ === 0 || options.json === true ? "" : "\n";
    platform.writeOut(options.json === true ? `${JSON.stringify(found.value)}\n` : begin + quarantinedText(found.value));
  }
  if (shown === 0 && options.json !== true) platform.writeOut("No frame is kept.\n");
  return EXIT.done;
}

/** One after the other; ends at the first that is refused, naming it. */
async function change(platform: Platform, ids: readonly string[], { url, token }: QuarantineOptions, verb: "release" | "forget") {
  for (const id of ids) {
    const path = `/v1/quarantine/${encodeURIComponent(id)}`;
    const answer = await (verb === "release"
      ? request(url, `${path}/release`, { method: "POST", token })
      : request(url, path, { method: "DELETE", token }));
    if (!answer.ok) {
      return fail(platform, answer.message);
    }
    await answer.value.body?.cancel();
  }
  return EXIT.done;
}

export const addQuarantine: Verb = (program, platform, end) => {
  const quarantine = addGroup(program, "quarantine", "list frames that could not be decoded, and release them", HELP);
  const verb = (name: string, what: string): Command =>
    addGatewayOptions(quarantine.command(name).description(what)).addHelpText("after", examplesOf(HELP, `berth quarantine ${name}`));
  verb("list", "list the frames that are kept, newest first")
    .option("--device <ID>", "of this device")
    .option("--held", "only those that stand in their device's way")
    .option("--raw", "with their bytes")
    .option("--limit <N>", "at most this many", wholeNumber(1, 1_000_000), 100)
    .option("--json", "one JSON object a line")
    .action(async (options: ListOptions) => end(await list(platform, options)));
  for (const [name, what] of [["release", "acknowledge frames from now on"], ["forget", "delete kept frames"]] as const) {
    verb(name, what)
      .argument("<ID...>", "the frames")
      .action(async (ids: readonly string[], options: QuarantineOptions) => end(await change(platform, ids, options, name)));
  }
};
