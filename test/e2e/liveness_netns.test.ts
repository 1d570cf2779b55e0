/**
 * Peers behind a network that drops their packets: gateway and trackers in two network namespaces. Where those are not
 * allowed the proof is liveness.test.ts alone, and this says so.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { endEverything } from "../support/gateway.ts";
import { inNetworkOfItsOwn } from "../support/netns.ts";
import type { BlackholeResult } from "../support/netns_blackhole.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

test("a network that drops everything: offline within keepalive's bound, replaced within the probe's, descriptors returned", async () => {
  const run = await inNetworkOfItsOwn<BlackholeResult>("test/support/netns_blackhole.ts");
  if (!run.allowed) {
    process.stderr.write(`No network namespace here (${run.why}): see liveness.test.ts\n`);
    expect(run.why).toMatch(/not permitted|denied|not found|ENOENT|failed/i);
    return;
  }
  const { keepalive, probe } = run.result;
  expect([keepalive.devices, keepalive.lost, keepalive.descriptorsLeft]).toEqual([40, 40, 0]);
  expect(keepalive.offlineMs - keepalive.starvedMs).toBeLessThan(3500);
  expect([probe.answer, probe.descriptorsLeft]).toEqual([1, 0]);
  expect(probe.tookMs).toBeGreaterThan(1900);
  expect(probe.tookMs - probe.starvedMs).toBeLessThan(2500);
});
