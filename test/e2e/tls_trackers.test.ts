/** Trackers with TLS on an address of their own: what holds without it holds with it, and devices without it stay as they are. */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Tls } from "../../src/platform/tls_port.ts";
import { CLIENT, CLIENT_CA, FIRST, RSA, SECOND } from "../support/certificates.ts";
import { DeafSecured } from "../support/deaf_secured.ts";
import { denoBerth } from "../support/deno_command.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import {
  type Accept,
  ACCEPTS,
  endEverything,
  Gateway,
  type GatewayOptions,
  runBerth,
  type SettingsText,
  temporaryData,
} from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { timed } from "../support/processor_wait.ts";
import { rejection } from "../support/rejection.ts";
import { device, metric, metrics, recordsPage } from "../support/rest.ts";
import { history } from "../support/rivals.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

const PROMPT_MS = 100;
const TRUST = { ca: [FIRST.cert, SECOND.cert] };
const files = temporaryData();
const [cert, key, ca] = [join(files, "cert.pem"), join(files, "key.pem"), join(files, "ca.pem")];
const show = async (of: Tls): Promise<void> => {
  await Bun.write(cert, of.cert);
  await Bun.write(key, of.key);
};
const SECURED: SettingsText = { "tcp.tls.listen": "127.0.0.1:0", "tcp.tls.cert": cert, "tcp.tls.key": key };

