/** Successors of holders that cannot be told anything. The full counts: bench/load/dead_holders.ts. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ACCEPTS, endEverything, type Gateway } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { metrics } from "../support/rest.ts";
import { returnAfterReset, type StuckResult, takeFromStuck } from "../support/takeover_storm.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);
afterAll(endEverything);

/** Logins that took too long, but for the time that nobody could have served them in. */
const late = ({ loginMs, starvedMs }: StuckResult): number[] => loginMs.filter((ms, i) => ms - starvedMs[i]! >= 100);

describe.each([...ACCEPTS])("a holder that cannot be told, accept %s", (accept) => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startWith(accept);
  });

  test("reads nothing and has a full window: its successor is served within 100 ms, and it is closed in time, 30 of 30", async () => {
    const taken = await takeFromStuck(gateway, 30, "window");
    expect([taken.rounds, late(taken), taken.ackMs.length]).toEqual([30, [], 30]);
    // The FIN cannot pass a full window: the reset comes after a second.
    expect(taken.allClosedMs).toBeLessThan(1500);
  });

  test("is stuck in our write to it: the same, 10 of 10", async () => {
    const taken = await takeFromStuck(gateway, 10, "write", 20_000);
    expect([taken.rounds, late(taken), taken.ackMs.length]).toEqual([10, [], 10]);
    expect(taken.allClosedMs).toBeLessThan(1500);
  });

  test("died by a reset while it was being answered: it is back at the first attempt, 100 of 100, and nothing stays open", async () => {
    const { first } = await returnAfterReset(gateway, 100);
    expect(first).toBe(100);
    await until("no connection left", async () => {
      const all = await metrics(gateway.url);
      return all.get("berth_connections") === 0 && all.get("berth_sockets") === 0;
    });
  });
});
