/**
 * A disk that cannot sync the log. The system forgets what it could not write, so the gateway ends at once: nobody is
 * acknowledged, and the next start copies the log into the database before it believes it.
 */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { buildShim, compiler, shimEnvironment } from "../support/preload.ts";
import { walBytes } from "../support/wal_bytes.ts";
import { Traffic } from "../support/traffic.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

test.if(compiler() !== null).each([["the sync thread", 1], ["the journal itself", 1 << 20]] as const)(
  "a log that %s cannot sync ends the gateway, names it and loses nothing",
  async (_who, overlapBytes) => {
    const scratch = temporaryData();
    const data = temporaryData();
    const badSync = join(scratch, "bad");
    const environment = shimEnvironment(buildShim(scratch), { data, badSync });
    const settings = { workers: 2, "journal.reserve_bytes": 0, "journal.overlap_bytes": overlapBytes };
    const gateway = await Gateway.start({ data, settings, environment });
    const traffic = new Traffic(gateway, 1);
    await until("some acknowledgements", () => traffic.acknowledged > 200);
    writeFileSync(badSync, "");
    expect((await gateway.ended(10_000)).code).toBe(1);
    await traffic.ended();
    expect(gateway.logText).toContain("Cannot sync");
    expect(walBytes(data)).toBeGreaterThan(0);

    const next = await Gateway.start({ data, settings });
    expect(await traffic.missingAt(next.url)).toEqual([]);
    expect((await next.stop()).code).toBe(0);
  },
  60_000,
);
