/** Trackers with TLS: handshakes that come to an end and those that do not, the certificate and its renewal, clients' own. */
import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { connect } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Limits } from "../../src/base/limits.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { slot } from "../../src/telemetry/slots.ts";
import { AcceptWorld } from "../support/accept_world.ts";
import { CLIENT, CLIENT_CA, FIRST, SECOND } from "../support/certificates.ts";
import { encodeLogin } from "../support/frames.ts";
import { until } from "../support/until.ts";

let world: AcceptWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});
const open = async (limits: Partial<Limits> = {}, clientCa = ""): Promise<AcceptWorld> =>
  world = await AcceptWorld.open("tls", { logIntervalMs: 0, ...limits }, 1, null, clientCa);
const plain = (at: AcceptWorld) => at.follow(connect({ port: at.port, host: "127.0.0.1", noDelay: true }), "connect");
/** Nobody's handshake is waited for, and no address has a socket before its login. */
const isQuiet = (at: AcceptWorld): boolean => at.board.sockets(0) === 0 && at.addresses.waiting("127.0.0.1") === 0;
const shown = (client: { got: string }): string => (client as unknown as TLSSocket).getPeerCertificate().subject.CN as string;

test("a socket comes to its handler when its handshake is done, with what was agreed", async () => {
  const at = await open();
  const client = await at.connect();
  client.write("hello");
  await at.seen("the echo", () => client.got === "hello");
  const [socket] = at.workers[0]!.opened;
  expect(socket!.peer).toEqual({ address: "127.0.0.1", port: client.localPort! });
  expect(socket!.tls).toMatch(/^TLSv1\.3 TLS_[A-Z0-9_]+$/);
  expect(at.addresses.waiting("127.0.0.1")).toBe(1);
  client.destroy();
  await at.seen("the end", () => at.open === 0);
});

test("a device without TLS is closed at its first bytes, before a handler sees it, and counted", async () => {
  const at = await open();
  for (
    const bytes of [encodeLogin("356307042441013"), new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), new Uint8Array(70_000).fill(0x16)]
  ) {
    const client = await plain(at);
    client.write(bytes);
    await at.seen("closed", () => client.gone);
  }
  await until("all counted", () => at.counted("tls_handshake") === 3);
  expect(at.workers[0]!.opened).toHaveLength(0);
  expect(sumOf(at.boot.counters, slot("berth_accepted_total"))).toBe(3);
  await until("nothing left", () => isQuiet(at));
});

test("handshakes that do not end have a deadline and a bound, count as sockets of their address, and keep nobody out", async () => {
  const at = await open({ tlsHandshakeMs: 60_000, lobbySockets: 4 });
  const slow = await Promise.all(Array.from({ length: 4 }, () => plain(at)));
  // The beginning of a ClientHello, by the byte.
  for (const client of slow) client.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1));
  await until("four in the lobby", () => at.board.sockets(0) === 4 && at.addresses.waiting("127.0.0.1") === 4);
  const fifth = await plain(at);
  await at.seen("the fifth closed", () => fifth.gone);
  expect(at.counted("lobby")).toBe(1);
  at.workers[0]!.drain();
  expect(at.counted("tls_handshake")).toBe(0);
  at.workers[0]!.aheadMs = 60_000;
  at.workers[0]!.drain();
  await at.seen("the slow ones closed", () => slow.every(({ gone }) => gone));
  await until("nothing left", () => isQuiet(at));
  expect(at.counted("tls_handshake")).toBe(4);
  const good = await at.connect();
  good.write("x");
  await at.seen("the echo", () => good.got === "x");
});

test("an address whose handshakes fail too often is closed at once", async () => {
  const at = await open({ failedLoginsPerSecondPerAddress: 3 });
  // The bound is per second of the wall clock: fail again until a socket meets it inside one.
  await until("a refusal", async () => {
    for (let i = 0; i < 4; i++) {
      const client = await plain(at);
      client.write("no TLS");
      await at.seen("closed", () => client.gone);
    }
    return at.counted("address_logins") > 0;
  });
  expect(at.workers[0]!.opened).toHaveLength(0);
  await until("nothing left", () => isQuiet(at));
  await until("in again", async () => {
    const good = await at.connect();
    good.write("x");
    await at.seen("in or out", () => good.gone || good.got === "x");
    return good.got === "x";
  });
});

test("a renewed certificate is shown to the next, and those there are go on; one that cannot be used changes nothing", async () => {
  const at = await open();
  const before = await at.connect();
  expect(shown(before)).toBe("berth-test-1");
  const renew = (): void => {
    at.board.wantRenewal();
    expect(at.workers[0]!.source.hasWork()).toBe(true);
    at.workers[0]!.drain();
    expect(at.workers[0]!.source.hasWork()).toBe(false);
  };
  at.offer(SECOND);
  renew();
  await until("the new certificate", async () => {
    const next = await at.connect();
    return !next.gone && shown(next) === "berth-test-2";
  });
  at.offer({ cert: SECOND.cert, key: FIRST.key });
  renew();
  await until("a warning", () => at.workers[0]!.warnings.length > 0);
  expect(at.workers[0]!.warnings[0]).toContain("the old certificate for trackers stays");
  const after = await at.connect();
  expect(shown(after)).toBe("berth-test-2");
  before.write("still");
  after.write("here");
  await at.seen("both echoes", () => before.got === "still" && after.got === "here");
});

test("where clients have certificates only those of the authority come in, and each is known by its own", async () => {
  const at = await open({}, CLIENT_CA);
  for (const own of [{}, FIRST]) {
    const stranger = await at.connect("127.0.0.1", own);
    stranger.write("x");
    await at.seen("closed", () => stranger.gone);
  }
  const known = await at.connect("127.0.0.1", CLIENT);
  known.write("x");
  await at.seen("the echo", () => known.got === "x");
  expect(at.workers[0]!.opened).toHaveLength(1);
  const print = new X509Certificate(CLIENT.cert).fingerprint256.replaceAll(":", "").toLowerCase();
  expect(at.workers[0]!.opened[0]!.tls).toEndWith(` ${print.slice(0, 16)}`);
  await until("the others counted", () => at.counted("tls_handshake") === 2);
});

test("handshakes under way are reset when no more are taken, and sockets there are go on", async () => {
  const at = await open();
  const before = await at.connect();
  const late = await plain(at);
  late.write(Uint8Array.of(0x16));
  await until("one in, one in the lobby", () => at.open === 1 && at.board.sockets(0) === 2);
  at.workers[0]!.source.stopAccepting();
  await at.seen("the late one closed", () => late.gone);
  before.write("x");
  await at.seen("the echo", () => before.got === "x");
  expect(at.workers[0]!.opened).toHaveLength(1);
});
