/** `berth devices`: who is known to a running gateway, who is connected and from where. */
import type { Command } from "commander";
import * as v from "valibot";
import { getJson } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { Device, deviceCard, deviceTable } from "./device_table.ts";
import { historyText, Takeover } from "./history_view.ts";
import { addGatewayOptions, EXIT, fail, misused, type Verb, wholeNumber } from "./verb.ts";

interface DevicesOptions {
  readonly url: string;
  readonly token?: string;
  readonly connected?: boolean;
  readonly limit: number;
  readonly json?: boolean;
  readonly history?: boolean;
}

const PAGE = 1000;
const Page = v.object({ devices: v.array(v.unknown()), next: v.nullable(v.string()) });

const HELP = `
The last position is the newest record with a fix. With --json each line is a device as GET /v1/devices gives it.

  berth devices --connected
  berth devices 356307042441013
  berth devices 356307042441013 --history
`;

/** The message of what a gateway answered that is not what it should be. */
const odd = (path: string): string => `Cannot read the answer of ${path}: it is not what this berth expects; are the versions the same?`;

async function showOne(platform: Platform, id: string, { url, token, json }: DevicesOptions): Promise<number> {
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const answer = await getJson(url, path, token);
  if (!answer.ok) return fail(platform, answer.message);
  if (json === true) platform.writeOut(`${JSON.stringify(answer.value)}\n`);
  else {
    const device = v.safeParse(Device, answer.value);
    if (!device.success) return fail(platform, odd(path));
    platform.writeOut(deviceCard(device.output));
  }
  return EXIT.done;
}

const History = v.object({ takeovers: v.array(v.unknown()) });

/** Takeovers, newest first. */
async function showHistory(platform: Platform, id: string, { url, token, json, limit }: DevicesOptions): Promise<number> {
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const answer = await getJson(url, `${path}/history?limit=${Math.min(PAGE, limit)}`, token);
  if (!answer.ok) return fail(platform, answer.message);
  const history = v.safeParse(History, answer.value);
  if (!history.success) return fail(platform, odd(`${path}/history`));
  if (json === true) {
    platform.writeOut(history.output.takeovers.map((one) => `${JSON.stringify(one)}\n`).join(""));
    return EXIT.done;
  }
  const takeovers = v.safeParse(v.array(Takeover), history.output.takeovers);
  const standing = await getJson(url, path, token);
  if (!standing.ok) return fail(platform, standing.message);
  const device = v.safeParse(Device, standing.value);
  if (!takeovers.success || !device.success) return fail(platform, odd(`${path}/history`));
  const { connected, fence } = device.output;
  platform.writeOut(historyText(takeovers.output, fence === null ? null : { connected, fence }, platform.clock.wall()));
  return EXIT.done;
}

async function showAll(platform: Platform, { url, token, json, limit, connected }: DevicesOptions): Promise<number> {
  const devices: unknown[] = [];
  let next: string | null = "";
  while (next !== null && devices.length < limit) {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - devices.length)) });
    if (connected === true) query.set("connected", "true");
    if (next !== "") query.set("after", next);
    const answer = await getJson(url, `/v1/devices?${query.toString()}`, token);
    if (!answer.ok) return fail(platform, answer.message);
    const page = v.safeParse(Page, answer.value);
    if (!page.success) return fail(platform, odd("/v1/devices"));
    devices.push(...page.output.devices);
    next = page.output.next;
  }
  if (json === true) platform.writeOut(devices.map((device) => `${JSON.stringify(device)}\n`).join(""));
  else {
    const parsed = v.safeParse(v.array(Device), devices);
    if (!parsed.success) return fail(platform, odd("/v1/devices"));
    platform.writeOut(deviceTable(parsed.output));
  }
  if (next !== null) platform.writeErr(`berth: there are more than ${limit}; --limit N shows more\n`);
  return EXIT.done;
}

export const addDevices: Verb = (program, platform, end) => {
  const command: Command = program
    .command("devices")
    .description("list the devices of a running gateway, or show one")
    .argument("[ID]", "one device")
    .option("--history", "of one device: who took it from whom, and why")
    .option("--connected", "only those that are connected")
    .option("--limit <N>", "at most this many", wholeNumber(1, 1_000_000), 1000)
    .option("--json", "one JSON object a line")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (id: string | undefined, options: DevicesOptions) => {
    if (options.history === true && id === undefined) {
      return end(misused(platform, "--history: expected a device: berth devices ID --history"));
    }
    const show = (): Promise<number> => {
      if (id === undefined) return showAll(platform, options);
      return options.history === true ? showHistory(platform, id, options) : showOne(platform, id, options);
    };
    end(await show());
  });
};
