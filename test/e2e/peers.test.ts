/** Two gateways that dial each other, over real sockets: one connection survives, both agree which, and both say so. */
import { afterAll, expect, test } from "bun:test";
import { PEER_POLICIES, type PeerPolicy } from "../../src/wire/peer_line.ts";
import { denoBerth } from "../support/deno_command.ts";
import { endEverything, temporaryData } from "../support/gateway.ts";
import { device, metric, PeerPair } from "../support/peer_pair.ts";
import { ask } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** Of how many rounds two connections met. Throws when one does not end with one connection that both name. */
async function rounds(policy: PeerPolicy, kind: "tcp" | "ws", count: number): Promise<number> {
  const pair = await PeerPair.start({ policy, kind, seed: 7 });
  await pair.agreed();
  let met = 0;
  for (let round = 0; round < count; round++) {
    pair.cut();
    if ((await pair.agreed()).mostLive > 1) met++;
  }
  await pair.stop();
  return met;
}

test.each([["tcp", 25], ["ws", 10]] as const)(
  "two gateways that dial each other end with one connection over %s, and agree which, in each of %i rounds",
  async (kind, count) => {
    const met = await Promise.all(PEER_POLICIES.map((policy) => rounds(policy, kind, count)));
    // Else nothing was shown about two connections at a time.
    expect(met.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
  },
  120_000,
);

test("a gateway on Bun and one on Deno agree", async () => {
  const bravo = { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } };
  const pair = await PeerPair.start({ policy: "recent", kind: "tcp", seed: 2, bravo });
  await pair.agreed();
  for (let round = 0; round < 5; round++) {
    pair.cut();
    await pair.agreed();
  }
  await pair.stop();
}, 120_000);

test("a peer is a device: connected, kicked and connected again, with the transport peer", async () => {
  const pair = await PeerPair.start({ policy: "initiator", kind: "tcp", seed: 3 });
  await pair.agreed();
  const before = await device(pair.alpha, "bravo");
  expect(before).toMatchObject({ id: "bravo", connected: true, transport: "peer" });
  const kicked = await ask(pair.alpha.url, "/v1/devices/bravo/kick", { method: "POST" });
  expect(kicked.status).toBe(204);
  await pair.agreed();
  expect((await device(pair.alpha, "bravo"))!.fence).toBeGreaterThan(before!.fence);
  await pair.stop();
}, 60_000);

test("a peer that goes in order is offline for that reason, and connected again when it is back", async () => {
  const pair = await PeerPair.start({ policy: "recent", kind: "tcp", seed: 4 });
  await pair.agreed();
  const stream = await SseConsumer.open(pair.alpha.url, "/v1/events?device=bravo");
  expect(await pair.bravo.stop()).toEqual({ code: 0, signal: null });
  await until("bravo offline", async () => (await device(pair.alpha, "bravo"))?.connected === false);
  const said = await stream.until("the reason", () => stream.of("disconnected")[0] ?? false);
  expect(JSON.parse(said.data)).toMatchObject({ id: "bravo", reason: "shutdown" });
  stream.close();
  await pair.restartBravo();
  await pair.agreed();
  await pair.stop();
}, 60_000);

test("a path that swallows everything ends the connection on both sides within the bound", async () => {
  const pair = await PeerPair.start({ policy: "initiator", kind: "ws", seed: 5, peer: "ping_ms = 50\npeer_dead_ms = 1000\n" });
  await pair.agreed();
  const began = performance.now();
  pair.fromAlpha.swallow();
  pair.fromBravo.swallow();
  for (const [gateway, peer] of [[pair.alpha, "bravo"], [pair.bravo, "alpha"]] as const) {
    await until(`${peer} offline`, async () => (await device(gateway, peer))?.connected === false);
  }
  expect(performance.now() - began).toBeGreaterThan(200);
  await until(
    "no socket",
    async () => (await metric(pair.alpha, "berth_connections")) === 0 && (await metric(pair.bravo, "berth_connections")) === 0,
  );
  await pair.stop();
}, 60_000);
