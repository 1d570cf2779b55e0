/** `berth tail`: the events of a running gateway, live, as lines for people or as JSON. */
import { toTransformStream } from "@std/streams/to-transform-stream";
import type { Command } from "commander";
import { eventStream, type StreamNews } from "../client/event_stream.ts";
import { getJson } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { eventLine } from "./event_line.ts";
import { addGatewayOptions, EXIT, fail, type Verb, wholeNumber } from "./verb.ts";

interface TailOptions {
  readonly url: string;
  readonly token?: string;
  readonly device?: readonly string[];
  readonly kind?: readonly string[];
  readonly fromStart?: boolean;
  readonly lastEventId?: string;
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

/** The address to follow, filters included. */
function addressOf({ url, device = [], kind = [] }: TailOptions): string {
  const query = new URLSearchParams([...device.map((id) => ["device", id]), ...kind.map((name) => ["kind", name])]);
  return `${url}/v1/events${query.size === 0 ? "" : `?${query.toString()}`}`;
}

/** The cursor before the first event the store ever had: cursors are `epoch.seq`, and only the gateway knows its epoch. */
async function startCursor(url: string, token: string | undefined): Promise<{ cursor: string } | { reason: string }> {
  const answer = await getJson(url, "/v1/devices?limit=1", token);
  if (!answer.ok) return { reason: answer.message };
  const { cursor } = answer.value as { cursor?: unknown };
  return typeof cursor === "string" ? { cursor: cursor.replace(/\.\d+$/, ".0") } : { reason: `${url}/v1/devices gave no cursor` };
}

const jsonLine = (id: string, event: string, data: string): string =>
  `{"id":${JSON.stringify(id)},"event":${JSON.stringify(event)},"data":${data}}`;

/** News in, lines out; what is not an event goes to standard error. Ends after `count` events or when refused. */
function linesOf(platform: Pick<Platform, "writeErr">, options: TailOptions, failed: (reason: string) => void) {
  return async function* (source: ReadableStream<StreamNews>): AsyncGenerator<string> {
    let opened = false;
    let left = options.count ?? Infinity;
    for await (const news of source) {
      switch (news.type) {
        case "open":
          if (opened) platform.writeErr(`berth: connected to ${options.url} again\n`);
          opened = true;
          break;
        case "lost":
          if (!opened) return failed(`Cannot reach ${options.url}: ${news.reason}; is "berth serve" running?`);
          platform.writeErr(`berth: ${news.reason}; connecting again in ${(news.waitMs / 1000).toFixed(1)} s\n`);
          break;
        case "refused":
          return failed(`Cannot follow ${options.url}: ${news.reason}`);
        case "event":
          yield options.json === true ? jsonLine(news.id, news.event, news.data) : eventLine(news);
          if (--left <= 0) return;
      }
    }
  };
}

async function tail(platform: Platform, options: TailOptions): Promise<number> {
  let lastEventId = options.lastEventId ?? null;
  if (options.fromStart === true) {
    const start = await startCursor(options.url, options.token);
    if ("reason" in start) return fail(platform, start.reason);
    lastEventId = start.cursor;
  }
  const stop = new AbortController();
  let code: number = EXIT.done;
  const random = (): number => platform.randomBytes(1)[0]! / 256;
  const news = eventStream(addressOf(options), { lastEventId, signal: stop.signal, random, token: options.token });
  const lines = news.pipeThrough(toTransformStream(linesOf(platform, options, (reason) => (code = fail(platform, reason)))));
  for await (const line of lines) platform.writeOut(`${line}\n`);
  stop.abort();
  return code;
}

const list = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

export const addTail: Verb = (program, platform, end) => {
  const command: Command = program
    .command("tail")
    .description("follow the events of a running gateway")
    .option("--device <ID>", "only this device; may be repeated", list)
    .option("--kind <KIND>", "only record, connected, replaced, disconnected, refused, quarantined or command; may be repeated", list)
    .option("--from-start", "begin with the oldest event that is kept")
    .option("--last-event-id <CURSOR>", "begin after this cursor (EPOCH.SEQ)")
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
