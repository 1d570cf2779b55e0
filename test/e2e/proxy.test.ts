/** Trackers behind a balancer that speaks the PROXY protocol: their own addresses everywhere, and nobody else's word for one. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { FIRST } from "../support/certificates.ts";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { type Accept, ACCEPTS, endEverything, Gateway, runBerth, type SettingsText, temporaryData } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { v1Header, v2Header } from "../support/proxy_header.ts";
import { ask, device, metric } from "../support/rest.ts";
import { conflicts, history } from "../support/rivals.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

const BALANCED: SettingsText = { "tcp.proxy_protocol": "required", "tcp.proxy_from": "127.0.0.1" };
const IMEI = new TestDevice(9101, "8E");
let gateway: Gateway;
afterEach(async () => {
  expect((await gateway.stop()).code).toBe(0);
});

/** A tracker at `address` behind the balancer. */
async function behind(header: Uint8Array, imei = IMEI.imei): Promise<Tracker> {
  const tracker = await Tracker.open(gateway.tcpPort);
  tracker.write(Uint8Array.from([...header, ...encodeLogin(imei)]));
  expect(await tracker.answered()).toBe(1);
  return tracker;
}

async function servesBehindIt(): Promise<void> {
  const one = await behind(v1Header("203.0.113.7", 40_001));
  const frame = IMEI.frame(IMEI.records(3));
  expect(await one.send(frame.bytes)).toBe(3);
  expect((await device(gateway.url, IMEI.imei)).origin).toEqual({ address: "203.0.113.7", port: 40_001, clientInstance: null });
  await behind(v2Header([198, 51, 100, 9], 40_002));
  expect(await one.ended()).toBe("fin");
  const [takeover] = await until("the takeover", async () => {
    const rows = await history(gateway.url, IMEI.imei);
    return rows.length > 0 ? rows : undefined;
  });
  expect([takeover!.old.origin, takeover!.new.origin].map(({ address, port }) => [address, port])).toEqual([["203.0.113.7", 40_001], [
    "198.51.100.9",
    40_002,
  ]]);
}

describe.each(ACCEPTS)("behind a balancer, accepting by %s", (accept: Accept) => {
  test("a tracker's origin is its own in devices and history, and its records are kept", async () => {
    gateway = await startWith(accept, { settings: BALANCED });
    await servesBehindIt();
  });

  test("who sends no header, or comes from elsewhere, is closed unanswered, and trackers go on", async () => {
    gateway = await startWith(accept, { settings: { ...BALANCED, "tcp.proxy_header_ms": 200 } });
    const good = await behind(v1Header("203.0.113.7", 1));
    const bare = await Tracker.open(gateway.tcpPort);
    bare.write(encodeLogin(IMEI.imei));
    // One that is reset as it comes may not even see that it was connected.
    const stranger = await Tracker.open(gateway.tcpPort, "127.0.0.1", "127.0.0.2").catch(() => null);
    stranger?.write(v1Header("203.0.113.7", 2));
    const silent = await Tracker.open(gateway.tcpPort);
    for (const closed of [bare, stranger, silent]) {
      await closed?.ended();
      expect(closed?.login ?? null).toBeNull();
    }
    const count = (cause: string): Promise<number> => metric(gateway.url, `berth_accept_refused_total{cause="${cause}"}`);
    await until(
      "all counted",
      async () => (await count("proxy_header")) === 1 && (await count("proxy_untrusted")) === 1 && (await count("proxy_unfinished")) === 1,
    );
    const frame = IMEI.frame(IMEI.records(1));
    expect(await good.send(frame.bytes)).toBe(1);
    expect((await device(gateway.url, IMEI.imei)).origin.address).toBe("203.0.113.7");
    await until("who sent none, by name", () => gateway.logText.includes("Cannot take connection of 127.0.0.1: no_header"));
    await until(
      "who is no balancer, by name",
      () => gateway.logText.includes("Cannot take connection of 127.0.0.2: not in [tcp] proxy_from"),
    );
  });

  test("two devices with one identity are told apart by the addresses their headers name", async () => {
    gateway = await startWith(accept, { settings: { ...BALANCED, "tcp.afterlife_ms": 1200 } });
    const [a, b] = [v2Header([203, 0, 113, 7], 1), v2Header([203, 0, 113, 8], 1)];
    let last = await behind(a);
    const found = await until("the conflict", async () => {
      const next = await behind(b);
      expect(await last.ended()).toBe("fin");
      last = await behind(a);
      expect(await next.ended()).toBe("fin");
      const all = await conflicts(gateway.url);
      return all.length > 0 ? all : undefined;
    }, 30_000);
    expect(found).toHaveLength(1);
    expect(found[0]!.origins.map(({ address }) => address).toSorted()).toEqual(["203.0.113.7", "203.0.113.8"]);
  });
});

test("behind a balancer on Deno a tracker's origin is its own, and who sends no header is closed", async () => {
  gateway = await Gateway.start({
    command: denoBerth(),
    settings: { workers: 2, ...BALANCED },
    environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" },
  });
  await servesBehindIt();
  const bare = await Tracker.open(gateway.tcpPort);
  bare.write(encodeLogin(IMEI.imei));
  await bare.ended();
  expect(bare.login).toBeNull();
  expect((await ask(gateway.url, "/readyz")).status).toBe(200);
});

test("beside an address with TLS, which takes no header, that is said at the start and by check, and the address refuses one", async () => {
  const files = temporaryData();
  const [cert, key] = [join(files, "cert.pem"), join(files, "key.pem")];
  await Bun.write(cert, FIRST.cert);
  await Bun.write(key, FIRST.key);
  const both: SettingsText = { ...BALANCED, "tcp.tls.listen": "127.0.0.1:0", "tcp.tls.cert": cert, "tcp.tls.key": key };
  const said = "[tcp.tls] listen takes no PROXY header";
  gateway = await startWith("reuseport", { settings: both });
  await until("the warning", () => gateway.logText.includes(said));
  expect(gateway.log.filter((line) => line.includes(said))).toHaveLength(1);
  await behind(v1Header("203.0.113.7", 1));
  const secured = await Tracker.open(gateway.tlsPort);
  secured.write(v1Header("203.0.113.8", 2));
  await secured.ended();
  await until("its refusal", async () => (await metric(gateway.url, 'berth_accept_refused_total{cause="tls_handshake"}')) === 1);
  const check = await runBerth(["check"], both);
  expect([check.code, check.err.includes(said), check.out.includes(said)]).toEqual([0, true, false]);
  expect((await runBerth(["check"], BALANCED)).err).toBe("");
});
