/** Streams of devices whose peers are gone without a word, and whose tokens are revoked. */
import { afterAll, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { timed } from "../support/processor_wait.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { ask, device } from "../support/rest.ts";
import { conflicts, history } from "../support/rivals.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A stream through a socket whose kernel can be told to drop everything. */
async function held(gateway: Gateway, id: string, from = "127.0.0.1"): Promise<RawPeer> {
  const peer = RawPeer.connect(Number(new URL(gateway.url).port), { from });
  peer.send(encoder.encode(`GET /v1/devices/${id}/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`));
  let text = "";
  await until("the snapshot", () => {
    const bytes = peer.receive();
    if (bytes instanceof Uint8Array) text += decoder.decode(bytes);
    return text.includes("event: config");
  });
  return peer;
}

test("a stream whose peer acknowledges nothing is offline within its bound, and one that does stays", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 300, "http.stream_dead_ms": 1500 } });
  const peers = await Promise.all(Array.from({ length: 20 }, (_, i) => held(gateway, `silent-${i}`)));
  const alive = await held(gateway, "alive");
  for (const peer of peers) peer.blackhole();
  const { tookMs, starvedMs } = await timed(gateway.pid, async () => {
    for (let i = 0; i < peers.length; i++) {
      await until(`silent-${i} offline`, async () => !(await device(gateway.url, `silent-${i}`)).connected);
    }
  });
  // The bound, and what the kernel's timers and the asking take.
  expect(tookMs - starvedMs).toBeLessThan(1500 + 1500);
  expect((await device(gateway.url, "alive")).connected).toBe(true);
  for (const peer of [...peers, alive]) peer.close();
}, 60_000);

test("under the policy reject a newcomer is refused while the stream's peer answers, and let in when it is silent", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, policy: "reject", "admission.probe_ms": 1000 } });
  const peer = await held(gateway, "sensor-1");
  const refused = await ask(gateway.url, "/v1/devices/sensor-1/stream");
  expect(refused.status).toBe(409);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  peer.blackhole();
  const began = performance.now();
  const next = await SseConsumer.open(gateway.url, "/v1/devices/sensor-1/stream");
  expect(next.status).toBe(200);
  expect(performance.now() - began).toBeGreaterThan(800);
  await next.until("the snapshot", () => next.of("config").length > 0);
  next.close();
  peer.close();
}, 60_000);

test("two live clients that take one device's stream from each other are told as a conflict; one that comes back is none", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const peers: RawPeer[] = [];
  for (const from of ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.3", "127.0.0.2"]) peers.push(await held(gateway, "sensor-1", from));
  const [told] = await until("a conflict", async () => {
    const all = await conflicts(gateway.url);
    return all.length > 0 && all;
  });
  expect([told!.device, told!.verdict, told!.origins.map(({ address }) => address)]).toEqual([
    "sensor-1",
    "clone",
    ["127.0.0.3", "127.0.0.2"],
  ]);
  for (let i = 0; i < 6; i++) peers.push(await held(gateway, "sensor-2", "127.0.0.2"));
  const silent = await held(gateway, "sensor-2", "127.0.0.3");
  silent.blackhole();
  for (let i = 0; i < 2; i++) peers.push(await held(gateway, "sensor-2", "127.0.0.2"));
  const verdicts = async () => (await history(gateway.url, "sensor-2")).map(({ evidence }) => [evidence.answered, evidence.verdict]);
  await until("what became of all", async () => (await verdicts()).every(([answered]) => answered !== null));
  // Newest first: two of its own, and from one that was silent, and to it.
  expect((await verdicts()).slice(0, 3)).toEqual([[true, "restart_loop"], [false, "nat_rebind"], [true, null]]);
  expect(await conflicts(gateway.url)).toHaveLength(1);
  for (const peer of [...peers, silent]) peer.close();
}, 60_000);

test("a stream needs the scope of its device, and ends with a last event when the token is revoked", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const make = async (scopes: string, admin: string): Promise<{ token: string; id: string }> => {
    const headers = admin === "" ? {} : { authorization: `Bearer ${admin}` };
    const made = await ask<{ token: string; id: string }>(gateway.url, "/v1/tokens", {
      method: "POST",
      headers,
      body: JSON.stringify({ name: "one", scopes: [scopes] }),
    });
    expect(made.status).toBe(201);
    return made.json;
  };
  const admin = await make("admin", "");
  const [own, other, reader] = [
    await make("device:sensor-1", admin.token),
    await make("device:sensor-2", admin.token),
    await make("read", admin.token),
  ];
  const status = async (token: string): Promise<number> =>
    (await ask(gateway.url, `/v1/devices/sensor-1/stream?access_token=${token}`)).status;
  expect([await status(other.token), await status(reader.token)]).toEqual([403, 403]);
  const stream = await SseConsumer.open(gateway.url, `/v1/devices/sensor-1/stream?access_token=${own.token}`);
  await stream.until("the snapshot", () => stream.of("config").length > 0);
  const revoked = await ask(gateway.url, `/v1/tokens/${own.id}`, { method: "DELETE", headers: { authorization: `Bearer ${admin.token}` } });
  expect(revoked.status).toBe(204);
  await stream.until("its end", () => stream.closed);
  expect(stream.events.at(-1)).toMatchObject({ event: "bye", data: '{"reason":"auth"}' });
  const found = await until("offline", async () => {
    const { json } = await ask<{ connected: boolean }>(gateway.url, `/v1/devices/sensor-1?access_token=${admin.token}`);
    return json.connected ? false : json;
  });
  expect(found).toMatchObject({ connected: false, transport: "sse" });
}, 60_000);
