/** Peers that are not welcome, and lines that are none: each hears why in one line, and the connection is closed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { endEverything, Gateway, writeTemporaryFile } from "../support/gateway.ts";
import { PeerClient } from "../support/peer_client.ts";
import { device, metric } from "../support/peer_pair.ts";
import { until } from "../support/until.ts";

const CONFIG = `instance = "alpha"
workers = 1
unknown_devices = "reject"
[peer]
listen = "127.0.0.1:0"
policy = "recent"
greeting_ms = 1500
ping_ms = 100
peer_dead_ms = 3000
[[peers]]
identity = "bravo"
`;
const GREETING = { identity: "bravo", policy: "recent", version: 1 };

test("a peer thread that throws ends the process, which names it", async () => {
  const args = ["--config", await writeTemporaryFile("berth.toml", CONFIG)];
  const failing = Gateway.spawn({ args, faults: "peer.loop:throw@30" });
  expect(await failing.ended()).toEqual({ code: 1, signal: null });
  expect(failing.logText).toContain('"thread":"peer"');
});

let gateway: Gateway;
beforeAll(async () => {
  gateway = await Gateway.start({ args: ["--config", await writeTemporaryFile("berth.toml", CONFIG)] });
});
afterAll(endEverything);

const dial = (): PeerClient => new PeerClient(Number(gateway.readyLine.peer!.split(":")[1]));

describe("a greeting", () => {
  test.each(
    [
      ["version", { ...GREETING, version: 2 }, "Cannot greet peer: version 2, here it is 1"],
      ["policy", { ...GREETING, policy: "initiator" }, "Cannot greet peer: policy initiator, here it is recent"],
      ["unknown_peer", { ...GREETING, identity: "Mallory" }, "Cannot greet peer: mallory is not named here"],
      ["equal_identities", { ...GREETING, identity: "ALPHA" }, "Cannot greet peer: both sides are alpha"],
      ["bad_line", { ...GREETING, identity: "no identity" }, "Cannot greet peer: its identity is none"],
      ["bad_line", { identity: "bravo" }, "Cannot parse peer's line: a greeting has identity, policy and version"],
      ["bad_line", "hello", "Cannot parse peer's line: not JSON"],
      ["bad_line", { ping: 1 }, "Cannot greet peer: ping before the greeting"],
      ["too_long", "x".repeat(2000), "Cannot read peer's line: too long"],
    ] as const,
  )("is refused as %s", async (code, line, reason) => {
    const cause = `berth_peer_refusals_total{cause="${code}"}`;
    const before = await metric(gateway, cause);
    const client = dial();
    client.say(line);
    expect(await client.heard("refused")).toEqual({ refused: code, reason });
    await client.gone();
    expect(client.lines).toHaveLength(1);
    await until("the count", async () => (await metric(gateway, cause)) === before + 1);
  });

  test("that does not come is not waited for", async () => {
    const client = dial();
    expect(await client.heard("refused")).toEqual({ refused: "late", reason: "Cannot greet peer: no greeting within 1500 ms" });
    await client.gone();
  });

  test("is answered with our own, and the peer is a device that answers pings", async () => {
    const client = dial();
    client.say({ ...GREETING, identity: "BRAVO", more: "is left alone" });
    expect(await client.heard("identity")).toEqual({ identity: "alpha", policy: "recent", version: 1 });
    await until("bravo connected", async () => (await device(gateway, "bravo"))?.connected === true);
    client.say({ ping: 41 });
    expect(await client.heard("pong")).toEqual({ pong: 41 });
    client.say(GREETING);
    expect(await client.heard("refused")).toMatchObject({ refused: "bad_line", reason: "Cannot greet peer: greeting after the greeting" });
    await client.gone();
    await until("bravo offline", async () => (await device(gateway, "bravo"))?.connected === false);
  });
});

test("a peer that says nothing more is pinged, and given up in time", async () => {
  const client = dial();
  client.say(GREETING);
  await client.heard("ping");
  await client.gone();
  expect(client.lines.at(-1)).toEqual({ bye: "lost" });
});

test("the smaller side parks the second connection until the first ends, then takes it", async () => {
  const first = dial();
  first.say(GREETING);
  await until("bravo connected", async () => (await device(gateway, "bravo"))?.connected === true);
  const { fence } = (await device(gateway, "bravo"))!;
  const second = dial();
  second.say(GREETING);
  await second.heard("identity");
  // Its claim is with the registry by the time a line behind it is answered; the first still has the device.
  second.say({ ping: 1 });
  await second.heard("pong");
  expect((await device(gateway, "bravo"))!.fence).toBe(fence);
  first.end();
  await until("the second's turn", async () => (await device(gateway, "bravo"))!.fence > fence);
  second.end();
  await until("bravo offline", async () => (await device(gateway, "bravo"))?.connected === false);
});

test("a goodbye of the peer is the reason of its end", async () => {
  const client = dial();
  client.say(GREETING);
  await until("bravo connected", async () => (await device(gateway, "bravo"))?.connected === true);
  client.say({ bye: "shutdown" });
  await client.gone();
  await until("bravo offline", async () => (await device(gateway, "bravo"))?.connected === false);
  await until("no socket", async () => (await metric(gateway, "berth_peer_sockets")) === 0);
});
