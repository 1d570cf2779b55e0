/** `berth stress`: what holds, holds; and gateways that break a promise are found out. */
import { afterAll, describe, expect, test } from "bun:test";
import { stressPlan } from "../../src/cli/stress_plan.ts";
import { StressRun } from "../../src/cli/stress_run.ts";
import { Broken, StressScore } from "../../src/cli/stress_score.ts";
import { bunPlatform } from "../../src/platform/bun.ts";
import type { Platform } from "../../src/platform/port.ts";
import { berthCommand, endEverything, runBerth } from "../support/gateway.ts";

afterAll(endEverything);

/** This platform, but a gateway it starts is one with faults. */
function withFaults(faults: string): Platform {
  const platform = bunPlatform();
  const spawnSelf: Platform["spawnSelf"] = (args, environment) => {
    const child = Bun.spawn([...berthCommand(), ...args], {
      env: { ...environment, BERTH_FAULTS: faults },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    return {
      pid: child.pid,
      out: child.stdout,
      err: child.stderr,
      kill: (signal) => child.kill(signal),
      ended: child.exited.then(() => child.exitCode),
    };
  };
  return { ...platform, spawnSelf };
}

/** Steps until something breaks; the rules that broke. */
async function broken(faults: string, most: number): Promise<readonly string[]> {
  const platform = withFaults(faults);
  const data = platform.temporaryDirectory("berth-test-");
  const score = new StressScore();
  const run = new StressRun(platform, data, 7, score);
  try {
    await run.begin();
    const steps = stressPlan(7);
    for (let i = 0; i < most && !score.failed; i++) await run.step(steps.next().value);
  } catch (error) {
    score.broken(error instanceof Broken ? error.rule : "lives", (error as Error).message);
  } finally {
    await run.clean();
    platform.removeTree(data);
  }
  return score.stories;
}

describe("stress", () => {
  test("ten seconds of it: every kind of step is tried, everything holds, exit status 0", async () => {
    const untried = (out: string): string[] => out.split("\n\n")[0]!.split("\n").filter((line) => /\s0$/.test(line));
    const stress = (seconds: string) => runBerth(["stress", "--seed", "3", "--seconds", seconds], {}, 120_000);
    let { code, out, err } = await stress("10");
    // Not enough for each kind on a machine that has much else to do.
    if (code === 0 && untried(out).length > 0) ({ code, out, err } = await stress("60"));
    expect([code, err, untried(out)]).toEqual([0, "", []]);
    const [tried, held] = out.split("\n\n").map((part) => part.split("\n").slice(1)) as [string[], string[]];
    expect(tried.length).toBeGreaterThan(5);
    expect(held.filter((line) => /\s0\s+held$/.test(line)).length).toBe(10);
    expect(out).toMatch(/\nseed 3: \d+ steps, \d+ records acknowledged, \d+ events told, slowest login \d+ ms\n$/);
  }, 250_000);

  test("the same seed makes the same plan, another one another", async () => {
    const plan = async (seed: string) => (await runBerth(["stress", "--seed", seed, "--plan", "200"])).out;
    const [first, again, other] = await Promise.all([plan("11"), plan("11"), plan("12")]);
    expect(first.trimEnd().split("\n")).toHaveLength(200);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  }, 20_000);

  test("a gateway that answers before it stores is found out", async () => {
    const stories = await broken("journal.ack_before_commit:fail@1+,journal.commit:fail@30", 20);
    expect(stories.join("\n")).toContain("acknowledged is stored, once, byte for byte");
  }, 120_000);

  test("a gateway that dies by itself is found out", async () => {
    const stories = await broken("registry.loop:throw@60", 20);
    expect(stories.length).toBeGreaterThan(0);
  }, 120_000);
});
