/** `berth stress`: the guarantees under a storm of takeovers and faults, on this machine against this very program. */
import type { Command } from "commander";
import type { Platform } from "../platform/port.ts";
import { stepText, stressPlan } from "./stress_plan.ts";
import { StressRun } from "./stress_run.ts";
import { Broken, StressScore } from "./stress_score.ts";
import { EXIT, type Verb, wholeNumber } from "./verb.ts";

interface StressOptions {
  readonly seed?: number;
  readonly seconds: number;
  readonly plan?: number;
}

const HELP = `
Starts a gateway of its own on free loopback ports with its data in a temporary directory, and treats it badly: many connections of one
identity at once, devices and consumers that read nothing, half-closes, resets in the middle of a frame, old connections that
close last, kicks, kill -9 and SIGTERM under load. After each step it checks that everything promised still holds, and at the end it reads
every record back. Below 100 connections at a time; touches no other gateway. The same seed gives the same steps.

Exit status: 0 everything held, 1 something did not; it says what, at which step.

  berth stress --seconds 60
  berth stress --seed 7 --plan 20      the first 20 steps of seed 7, without doing them
`;

async function stress(platform: Platform, seed: number, seconds: number): Promise<number> {
  const data = platform.temporaryDirectory("berth-stress-");
  const score = new StressScore();
  const run = new StressRun(platform, data, seed, score);
  const began = platform.clock.mono();
  let [steps, broke] = [0, ""];
  let ended = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) platform.onSignal(signal, () => (ended = true));
  try {
    await run.begin();
    for (const step of stressPlan(seed)) {
      if (ended || platform.clock.mono() - began >= seconds * 1000) break;
      await run.step(step);
      steps++;
    }
    await run.finish();
  } catch (error) {
    broke = (error as Error).message;
    score.broken(error instanceof Broken ? error.rule : "lives", broke);
  } finally {
    await run.clean();
    platform.removeTree(data);
  }
  const { events, records, slowestLoginMs } = run.summary;
  platform.writeOut(score.table());
  platform.writeOut(
    `\nseed ${seed}: ${steps} steps, ${records} records acknowledged, ${events} events told, slowest login ${slowestLoginMs} ms\n`,
  );
  for (const story of score.stories) platform.writeErr(`berth: ${story}\n`);
  if (score.failed) platform.writeErr(`${run.lastWords}\n`);
  return score.failed ? EXIT.failed : EXIT.done;
}

export const addStress: Verb = (program, platform, end) => {
  const command: Command = program
    .command("stress")
    .description("check the guarantees under load and faults")
    .option("--seed <N>", "which steps (default: another each time)", wholeNumber(0, 0xffff_ffff))
    .option("--seconds <N>", "begin no step after this time", wholeNumber(1, 86_400), 20)
    .option("--plan <N>", "print the first N steps and do nothing", wholeNumber(1, 100_000))
    .addHelpText("after", HELP);
  command.action(async ({ seed, seconds, plan }: StressOptions) => {
    const chosen = seed ?? new DataView(platform.randomBytes(4).buffer).getUint32(0);
    if (plan === undefined) return end(await stress(platform, chosen, seconds));
    const steps = stressPlan(chosen);
    for (let i = 0; i < plan; i++) platform.writeOut(`${stepText(steps.next().value)}\n`);
    end(EXIT.done);
  });
};
