/** `berth drain`: has a running gateway close its connections at a rate, and shows who comes back. */
import { TextLineStream } from "@std/streams/text-line-stream";
import type { Command } from "commander";
import { post, reasonOf } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { type DrainEnd, drainTable, parseDrainLine, progressText } from "./drain_report.ts";
import { addGatewayOptions, EXIT, fail, refuseToken, type Verb, wholeNumber } from "./verb.ts";

interface DrainOptions {
  readonly url: string;
  readonly token?: string;
  readonly rate?: number;
  readonly timeout?: number;
  readonly stop?: boolean;
  readonly open?: boolean;
  readonly json?: boolean;
}

const HELP = `
Closes every connection there is, --rate a second, and says which devices have come back to this gateway. Newcomers stay
admitted, so a fleet spreads over the instances behind a balancer. With --stop newcomers are refused from the begin on,
/readyz answers 503, and devices go elsewhere; when all are gone the gateway can be stopped. It refuses them until it is
started again, or "berth drain --open".

Frames in flight are kept. Ctrl-C ends the drain where it is; what --stop shut is opened again. Exit status: 0 everybody
has come back, or with --stop is gone; 1 somebody has not within --timeout, or the drain was ended.

  berth drain --rate 50
  berth drain --stop && kill -TERM $(cat berth-data/berth.pid)
`;

/** Reads the report to its end. @throws Error what a broken connection or an odd line is. */
async function follow(platform: Platform, body: ReadableStream<Uint8Array>, options: DrainOptions): Promise<number> {
  const away: string[] = [];
  const afterMs: number[] = [];
  let end: DrainEnd | null = null;
  const text = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>);
  for await (const raw of text.pipeThrough(new TextLineStream())) {
    if (options.json === true) platform.writeOut(`${raw}\n`);
    const line = parseDrainLine(raw);
    if (!line.ok) throw new Error(line.message);
    if (line.value.event === "returned") afterMs.push(line.value.afterMs);
    else if (line.value.event === "away") away.push(line.value.device);
    else if (line.value.event === "end") end = line.value;
    else if (line.value.event === "progress" && options.json !== true) platform.writeErr(`berth: ${progressText(line.value)}\n`);
  }
  if (end === null) throw new Error("the report ended before the drain did");
  if (options.json !== true) platform.writeOut(drainTable(end, away, afterMs));
  if (end.outcome === "stopped") return fail(platform, "the gateway was stopped before the drain was done");
  return end.outcome === "done" ? EXIT.done : EXIT.failed;
}

async function drain(platform: Platform, options: DrainOptions): Promise<number> {
  const { url, rate, timeout, stop, open } = options;
  const cancel = new AbortController();
  platform.onSignal("SIGINT", () => cancel.abort());
  platform.onSignal("SIGTERM", () => cancel.abort());
  const wish = {
    ...(rate === undefined ? {} : { rate }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(stop === true ? { stop } : {}),
    ...(open === true ? { open } : {}),
  };
  const answer = await post(url, "/v1/drain", wish, cancel.signal);
  if (!answer.ok) return fail(platform, answer.message);
  try {
    if (open !== true && answer.value.body !== null) return await follow(platform, answer.value.body, options);
    await answer.value.body?.cancel();
    return EXIT.done;
  } catch (error) {
    return fail(
      platform,
      cancel.signal.aborted ? "the drain was ended; who is connected stays" : `the drain broke off: ${reasonOf(error)}`,
    );
  }
}

export const addDrain: Verb = (program, platform, end) => {
  const command: Command = program
    .command("drain")
    .description("close connections at a rate and show who comes back")
    .option("--rate <N>", "connections closed per second (default: [http] drains_per_second)", wholeNumber(1, 10_000))
    .option("--timeout <S>", "seconds to come back after the last close (default: [http] drain_return_ms)", wholeNumber(1, 3600))
    .option("--stop", "refuse newcomers: devices go elsewhere")
    .option("--open", "only admit newcomers again")
    .option("--json", "the report as it comes, one JSON object a line")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (options: DrainOptions) => {
    if (options.open === true && options.stop === true) command.error("error: --open and --stop exclude each other");
    end(refuseToken(platform, options) ?? await drain(platform, options));
  });
};
