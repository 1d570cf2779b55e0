/** The command line as a whole: help, usage, and what an exit status means. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runHere } from "../../support/console.ts";

const VERBS = ["serve", "check", "decode", "simulate", "tail", "devices", "send", "quarantine", "replay", "selftest"];

describe("berth", () => {
  test("--help names every verb", async () => {
    const { code, out, err } = await runHere(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const verb of VERBS) expect(out).toMatch(new RegExp(`^  ${verb} `, "m"));
  });

  test("help of each verb has a description and an example", async () => {
    for (const verb of VERBS) {
      const { code, out } = await runHere([verb, "--help"]);
      expect(code).toBe(0);
      expect(out).toStartWith(`Usage: berth ${verb}`);
      expect(out).toContain(`\n  ${verb === "check" ? "berth check berth.toml" : `berth ${verb}`}`);
    }
  });

  test("help of the verbs of a verb has an example of each", async () => {
    for (const words of ["token create", "token list", "token revoke", "allow list", "allow add", "allow remove"]) {
      const { code, out } = await runHere([...words.split(" "), "--help"]);
      expect({ words, code }).toEqual({ words, code: 0 });
      expect(out).toContain(` berth ${words}`.concat(words.endsWith("list") ? "\n" : " "));
    }
    for (const verb of ["list", "release", "forget"]) {
      expect((await runHere(["quarantine", verb, "--help"])).out).toMatch(new RegExp(`^  berth quarantine ${verb}( .+)?$`, "m"));
    }
  });

  test("help of a verb, and of a verb's verb, is what its --help prints", async () => {
    for (const words of [[], ["serve"], ["token", "create"]]) {
      expect(await runHere(["help", ...words])).toEqual(await runHere([...words, "--help"]));
    }
  });

  test("check names a certificate or key that cannot be used", async () => {
    const folder = mkdtempSync(join(tmpdir(), "berth-check-"));
    const [config, cert] = [join(folder, "berth.toml"), join(folder, "cert.pem")];
    try {
      for (const section of ["tls", "tcp.tls"]) {
        const listen = section === "tls" ? "" : 'listen = "127.0.0.1:0"\n';
        writeFileSync(config, `[${section}]\n${listen}cert = "${cert}"\nkey = "${join(folder, "key.pem")}"\n`);
        rmSync(cert, { force: true });
        const missing = await runHere(["check", config]);
        expect({ code: missing.code, out: missing.out }).toEqual({ code: 1, out: "" });
        expect(missing.err).toStartWith(`berth: Cannot read ${cert}: `);
        writeFileSync(cert, "nothing");
        expect((await runHere(["check", config])).err).toBe(`berth: Cannot use ${cert}: it holds no certificate in PEM\n`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("--version prints one line", async () => {
    expect(await runHere(["--version"])).toEqual({ code: 0, out: "source\n", err: "" });
  });

  test("wrong usage exits 2, says what is wrong, and prints nothing on standard output", async () => {
    for (
      const [args, words] of [
        [["fly"], "unknown command 'fly'"],
        [["help", "fly"], "unknown command 'fly'"],
        [["help", "token", "fly"], "unknown command 'fly'"],
        [["serve", "--wrkers", "1"], "Did you mean --workers?"],
        [["devices", "--limit", "0"], "Expected a whole number from 1 to 1000000."],
        [["tail", "--url", "gateway:80"], "Expected http://HOST:PORT."],
        [["tail", "--from-start", "--last-event-id", "a.1"], "exclude each other"],
        [["simulate", "nowhere"], '"nowhere" is not HOST:PORT'],
        [["simulate", "--codec", "9"], "Allowed choices are 8, 8E, 16, mix."],
        [["simulate", "--imei", "12"], "Expected 15 digits."],
        [["serve", "extra"], "too many arguments"],
        [["allow", "add"], "expected device ids or --file"],
        [["devices", "--history"], "expected a device"],
        [["export", "1", "--from", "2026-03-02", "--to", "2026-03-01"], "--from: it is after --to"],
        [["simulate", "--udp", "--tls"], "do not go together"],
        [["token", "create", "--scope", "fly"], "is no scope"],
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