let gateway: Gateway;
afterEach(async () => {
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
});
async function start(accept: Accept, settings: SettingsText = {}, options: GatewayOptions = {}): Promise<void> {
  await show(FIRST);
  gateway = await startWith(accept, { ...options, settings: { ...SECURED, ...settings } });
}
async function secured(imei: string, own: Partial<Tls> = {}): Promise<Tracker> {
  const tracker = await Tracker.openTls(gateway.tlsPort, { ...TRUST, ...own });
  tracker.write(encodeLogin(imei));
  expect(await tracker.answered()).toBe(1);
  return tracker;
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** One device, first with TLS, then without, then with it again. */
async function movesAcross(one: TestDevice): Promise<void> {
  const first = await secured(one.imei);
  expect(await first.send(one.frame(one.records(3)).bytes)).toBe(3);
  const plain = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  expect(await first.ended()).toBe("fin");
  expect(await plain.send(one.frame(one.records(2)).bytes)).toBe(2);
  const again = await secured(one.imei);
  expect(await plain.ended()).toBe("fin");
  for (let i = 0; i < 20; i++) expect(await again.send(one.frame(one.records(4)).bytes)).toBe(4);
  expect((await recordsPage(gateway.url, one.imei, "?limit=1000")).records).toHaveLength(85);
  expect((await device(gateway.url, one.imei)).origin).toEqual({ address: "127.0.0.1", port: again.localPort, clientInstance: null });
  await until("both takeovers", async () => (await history(gateway.url, one.imei)).length === 2);
}

describe.each(ACCEPTS)("trackers with TLS, beside those accepted by %s", (accept) => {
  test("are owners like any: records, takeovers both ways, and a FIN for the loser", async () => {
    await start(accept);
    expect(gateway.readyLine.tls).toBe(`127.0.0.1:${gateway.tlsPort}`);
    await movesAcross(new TestDevice(9201, "8E"));
  });

  test("that read nothing are taken over at once, again and again, and leave no socket behind", async () => {
    await start(accept);
    const one = new TestDevice(9202, "8");
    const served: number[] = [];
    for (let round = 0; round < 30; round++) {
      const holder = await secured(one.imei);
      holder.pause();
      for (let i = 0; i < 40; i++) holder.write(one.frame(one.records(1)).bytes);
      const next = await Tracker.openTls(gateway.tlsPort, TRUST);
      const began = performance.now();
      next.write(encodeLogin(one.imei));
      expect(await next.answered()).toBe(1);
      served.push(performance.now() - began);
      holder.reset();
      next.close();
    }
    expect(median(served)).toBeLessThan(PROMPT_MS);
    await until("every socket closed", async () => {
      const all = await metrics(gateway.url);
      const closed = [...all].reduce((sum, [name, value]) => name.startsWith("berth_closed_total{") ? sum + value : sum, 0);
      return closed === 60 && all.get("berth_accepted_total") === closed && all.get("berth_sockets") === 0;
    });
  });

  test("on the wrong port are refused, both ways, and nobody else is delayed", async () => {
    await start(accept);
    const one = new TestDevice(9203, "16");
    const good = await secured(one.imei);
    const bare = await Promise.all(Array.from({ length: 50 }, async () => {
      const tracker = await Tracker.open(gateway.tlsPort);
      tracker.write(encodeLogin(one.imei));
      return tracker;
    }));
    const { tookMs, starvedMs } = await timed(
      gateway.pid,
      async () => expect(await good.send(one.frame(one.records(2)).bytes)).toBe(2),
    );
    expect(tookMs - starvedMs).toBeLessThan(5 * PROMPT_MS);
    await Promise.all(bare.map((tracker) => tracker.ended()));
    await until("all counted", async () => (await metric(gateway.url, 'berth_accept_refused_total{cause="tls_handshake"}')) === 50);
    expect(await rejection(Tracker.openTls(gateway.tcpPort, TRUST))).not.toBe("");
    expect((await device(gateway.url, one.imei)).connected).toBe(true);
  });

  test("go on while the certificate is renewed by SIGHUP, and the next see the new one", async () => {
    await start(accept);
    const one = new TestDevice(9204, "8E");
    const before = await secured(one.imei);
    await show(SECOND);
    process.kill(gateway.pid, "SIGHUP");
    // Each worker has its own listener: all of them must have changed.
    await until("the new certificate alone", async () => {
      const seen = await Promise.all(
        Array.from(
          { length: 12 },
          () => Tracker.openTls(gateway.tlsPort, { ca: SECOND.cert }).then((tracker) => (tracker.close(), true), () => false),
        ),
      );
      return seen.every(Boolean);
    });
    expect(await before.send(one.frame(one.records(2)).bytes)).toBe(2);
    await Bun.write(key, FIRST.key);
    process.kill(gateway.pid, "SIGHUP");
    await until("the warning", () => gateway.logText.includes("the old certificate for trackers stays"));
    expect(await before.send(one.frame(one.records(2)).bytes)).toBe(2);
    (await Tracker.openTls(gateway.tlsPort, { ca: SECOND.cert })).close();
  });
});

test("trackers with TLS whose window is full are taken over at once, and another device waits for nothing", async () => {
  await start("reuseport");
  const [one, other] = [new TestDevice(9207, "8"), new TestDevice(9208, "8E")];
  const neighbour = await secured(other.imei);
  const served: number[] = [];
  const acked: number[] = [];
  const took = async (into: number[], work: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await work();
    into.push(performance.now() - began);
  };
  for (let round = 0; round < 3; round++) {
    const holder = await DeafSecured.loggedIn(gateway.tlsPort, encodeLogin(one.imei));
    await holder.fill(one.frame(one.records(1)).bytes);
    const next = await Tracker.openTls(gateway.tlsPort, TRUST);
    await took(served, () => {
      next.write(encodeLogin(one.imei));
      return next.answered();
    });
    await took(acked, () => neighbour.send(other.frame(other.records(1)).bytes));
    expect(next.login).toBe(1);
    next.close();
    holder.close();
  }
  expect([median(served) < PROMPT_MS, median(acked) < PROMPT_MS]).toEqual([true, true]);
  await until("only the neighbour left", async () => (await metric(gateway.url, "berth_sockets")) === 1);
});

test("trackers with TLS and certificates of their own come in with those of the authority alone", async () => {
  await Bun.write(ca, CLIENT_CA);
  await start("fd", { "tcp.tls.client_ca": ca });
  const one = new TestDevice(9205, "8");
  const known = await secured(one.imei, CLIENT);
  expect(await known.send(one.frame(one.records(1)).bytes)).toBe(1);
  const stranger = await Tracker.openTls(gateway.tlsPort, TRUST).catch(() => null);
  stranger?.write(encodeLogin(one.imei));
  await stranger?.ended();
  expect(stranger?.login ?? null).toBeNull();
  expect(await known.send(one.frame(one.records(1)).bytes)).toBe(1);
});

test.each(
  [
    ["RSA", RSA, ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES128-SHA"]],
    ["ECDSA", FIRST, ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA"]],
  ] as const,
)("trackers that know TLS 1.2 only, with any suite of an %s key, come in without a certificate or a name", async (_, own, suites) => {
  await show(own);
  gateway = await Gateway.start({ settings: SECURED });
  for (const [i, ciphers] of suites.entries()) {
    const tracker = await Tracker.openTls(gateway.tlsPort, { ca: own.cert, maxVersion: "TLSv1.2", ciphers });
    tracker.write(encodeLogin(imeiOf(700 + i)));
    expect(await tracker.answered()).toBe(1);
    tracker.close();
  }
});

test("simulated trackers speak TLS to a gateway they trust, and to no other", async () => {
  await start("fd");
  const target = `127.0.0.1:${gateway.tlsPort}`;
  const some = ["--devices", "5", "--frames", "40", "--rate", "0"];
  for (const trust of [["--ca", cert], ["--insecure"]]) {
    const { code, out } = await runBerth(["simulate", target, ...some, ...trust]);
    expect({ trust, code }).toEqual({ trust, code: 0 });
    expect(JSON.parse(out)).toMatchObject({ acked: 40, mismatches: 0, reconnects: 0 });
  }
  const distrustful = await runBerth(["simulate", target, "--tls", "--devices", "1", "--seconds", "2"]);
  expect(distrustful.code).toBe(1);
  expect((await runBerth(["simulate", target, "--tls", "--udp"])).code).toBe(2);
  expect((await runBerth(["simulate", target, "--ca", "/no/such.pem"])).err).toContain("/no/such.pem");
});

test("trackers with TLS on Deno move across, and go on while the certificate is renewed", async () => {
  await show(FIRST);
  gateway = await Gateway.start({
    command: denoBerth(),
    settings: { workers: 2, ...SECURED },
    environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" },
  });
  const one = new TestDevice(9206, "8E");
  await movesAcross(one);
  const before = await secured(one.imei);
  await show(SECOND);
  process.kill(gateway.pid, "SIGHUP");
  await until(
    "the new certificate",
    () => Tracker.openTls(gateway.tlsPort, { ca: SECOND.cert }).then((tracker) => (tracker.close(), true), () => false),
  );
  expect(await before.send(one.frame(one.records(1)).bytes)).toBe(1);
  const bare = await Tracker.open(gateway.tlsPort);
  bare.write(encodeLogin(one.imei));
  await bare.ended();
  // An alert, at most.
  expect([0, 1]).not.toContain(bare.login);
});

describe("a certificate for trackers that cannot be used", () => {
  test("ends the start, naming the file", async () => {
    await show(FIRST);
    await Bun.write(key, "no key");
    const bad = Gateway.spawn({ settings: { workers: 1, ...SECURED } });
    expect((await bad.ended()).code).toBe(1);
    expect(bad.logText).toContain(`Cannot use ${key}: it holds no private key in PEM`);
    gateway = await Gateway.start({ settings: { workers: 1 } });
  });
});
