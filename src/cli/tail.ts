/** `berth tail`: the events of a running gateway, live, as lines for people or as JSON. */
import { toTransformStream } from "@std/streams/to-transform-stream";
import { type Command, Option } from "commander";
import { ok, type Result } from "../base/result.ts";
import { connect, type Mode } from "../client/connect.ts";
import type { BerthEvent } from "../client/events.ts";
import { gateway } from "../client/gateway.ts";
import type { Loss } from "../client/loss.ts";
import type { RestFault } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { eventLine } from "./event_line.ts";
import { addGatewayOptions, EXIT, fail, type Verb, wholeNumber } from "./verb.ts";

interface TailOptions {
  readonly url: string;
  readonly token?: string;
  readonly device?: readonly string[];
  readonly kind?: readonly string[];
  readonly channel?: readonly string[];
  readonly fromStart?: boolean;
  readonly lastEventId?: string;
  readonly mode?: Mode;
  readonly count?: number;
  readonly json?: boolean;
}

const HELP = `
Reconnects by itself and goes on where it stopped; a gap that could not be filled is an event of its own. With --json each
line is {"id","event","data"}; the id is the cursor --last-event-id takes.

  berth tail --device 356307042441013
  berth tail --kind record --kind disconnected --json | jq .data
  berth tail --from-start --count 1000
`;

/** The cursor before the first event the store ever had: cursors are `epoch.seq`, and only the gateway knows its epoch. */
async function startCursor(url: string, token: string | undefined): Promise<Result<string, RestFault>> {
  const answer = await gateway(url, { token }).devices({ limit: 1 });
  return answer.ok ? ok(answer.value.cursor.replace(/\.\d+$/, ".0")) : answer;
}

const jsonLine = ({ id, event, data }: BerthEvent): string => JSON.stringify({ id, event, data });

/** What every stream without a cursor begins with: nothing happened. */
const begins = ({ event, data }: BerthEvent): boolean => event === "resync" && data.cause === "none";

/** Events in, lines out. Ends after `count` of them, or when there are no more, with the reason. */
function linesOf({ url, json, count = Infinity }: TailOptions, failed: (reason: string) => void, begun: () => void) {
  return async function* (events: ReadableStream<BerthEvent>): AsyncGenerator<string> {
    let left = count;
    for await (const event of events) {
      if (event.event === "over") return failed(`Cannot follow ${url}: ${event.data.reason}`);
      const isFirst = begins(event);
      if (isFirst && json !== true) begun();
      else yield json === true ? jsonLine(event) : eventLine(event);
      if (!isFirst && --left <= 0) return;
    }
  };
}

async function tail(platform: Platform, options: TailOptions): Promise<number> {
  const { url, token, device: devices, kind: kinds, channel: channels, mode } = options;
  let cursor = options.lastEventId ?? null;
  if (options.fromStart === true) {
    const start = await startCursor(url, token);
    if (!start.ok) return fail(platform, start.message);
    cursor = start.value;
  }
  let code: number = EXIT.done;
  let opened = false;
  const again = ({ reason, waitMs }: Loss): void => {
    if (waitMs !== null) platform.writeErr(`berth: ${reason}; connecting again in ${(waitMs / 1000).toFixed(1)} s\n`);
  };
  const connection = connect(url, {
    devices,
    kinds,
    channels,
    mode,
    cursor,
    token,
    random: () => platform.randomBytes(1)[0]! / 256,
    onConnect: () => void (opened = true),
    onReconnect: () => platform.writeErr(`berth: connected to ${url} again\n`),
    onDisconnect: again,
    onFailedAttempt(loss) {
      if (opened || loss.waitMs === null) return again(loss);
      code = fail(platform, `Cannot reach ${url}: ${loss.reason}`);
      connection.close();
    },
  });
  const failed = (reason: string): void => void (code = fail(platform, reason));
  const begun = (): void => platform.writeErr(`berth: following ${url}; Ctrl-C ends it\n`);
  const lines = connection.stream().pipeThrough(toTransformStream(linesOf(options, failed, begun)));
  for await (const line of lines) platform.writeOut(`${line}\n`);
  connection.close();
  return code;
}

const list = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

export const addTail: Verb = (program, platform, end) => {
  const command: Command = program
    .command("tail")
    .description("follow the events of a running gateway")
    .option("--device <ID>", "only this device; may be repeated", list)
    .option("--kind <KIND>", "only record, connected, disconnected, command, message …; may be repeated", list)
    .option("--channel <NAME>", "only devices, device.ID or app.NAME; may be repeated", list)
    .option("--from-start", "begin with the oldest event that is kept")
    .option("--last-event-id <CURSOR>", "begin after this cursor (EPOCH.SEQ)")
    .addOption(
      new Option("--mode <MODE>", "latest: while behind, only the newest record of each device, and a gap (default: complete)")
        .choices(["complete", "latest"] satisfies Mode[]),
    )
    .option("--count <N>", "stop after N events", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--json", "one JSON object a line")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (options: TailOptions) => {
    if (options.fromStart === true && options.lastEventId !== undefined) {
      command.error("error: --from-start and --last-event-id exclude each other");
    }
    end(await tail(platform, options));
  });
};
