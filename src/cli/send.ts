/** `berth send`: a command to a device, and with --wait what became of it. */
import { type Command, Option } from "commander";
import { getJson, requestJson } from "../client/rest.ts";
import { LIMITS } from "../base/limits.ts";
import type { Platform } from "../platform/port.ts";
import { type CommandState, isEnd } from "../wire/command.ts";
import { plainText } from "./event_line.ts";
import { addGatewayOptions, EXIT, fail, type Verb, wholeNumber } from "./verb.ts";

interface SendOptions {
  readonly url: string;
  readonly token?: string;
  readonly codec?: "12" | "14";
  readonly ttl?: number;
  readonly timeout?: number;
  readonly key?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** A command as `GET /v1/commands/{id}` gives it, as far as this shows it. */
interface Sent {
  readonly id: string;
  readonly state: CommandState;
  readonly response: string | null;
  readonly reason: string | null;
}

const HELP = `
The text is sent as it is: printable ASCII on one line, without login and password. A device that is away gets it when it is
back, until --ttl is over. Without --wait the command's id is printed as soon as it is on the gateway's disk; with it the
device's answer, and the exit status is 0 only when there is one. "unknown" means that it was written and may have run.

  berth send 356307042441013 getinfo --wait
  berth send 356307042441013 "setdigout 1" --codec 14 --ttl 3600000 --key night-1
`;

/** Between two looks at how it goes: soon at first. */
const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 1000;

async function ended(platform: Pick<Platform, "writeErr">, sent: Sent, { url, token }: SendOptions): Promise<Sent | null> {
  let now = sent;
  for (let waitMs = FIRST_LOOK_MS; !isEnd(now.state); waitMs = Math.min(2 * waitMs, LONGEST_LOOK_MS)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const found = await getJson(url, `/v1/commands/${now.id}`, token);
    if (found.ok) now = found.value as Sent;
    // The gateway may be starting again; the command is on its disk.
    else if (found.fault !== "unreachable" && !/ 503\b/.test(found.message)) {
      fail(platform, found.message);
      return null;
    }
  }
  return now;
}

async function send(platform: Platform, device: string, text: string, options: SendOptions): Promise<number> {
  const { url, token, codec, ttl, timeout, key, wait, json } = options;
  const path = `/v1/devices/${encodeURIComponent(device)}/commands`;
  const body = { text, codec: codec === undefined ? undefined : Number(codec), ttlMs: ttl, timeoutMs: timeout, idempotencyKey: key };
  const accepted = await requestJson(url, path, { method: "POST", body, token });
  if (!accepted.ok) return fail(platform, accepted.message);
  const sent = accepted.value as Sent;
  const last = wait === true ? await ended(platform, sent, options) : sent;
  if (last === null) return EXIT.failed;
  if (json === true) platform.writeOut(`${JSON.stringify(last)}\n`);
  else if (wait !== true) platform.writeOut(`${last.id}\n`);
  else if (last.state === "answered") platform.writeOut(`${plainText(last.response ?? "")}\n`);
  if (wait !== true || last.state === "answered") return EXIT.done;
  const why = last.reason === null ? "" : `: ${last.reason}`;
  return fail(platform, `command ${last.id} to ${device} ended ${last.state}${why}`);
}

export const addSend: Verb = (program, platform, end) => {
  const { commandTtlMs: ttl, commandTimeoutMs: timeout } = LIMITS;
  const command: Command = program
    .command("send")
    .description("send a command to a device")
    .argument("<ID>", "the device")
    .argument("<TEXT>", "the command, as the device takes it")
    .addOption(new Option("--codec <N>", "14 is obeyed only by the device with that IMEI; default: 12").choices(["12", "14"]))
    .option("--ttl <MS>", "how long it may wait for the device", wholeNumber(ttl.min, ttl.max))
    .option("--timeout <MS>", "how long it waits for the answer once written", wholeNumber(timeout.min, timeout.max))
    .option("--key <KEY>", "send it once, however often this is called with the same key")
    .option("--wait", "wait for its end and print the answer")
    .option("--json", "print the command as JSON")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (device: string, text: string, options: SendOptions) => {
    end(await send(platform, device, text, options));
  });
};
