/** A tracker that sends its last frames and ends its side with a FIN right behind them: it is told all it is owed, then our FIN. */
import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { FIRST } from "../support/certificates.ts";
import { denoBerth } from "../support/deno_command.ts";
import { recordsOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { ACCEPTS, endEverything, type Gateway, type GatewayOptions, type SettingsText, temporaryData } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { v1Header } from "../support/proxy_header.ts";
import { device, metric, recordsPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

const FRAMES = 12;
const files = temporaryData();
const [cert, key] = [join(files, "cert.pem"), join(files, "key.pem")];
await Bun.write(cert, FIRST.cert);
await Bun.write(key, FIRST.key);
const SECURED: SettingsText = { "tcp.tls.listen": "127.0.0.1:0", "tcp.tls.cert": cert, "tcp.tls.key": key };
const PROXIED: SettingsText = { "tcp.proxy_protocol": "v1", "tcp.proxy_from": "127.0.0.1" };

let gateway: Gateway;
afterEach(async () => {
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
});

const glued = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** `open`: a connection; `header`: what goes before its login. */
async function lastWords(number: number, open: () => Promise<Tracker>, header: Uint8Array = new Uint8Array(0)): Promise<void> {
  const one = new TestDevice(number, "8E");
  const frames = one.frames(2 * FRAMES, 5);
  const counts = frames.map((frame) => frame.records.length);
  // Logged in before, then all at once; and all at once from the first byte.
  const first = await open();
  first.write(glued([header, encodeLogin(one.imei)]));
  expect(await first.answered()).toBe(1);
  first.write(glued(frames.slice(0, FRAMES).map((frame) => frame.bytes)));
  first.finish();
  expect(await first.ended()).toBe("fin");
  expect(first.acks).toEqual(counts.slice(0, FRAMES));
  const second = await open();
  second.write(glued([header, encodeLogin(one.imei), ...frames.slice(FRAMES).map((frame) => frame.bytes)]));
  second.finish();
  expect(await second.ended()).toBe("fin");
  expect([second.login, second.acks]).toEqual([1, counts.slice(FRAMES)]);
  expect((await recordsPage(gateway.url, one.imei, "?limit=1000")).records).toHaveLength(recordsOf(frames).length);
  await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
}

async function allLastWords(options: GatewayOptions, accept: (typeof ACCEPTS)[number]): Promise<void> {
  gateway = await startWith(accept, options);
  const isProxied = options.settings === PROXIED;
  const header = isProxied ? v1Header("192.0.2.9", 4000) : new Uint8Array(0);
  for (let number = 9300; number < 9305; number++) await lastWords(number, () => Tracker.open(gateway.tcpPort), header);
  if (options.settings === SECURED) {
    for (let number = 9305; number < 9310; number++) await lastWords(number, () => Tracker.openTls(gateway.tlsPort, { ca: FIRST.cert }));
  }
  const connections = options.settings === SECURED ? 20 : 10;
  await until("every socket closed", async () => (await metric(gateway.url, 'berth_closed_total{reason="closed"}')) === connections);
  expect(await metric(gateway.url, "berth_accepted_total")).toBe(connections);
  await until("no socket left", async () => (await metric(gateway.url, "berth_sockets")) === 0);
}

for (const accept of ACCEPTS) {
  test(`a tracker's last frames are answered behind its FIN, accept ${accept}`, () => allLastWords({}, accept));
  test(`a tracker's last frames are answered behind its FIN, accept ${accept}, with TLS beside it`, () =>
    allLastWords({ settings: SECURED }, accept));
  test(`a tracker's last frames are answered behind its FIN, accept ${accept}, behind a balancer`, () =>
    allLastWords({ settings: PROXIED }, accept));
}

test("a tracker's last frames are answered behind its FIN, on Deno, with TLS beside it", () =>
  allLastWords({ command: denoBerth(), settings: SECURED }, "reuseport"));
