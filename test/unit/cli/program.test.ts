/** The command line as a whole: help, usage, and what an exit status means. */
import { describe, expect, test } from "bun:test";
import { runHere } from "../../support/console.ts";

const VERBS = ["serve", "check", "decode", "simulate", "tail", "devices", "send", "quarantine", "replay", "selftest"];

describe("berth", () => {
  test("--help names every verb", async () => {
    const { code, out, err } = await runHere(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const verb of VERBS) expect(out).toMatch(new RegExp(`^  ${verb} `, "m"));
  });

  test("help of each verb has a description, and examples where there is something to choose", async () => {
    for (const verb of VERBS) {
      const { code, out } = await runHere([verb, "--help"]);
      expect(code).toBe(0);
      expect(out).toStartWith(`Usage: berth ${verb}`);
      if (verb !== "selftest") expect(out).toContain(`\n  ${verb === "check" ? "berth check berth.toml" : `berth ${verb}`}`);
    }
  });

  test("--version prints one line", async () => {
    expect(await runHere(["--version"])).toEqual({ code: 0, out: "source\n", err: "" });
  });

  test("wrong usage exits 2, says what is wrong, and prints nothing on standard output", async () => {
    for (
      const [args, words] of [
        [["fly"], "unknown command 'fly'"],
        [["serve", "--wrkers", "1"], "Did you mean --workers?"],
        [["devices", "--limit", "0"], "Expected a whole number from 1 to 1000000."],
        [["tail", "--url", "gateway:80"], "Expected http://HOST:PORT."],
        [["tail", "--from-start", "--last-event-id", "a.1"], "exclude each other"],
        [["simulate", "nowhere"], '"nowhere" is not HOST:PORT'],
        [["simulate", "--codec", "9"], "Allowed choices are 8, 8E, 16, mix."],
        [["simulate", "--imei", "12"], "Expected 15 digits."],
        [["serve", "extra"], "too many arguments"],
      ] as const
    ) {
      const { code, out, err } = await runHere(args);
      expect({ args, code, out }).toEqual({ args, code: 2, out: "" });
      expect(err).toStartWith("berth: ");
      expect(err).toContain(words);
    }
  });

  test("without a verb exits 2 with the help on standard error", async () => {
    const { code, out, err } = await runHere([]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toStartWith("Usage: berth");
  });
});

describe("berth check", () => {
  test("prints the defaults and what the environment changes", async () => {
    const { code, out } = await runHere(["check"], { BERTH_WORKERS: "3" });
    expect(code).toBe(0);
    expect(out).toMatch(/^workers = 3 +# BERTH_WORKERS$/m);
    expect(out).toMatch(/^policy = "takeover" +# default$/m);
  });

  test("names every mistake on a line of its own", async () => {
    const { code, out, err } = await runHere(["check"], { BERTH_WORKERS: "x", BERTH_REDIS: "y" });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err.split("\n")).toEqual([
      "berth: Cannot use the configuration:",
      '  BERTH_WORKERS is "x"; allowed: an integer from 0 to 32',
      "  BERTH_REDIS: not built yet: clusters over Redis",
      "",
    ]);
  });

  test("says why a file cannot be read", async () => {
    expect(await runHere(["check", "/nonexistent/berth.toml"])).toEqual({
      code: 1,
      out: "",
      err: "berth: Cannot read /nonexistent/berth.toml: no such file\n",
    });
  });
});
