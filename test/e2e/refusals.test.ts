/** What is wrong or not built yet is refused by name at the start; nothing is accepted and ignored. */
import { afterAll, describe, expect, test } from "bun:test";
import { endEverything, runBerth, temporaryData, writeTemporaryFile } from "../support/gateway.ts";

afterAll(endEverything);

const serve = (
  ...args: string[]
): string[] => ["serve", "--data", temporaryData(), "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", ...args];

/** Wrong usage, as of a command line nobody can make sense of; refusals exit 1. */
const USAGE = 2;

/** Runs it; it must exit with `exit`, say nothing on standard output and each of `words` on standard error. */
async function expectRefused(
  args: readonly string[],
  words: readonly string[],
  settings: Record<string, string | number> = {},
  exit = 1,
): Promise<void> {
  const { code, out, err } = await runBerth(args, settings);
  expect({ args, out, code }).toEqual({ args, out: "", code: exit });
  for (const word of words) expect(err).toContain(word);
}

describe("settings that are not built yet", () => {
  test("--redis is refused by name", () => expectRefused(serve("--redis", "redis://127.0.0.1:6379"), ["redis", "not"]));
});

describe("a verb", () => {
  test("nobody knows is refused by name", () => expectRefused(["fly"], ["fly"], {}, USAGE));
});

describe("a wrong configuration", () => {
  test("an unknown key is refused with file, line and key", async () => {
    const file = await writeTemporaryFile("berth.toml", 'log_level = "info"\n\n[tcp]\nidle_timeout_mss = 1000\n');
    await expectRefused(serve("--config", file), [file, "4", "idle_timeout_mss"]);
  });

  test("a value out of range is refused with file, line, key and what is allowed", async () => {
    const file = await writeTemporaryFile("berth.toml", "[journal]\nflush_frames = 0\n");
    await expectRefused(serve("--config", file), [file, "2", "flush_frames", "1", String(1 << 24)]);
  });

  test("a value of the wrong kind is refused with file, line, key and what is allowed", async () => {
    const file = await writeTemporaryFile("berth.toml", '[tcp]\naccept = "magic"\n');
    await expectRefused(serve("--config", file), [file, "2", "accept", "reuseport"]);
  });

  test("text that is not TOML is refused with file and line", async () => {
    const file = await writeTemporaryFile("berth.toml", "[tcp]\naccept = \n");
    await expectRefused(serve("--config", file), [file, "2"]);
  });

  test("a file that is not there is refused by name", () =>
    expectRefused(serve("--config", "/no/such/berth.toml"), ["/no/such/berth.toml"]));

  test("an unknown setting in the environment is refused by name", () =>
    expectRefused(serve(), ["BERTH_TCP__NO_SUCH_THING"], { "tcp.no_such_thing": 1 }));

  test("a bad value in the environment is refused by name", () =>
    expectRefused(serve(), ["BERTH_TCP__IDLE_TIMEOUT_MS", "soon"], { "tcp.idle_timeout_ms": "soon" }));

  test("a bad fault plan is refused by name", () =>
    expectRefused(serve(), ["journal.commit:explode"], { faults: "journal.commit:explode" }));

  test("an unknown flag is refused by name", () => expectRefused(serve("--no-such-flag"), ["--no-such-flag"], {}, USAGE));

  test("HTTP on an address of the outside without tokens is refused", () =>
    expectRefused(["serve", "--data", temporaryData(), "--tcp", "127.0.0.1:0", "--http", "0.0.0.0:0"], ["token", "loopback"]));

  test("check says the same as serve and exits 1", async () => {
    const file = await writeTemporaryFile("berth.toml", "[tcp]\nspeed = 1\n");
    await expectRefused(["check", file], [file, "2", "speed"]);
  });

  test("check prints the effective settings of a good file", async () => {
    const file = await writeTemporaryFile("berth.toml", "[tcp]\nidle_timeout_ms = 4321\n");
    const { code, out } = await runBerth(["check", file]);
    expect(code).toBe(0);
    expect(out).toContain("4321");
    expect(out).toContain("idle_timeout_ms");
  });
});
