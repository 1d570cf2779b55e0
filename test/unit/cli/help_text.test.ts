/** Help for people: as wide as the terminal is, and what is a verb's own before what all have. */
import { expect, test } from "bun:test";
import { ownFirst, wrapped } from "../../../src/cli/help_text.ts";
import { runHere } from "../../support/console.ts";

const VERBS = ["", "serve", "check", "decode", "simulate", "tail", "devices", "export", "conflicts", "quarantine", "replay", "send", "kick"]
  .concat("drain", "selftest", "stress", "token", "token create", "allow", "allow add", "quarantine list");
/** As commander counts. */
const WIDTH = process.stdout.isTTY ? process.stdout.columns : 80;
const helpOf = async (verb: string): Promise<string> => (await runHere([...verb.split(" ").filter((word) => word !== ""), "--help"])).out;

test("a paragraph is filled anew, and lists, examples and empty lines stay", () => {
  const text = "\nOne two three four\nfive six.\n\n  berth one    as it is, however long that may be\nSeven:\n  eight\n";
  expect(wrapped(text, 12)).toBe(
    "\nOne two\nthree four\nfive six.\n\n  berth one    as it is, however long that may be\nSeven:\n  eight\n",
  );
  expect(wrapped(text, 40)).toBe("\nOne two three four five six.\n\n  berth one    as it is, however long that may be\nSeven:\n  eight\n");
  expect(wrapped("a-word-that-has-no-room here", 5)).toBe("a-word-that-has-no-room\nhere");
});

test("what all verbs have comes last, in its own order", () => {
  const options = ["--url", "--token", "--limit", "--json", "--help"].map((long) => ({ long }));
  expect(ownFirst(options).map(({ long }) => long)).toEqual(["--limit", "--json", "--url", "--token", "--help"]);
});

test.each(VERBS)("the help of berth %s has no line of text that the terminal breaks", async (verb) => {
  const help = await helpOf(verb);
  expect(help).toStartWith("Usage: berth");
  expect(help.split("\n").filter((line) => line.length > WIDTH && !line.startsWith("  "))).toEqual([]);
  const own = help.split("\n").filter((line) => line.startsWith("  --")).map((line) => line.trim().split(" ")[0]);
  if (own.includes("--url")) expect(own.slice(-2)).toEqual(["--url", "--token"]);
});
