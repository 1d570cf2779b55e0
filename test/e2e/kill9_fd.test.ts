/** kill -9 under load, restart, compare: acknowledged is a subset of stored, nothing is stored twice. See bench/load/kill9.ts. */
import { afterAll, describe, expect, test } from "bun:test";
import { endEverything } from "../support/gateway.ts";
import { counts, KILL_POINTS, KillRounds, type Round } from "../support/kill_rounds.ts";

afterAll(endEverything);

const SEED = 20;

describe("kill -9 under load, accept fd", () => {
  const rounds: Round[] = [];
  const run = new KillRounds("fd", SEED);

  for (const point of KILL_POINTS) {
    test(`${point}: nothing acknowledged is lost, nothing is stored twice, fences rise`, async () => {
      const tried = await run.round(point);
      rounds.push(...tried);
      for (const round of tried) expect(round).toMatchObject({ lost: 0, twice: 0, invented: 0, fencesStuck: 0, faults: [] });
      expect({ ...tried.at(-1), counted: counts(tried.at(-1)!) }).toMatchObject({ point, counted: true });
    }, 120_000);
  }

  test("frames that were stored and not answered were sent again and recognised", () => {
    expect(rounds.reduce((sum, round) => sum + round.duplicates, 0)).toBeGreaterThan(0);
  });
});
