/** `berth selftest`: the guarantees, checked on this machine against this very program. */
import type { Platform } from "../platform/port.ts";
import { Selftest } from "./selftest_checks.ts";
import { EXIT, type Verb } from "./verb.ts";

const HELP = `
Starts a gateway of its own on free loopback ports with its data in a temporary directory, and checks that it keeps what
it promises: threads, acknowledgements, reading back, events, takeover, kill -9, shutdown. Takes some seconds; touches no
other gateway. The exit status is 1 when a check failed.

  berth selftest && berth serve
`;

const NAME_COLUMNS = 56;

/** One line a check: its verdict, its name, what was seen, how long it took. After a failed one the rest is not run. */
async function selftest(platform: Platform): Promise<number> {
  const data = platform.temporaryDirectory("berth-selftest-");
  const test = new Selftest(platform, data);
  let passed = 0;
  let failed = 0;
  try {
    for (const { name, run } of test.checks) {
      const began = platform.clock.mono();
      try {
        const seen = await run();
        passed++;
        platform.writeOut(`ok    ${name.padEnd(NAME_COLUMNS)}  ${seen}  (${Math.round(platform.clock.mono() - began)} ms)\n`);
      } catch (error) {
        failed++;
        platform.writeOut(`FAIL  ${name.padEnd(NAME_COLUMNS)}  ${(error as Error).message}\n`);
        platform.writeErr(`${test.lastWords}\n`);
        break;
      }
    }
  } finally {
    await test.clean();
    platform.removeTree(data);
  }
  const left = test.checks.length - passed - failed;
  platform.writeOut(`selftest: ${passed} passed, ${failed} failed${left === 0 ? "" : `, ${left} not run`}\n`);
  return failed === 0 ? EXIT.done : EXIT.failed;
}

export const addSelftest: Verb = (program, platform, end) => {
  program
    .command("selftest")
    .description("check the guarantees on this machine")
    .addHelpText("after", HELP)
    .action(async () => end(await selftest(platform)));
};
