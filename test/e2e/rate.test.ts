/** Who asks HTTP too often is told when to come again, and the others go on. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ask, metric, type Problem } from "../support/rest.ts";
import { pause, until } from "../support/until.ts";

setDefaultTimeout(30_000);
afterAll(endEverything);

const bearer = (token: string): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${token}` } });

test("a token that asks too often gets 429 and when to come again; its stream, and another token, go on", async () => {
  const gateway = await Gateway.start({
    settings: { workers: 1, "access.requests_per_second_per_token": 4, "access.request_burst_seconds": 2, "http.heartbeat_ms": 100 },
  });
  const make = async (scope: string, by?: string): Promise<string> => {
    const made = await ask<{ token: string }>(gateway.url, "/v1/tokens", {
      method: "POST",
      body: JSON.stringify({ scopes: [scope] }),
      ...(by === undefined ? {} : bearer(by)),
    });
    expect(made.status).toBe(201);
    return made.json.token;
  };
  const admin = await make("admin");
  const [wild, calm] = [await make("read", admin), await make("read", admin)];
  const stream = await fetch(`${gateway.url}/v1/events`, bearer(wild));
  expect(stream.status).toBe(200);
  const all = await Promise.all(Array.from({ length: 40 }, () => ask<Problem>(gateway.url, "/v1/devices", bearer(wild))));
  const refused = all.filter(({ status }) => status === 429);
  expect(all.every(({ status }) => status === 200 || status === 429)).toBe(true);
  // Eight at once, of which the stream was one; and what the time of forty requests allows.
  expect(all.length - refused.length).toBeGreaterThanOrEqual(7);
  expect(refused.length).toBeGreaterThan(20);
  const [first] = refused;
  expect([first!.headers.get("content-type"), first!.headers.get("retry-after"), first!.json.status]).toEqual([
    "application/problem+json",
    "1",
    429,
  ]);
  expect((await ask(gateway.url, "/v1/devices", bearer(calm))).status).toBe(200);
  const reader = stream.body!.getReader();
  for (let beats = 0; beats < 3; beats++) expect((await reader.read()).done).toBe(false);
  await reader.cancel();
  await until("the wild one let in again", async () => {
    await pause(1000);
    return (await ask(gateway.url, "/v1/devices", bearer(wild))).status === 200;
  });
  const counted = await ask(gateway.url, "/metrics", bearer(admin));
  expect(counted.text).toContain(`berth_http_refusals_total{cause="rate"} ${refused.length}`);
  expect((await gateway.stop()).code).toBe(0);
});

test("where no token is needed an address that asks too often gets 429, and is let in again", async () => {
  const gateway = await Gateway.start({
    settings: { workers: 1, "access.requests_per_second_per_address": 10, "access.request_burst_seconds": 1 },
  });
  const all = await Promise.all(Array.from({ length: 60 }, () => ask(gateway.url, "/healthz")));
  expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(10);
  expect(all.filter(({ status }) => status === 429).length).toBeGreaterThan(30);
  await until("let in again", async () => (await ask(gateway.url, "/healthz")).status === 200);
  await until("counted", async () => (await metric(gateway.url, 'berth_http_refusals_total{cause="rate"}')) > 30);
  expect((await gateway.stop()).code).toBe(0);
});
