/** kill -9 with commands in flight: none twice on the wire, each ends in one state. Fifty rounds: bench/load/commands.ts. */
import { afterAll, expect, test } from "bun:test";
import { CommandRounds } from "../support/command_rounds.ts";
import { endEverything } from "../support/gateway.ts";

afterAll(endEverything);

test("a command in flight at a kill -9 is never written twice and ends in one state", async () => {
  const rounds = new CommandRounds(1);
  let written = 0;
  for (let i = 0; i < 4; i++) written += (await rounds.round()).written;
  const { accepted, byState, faults } = await rounds.judge();
  expect(faults).toEqual([]);
  expect([written > 20, accepted > 20, (byState["unknown"] ?? 0) > 0, (byState["answered"] ?? 0) > 0]).toEqual([true, true, true, true]);
}, 60_000);
