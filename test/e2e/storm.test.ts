/** A fleet that returns all at once: 2,000 connects in one go, and every device logged in. */
import { afterAll, describe, expect, test } from "bun:test";
import { imeiOf } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { ACCEPTS, endEverything } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { metrics } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const FLEET = 2000;

afterAll(endEverything);

describe.each([...ACCEPTS])("storm, accept %s", (accept) => {
  test(`${FLEET} connects at once are all logged in, stay, and are all let go`, async () => {
    const gateway = await startWith(accept);
    const trackers = await Promise.all(Array.from({ length: FLEET }, async (_, i) => {
      const tracker = await Tracker.open(gateway.tcpPort);
      tracker.write(encodeLogin(imeiOf(i)));
      return tracker;
    }));
    const answers = await Promise.all(trackers.map((tracker) => tracker.answered(30_000)));
    expect(answers.filter((answer) => answer === 1)).toHaveLength(FLEET);
    await until("all connections counted", async () => (await metrics(gateway.url)).get("berth_connections") === FLEET);
    expect(trackers.filter(({ end }) => end !== null)).toEqual([]);
    for (const tracker of trackers) tracker.close();
    await until("no connection left", async () => (await metrics(gateway.url)).get("berth_connections") === 0);
    expect((await gateway.stop()).code).toBe(0);
  }, 60_000);
});
