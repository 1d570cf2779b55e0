/** `berth drain`: has a running gateway close its connections at a rate, and shows who comes back. */
import { TextLineStream } from "@std/streams/text-line-stream";
import type { Command } from "commander";
import { LIMITS } from "../base/limits.ts";
import { post, reasonOf } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { DrainMoves } from "./drain_moves.ts";
import { type DrainEnd, type DrainLine, drainTable, parseDrainLine, progressText } from "./drain_report.ts";
import { addGatewayOptions, EXIT, fail, readUrl, type Verb, wholeNumber } from "./verb.ts";

interface DrainOptions {
  readonly url: string;
  readonly token?: string;
  readonly rate?: number;
  readonly timeout?: number;
  readonly stop?: boolean;
  readonly open?: boolean;
  readonly to?: readonly string[];
  readonly json?: boolean;
}

const RETURN_S = LIMITS.drainReturnMs.value / 1000;

const HELP = `
Closes every connection there is, --rate a second, and says which devices have come back to this gateway. Newcomers stay
admitted, so a fleet spreads over the instances behind a balancer. With --stop newcomers are refused from the beginning,
/readyz answers 503, and devices go elsewhere; when all are gone the gateway can be stopped. It refuses them until it is
started again, or "berth drain --open".

Frames in flight are kept. Ctrl-C ends the drain where it is; what --stop shut is opened again. Exit status: 0 everybody
has come back, has come to a gateway named by --to, or with --stop and no --to is gone; 1 somebody has not within --timeout, or
the drain was ended.

  berth drain --rate 50
  berth drain --stop --to http://127.0.0.1:8081
  berth drain --stop && kill -TERM $(cat berth-data/berth.pid)
`;

/** One drain as the operator sees it: the report of the gateway, and where the devices have gone. */
class DrainView {
  readonly #platform: Platform;
  readonly #options: DrainOptions;
  readonly #cancel: AbortSignal;
  /** Closed and not reported as returned: device → fence that was closed. */
  readonly #away = new Map<string, number>();
  readonly #afterMs: number[] = [];
  readonly #moved = new Map<string, number>();
  #returned = 0;
  #end: DrainEnd | null = null;

  constructor(platform: Platform, options: DrainOptions, cancel: AbortSignal) {
    this.#platform = platform;
    this.#options = options;
    this.#cancel = cancel;
  }

  /** @returns the exit status. @throws Error what a broken connection or an odd line is. */
  async follow(body: ReadableStream<Uint8Array>, moves: DrainMoves | null): Promise<number> {
    const text = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>);
    for await (const raw of text.pipeThrough(new TextLineStream())) {
      if (this.#options.json === true) this.#platform.writeOut(`${raw}\n`);
      const line = parseDrainLine(raw);
      if (!line.ok) throw new Error(line.message);
      this.#take(line.value);
    }
    const end = this.#end;
    if (end === null) throw new Error("the report ended before the drain did");
    if (moves !== null && end.outcome !== "stopped") await this.#find(moves);
    // Behind a shut door, and with nowhere to look, gone is all that can be known.
    const gone = this.#options.stop === true && moves === null && end.outcome === "done";
    const away = gone ? [] : [...this.#away.keys()];
    const sum = { end, afterMs: this.#afterMs, returned: this.#returned, moved: this.#moved, away };
    if (this.#options.json !== true) this.#platform.writeOut(drainTable(sum));
    if (end.outcome === "stopped") return fail(this.#platform, "the gateway was stopped before the drain was done");
    return away.length === 0 ? EXIT.done : EXIT.failed;
  }

  #take(line: DrainLine): void {
    if (line.event === "drained") this.#away.set(line.device, line.fence);
    else if (line.event === "returned") {
      this.#away.delete(line.device);
      this.#afterMs.push(line.afterMs);
      this.#returned++;
    } else if (line.event === "end") this.#end = line;
    else if (line.event === "progress" && this.#options.json !== true) this.#platform.writeErr(`berth: ${progressText(line)}\n`);
  }

  /** Waits until everybody is somewhere, or not any longer. */
  async #find(moves: DrainMoves): Promise<void> {
    const { timeout = RETURN_S, url, json } = this.#options;
    const look = (): boolean => {
      for (const [device, fence] of this.#away) {
        const place = moves.whereIs(device, fence);
        if (place === null) continue;
        this.#away.delete(device);
        if (place === url) this.#returned++;
        else this.#moved.set(place, (this.#moved.get(place) ?? 0) + 1);
        if (json === true) this.#platform.writeOut(`${JSON.stringify({ event: "moved", device, to: place })}\n`);
      }
      return this.#away.size === 0;
    };
    await moves.until(look, timeout * 1000, () => this.#platform.clock.mono(), this.#cancel);
  }
}

async function drain(platform: Platform, options: DrainOptions): Promise<number> {
  const { url, token, rate, timeout, stop, open, to = [] } = options;
  const cancel = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) platform.onSignal(signal, () => cancel.abort());
  const random = (): number => platform.randomBytes(1)[0]! / 256;
  let moves: DrainMoves | null = null;
  try {
    if (to.length > 0) moves = await DrainMoves.watch(url, to, random, token);
    const wish = {
      ...(rate === undefined ? {} : { rate }),
      // Who goes elsewhere never comes back here: with places to look at, the wait is ours.
      ...(moves !== null ? { timeoutMs: LIMITS.drainReturnMs.min } : timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
      ...(stop === true ? { stop } : {}),
      ...(open === true ? { open } : {}),
    };
    const answer = await post(url, "/v1/drain", wish, cancel.signal, token);
    if (!answer.ok) return fail(platform, answer.message);
    const { body } = answer.value;
    if (open !== true && body !== null) return await new DrainView(platform, options, cancel.signal).follow(body, moves);
    await body?.cancel();
    return EXIT.done;
  } catch (error) {
    const reason = cancel.signal.aborted ? "the drain was ended; who is connected stays" : `the drain broke off: ${reasonOf(error)}`;
    return fail(platform, reason);
  } finally {
    moves?.end();
  }
}

const someUrls = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), readUrl(value)];

export const addDrain: Verb = (program, platform, end) => {
  const command: Command = program
    .command("drain")
    .description("close connections at a rate and show who comes back")
    .option("--rate <N>", "connections closed per second (default: [http] drains_per_second)", wholeNumber(1, 10_000))
    .option("--timeout <S>", "seconds to come back after the last close (default: [http] drain_return_ms)", wholeNumber(1, 3600))
    .option("--stop", "refuse newcomers: devices go elsewhere")
    .option("--to <URL>", "another gateway devices may come to: who is seen there has moved; may be repeated", someUrls)
    .option("--open", "only admit newcomers again")
    .option("--json", "the report as it comes, one JSON object a line")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (options: DrainOptions) => {
    if (options.open === true && options.stop === true) command.error("error: --open and --stop exclude each other");
    end(await drain(platform, options));
  });
};
