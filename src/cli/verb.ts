/** What the verbs share: how they join the program, how they fail, and the options of those that speak HTTP. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { gatewayUrl } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";

/** What an exit status means to a shell. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** Adds a verb. Its action calls `end` with the exit status; the process exits with the last one. */
export type Verb = (program: Command, platform: Platform, end: (code: number) => void) => void;

/** What to do about what a gateway, or nobody, answers. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/Cannot reach \S+: connection refused$/, '; is "berth serve" running?'],
  [/ 401 .*a token is needed/, "; give it with --token or BERTH_TOKEN"],
];

/** Says why on standard error, and what to do about it where that is known. @returns the exit status for it. */
export function fail(platform: Pick<Platform, "writeErr">, message: string): number {
  const hint = HINTS.find(([pattern]) => pattern.test(message))?.[1] ?? "";
  platform.writeErr(`berth: ${message}${hint}\n`);
  return EXIT.failed;
}

/** A verb that has verbs of its own. */
export const addGroup = (program: Command, name: string, what: string, help: string): Command =>
  program.command(name).description(what).helpCommand("help [verb]", "print the help of a verb").addHelpText("after", help);

/** The examples of a verb's verb, out of the help of all of them: the lines with `words`. */
export const examplesOf = (help: string, words: string): string =>
  `\n${help.split("\n").filter((line) => line.includes(` ${words} `) || line.endsWith(` ${words}`)).join("\n")}\n`;

/** Says what is wrong with the options as they stand together. @returns the exit status for it. */
export function misused(platform: Pick<Platform, "writeErr">, message: string): number {
  platform.writeErr(`berth: ${message}\n(berth --help says what there is)\n`);
  return EXIT.usage;
}

export function readUrl(text: string): string {
  const url = gatewayUrl(text);
  if (url === null) throw new InvalidArgumentError("Expected http://HOST:PORT.");
  return url;
}

/** `--url` and `--token` of a verb that speaks to a running gateway. */
export function addGatewayOptions(command: Command): Command {
  return command
    .option("--url <URL>", "the gateway to ask", readUrl, "http://127.0.0.1:8080")
    .addOption(
      new Option("--token <TOKEN>", "a token of the gateway; better in the environment, which other users cannot see").env("BERTH_TOKEN"),
    );
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return value;
  };
}
