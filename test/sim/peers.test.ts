/**
 * Two gateways that dial each other on a simulated network, from one seed each: whatever went wrong before, they end with one
 * connection that both name; and when two meet with nothing going wrong, they never lose both.
 *
 *   BERTH_SIM_SEEDS   how many seeds (400), shared by the policies      BERTH_SIM_FIRST   the first one (1)
 */
import { describe, expect, test } from "bun:test";
import { stepDial } from "../../src/registry/dial.ts";
import { step } from "../../src/registry/registry.ts";
import type { Decide } from "../../src/registry/policy.ts";
import { PEER_POLICIES, type PeerPolicy } from "../../src/wire/peer_line.ts";
import { type Core, PeerSim } from "../support/peer_sim.ts";

const SEEDS = Math.ceil(Number(process.env["BERTH_SIM_SEEDS"] ?? 400) / PEER_POLICIES.length);
const FIRST = Number(process.env["BERTH_SIM_FIRST"] ?? 1);
const MEETINGS = 3;
const ENOUGH = 50;
const CHAOS_MS = 1500;

/** @returns rounds in which two met. @throws when something was violated. */
async function run(seed: number, policy: PeerPolicy, core: Core = {}): Promise<number> {
  const sim = new PeerSim(seed, policy, core);
  try {
    await sim.chaos(CHAOS_MS);
    await sim.agree();
    for (let i = 0; i < MEETINGS; i++) await sim.meet();
  } catch (error) {
    throw new Error(`seed ${seed}, ${policy}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return sim.met;
}

describe.each(PEER_POLICIES.map((policy) => [policy]))("two gateways under %s", (policy) => {
  test(`agree after chaos, and lose nothing when two connections meet, for ${SEEDS} seeds`, async () => {
    let met = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) met += await run(seed, policy);
    // A few seeds are asked for to look at them.
    if (SEEDS >= ENOUGH) expect(met).toBeGreaterThan(SEEDS / 4);
  }, 300_000);
});

/** The registry with another rule. */
const ruled = (decide: Decide): Core => ({
  registry: (state, event, now, out) => {
    Object.assign(state, { decide });
    step(state, event, now, out);
  },
});

/** What is wrong, and under which policy it is caught. */
const WRONG: readonly (readonly [string, PeerPolicy, Core])[] = [
  ["both sides take the newest", "recent", ruled(() => ({ act: "admit" }))],
  [
    "each side prefers what it dialled itself",
    "initiator",
    ruled((_policy, holder, newcomer) => (holder === null || newcomer.dialled ? { act: "admit" } : { act: "refuse", refusal: "held" })),
  ],
  [
    "a dial that has greeted is given up for whatever comes",
    "recent",
    {
      dials: (state, event, now) => {
        const entry = "peer" in event ? state.entries.get(event.peer) : undefined;
        if (event.type === "incoming" && entry?.stage === "greeting") entry.stage = "connecting";
        return stepDial(state, event, now);
      },
    },
  ],
  [
    "a registration leaves the timer",
    "recent",
    {
      dials: (state, event, now) => {
        const entry = event.type === "registered" ? state.entries.get(event.peer) : undefined;
        const { waits, deadline } = entry ?? { waits: "nothing", deadline: Infinity };
        const effects = stepDial(state, event, now);
        if (entry !== undefined && waits === "delay") Object.assign(entry, { waits, deadline });
        return effects;
      },
    },
  ],
  [
    "nobody hears that a connection is gone",
    "recent",
    { dials: (state, event, now) => (event.type === "gone" ? [] : stepDial(state, event, now)) },
  ],
];

test.each(WRONG)("that %s is caught", async (_name, policy, core) => {
  let caught = 0;
  for (let seed = 1; seed <= 200 && caught === 0; seed++) await run(seed, policy, core).catch(() => caught++);
  expect(caught).toBe(1);
}, 60_000);
