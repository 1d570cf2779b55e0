/** `berth allow list|add|remove`: the devices that may come where unknown ones are refused. */
import type { Command } from "commander";
import * as v from "valibot";
import { getJson, request } from "../client/rest.ts";
import { parseAllowFile } from "../engine/allow_list.ts";
import type { Platform } from "../platform/port.ts";
import { timeText } from "./event_line.ts";
import { addGatewayOptions, addGroup, examplesOf, EXIT, fail, misused, type Verb } from "./verb.ts";

interface AllowOptions {
  readonly url: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly file?: string;
}

const HELP = `
Counts where a gateway runs with unknown_devices = "reject" or "quarantine". With "quarantine" every device may come, and what those
send that are not listed is marked. With "reject" a device may come that is on the list, that the configuration names,
or that has been here before; one that was taken off the list may not. Who is connected stays: berth kick ends that.

  berth allow list
  berth allow add 356307042441013 356307042441021
  berth allow add --file fleet.txt
  berth allow remove 356307042441013 && berth kick 356307042441013
`;

const PAGE = 1000;
const Page = v.object({ devices: v.array(v.object({ id: v.string(), since: v.number() })), next: v.nullable(v.string()) });

async function list(platform: Platform, { url, token, json }: AllowOptions): Promise<number> {
  for (let after: string | null = ""; after !== null;) {
    const answer = await getJson(url, `/v1/allow?limit=${PAGE}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`, token);
    if (!answer.ok) return fail(platform, answer.message);
    const page = v.safeParse(Page, answer.value);
    if (!page.success) {
      return fail(platform, "Cannot read the answer of /v1/allow: it is not what this berth expects; are the versions the same?");
    }
    const { devices, next } = page.output;
    if (after === "" && devices.length === 0 && json !== true) platform.writeOut("The allow list is empty.\n");
    platform.writeOut(
      devices.map((one) => json === true ? `${JSON.stringify(one)}\n` : `${one.id.padEnd(20)}${timeText(one.since)}\n`).join(""),
    );
    after = next;
  }
  return EXIT.done;
}

/** One after the other; ends at the first that is refused, naming it. */
async function change(platform: Platform, method: "PUT" | "DELETE", ids: readonly string[], { url, token }: AllowOptions): Promise<number> {
  for (const id of ids) {
    const answer = await request(url, `/v1/allow/${encodeURIComponent(id)}`, { method, token });
    if (!answer.ok) return fail(platform, answer.message);
    await answer.value.body?.cancel();
  }
  return EXIT.done;
}

async function add(platform: Platform, ids: readonly string[], options: AllowOptions): Promise<number> {
  if (options.file === undefined) {
    return ids.length === 0 ? misused(platform, "allow add: expected device ids or --file") : await change(platform, "PUT", ids, options);
  }
  let text: string;
  try {
    text = platform.readText(options.file);
  } catch (error) {
    return fail(platform, `Cannot read ${options.file}: ${(error as Error).message}`);
  }
  const listed = parseAllowFile(options.file, text);
  return listed.ok ? await change(platform, "PUT", [...ids, ...listed.value], options) : fail(platform, listed.message);
}

export const addAllow: Verb = (program, platform, end) => {
  const allow = addGroup(program, "allow", "list and change the devices that may come", HELP);
  const verb = (name: string, what: string): Command =>
    addGatewayOptions(allow.command(name).description(what)).addHelpText("after", examplesOf(HELP, `berth allow ${name}`));
  verb("list", "list the devices on the allow list")
    .option("--json", "one JSON object a line")
    .action(async (options: AllowOptions) => end(await list(platform, options)));
  verb("add", "put devices on the list")
    .argument("[ID...]", "the devices")
    .option("--file <FILE>", "one id a line; # begins a comment")
    .action(async (ids: readonly string[], options: AllowOptions) => end(await add(platform, ids, options)));
  verb("remove", "take devices off the list")
    .argument("<ID...>", "the devices")
    .action(async (ids: readonly string[], options: AllowOptions) => end(await change(platform, "DELETE", ids, options)));
};
