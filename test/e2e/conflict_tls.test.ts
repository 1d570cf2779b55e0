/** Two devices with one identity behind one address, told apart by their TLS; over real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { FIRST } from "../support/certificates.ts";
import { imeiOf } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { conflicts, history, untilAllKept } from "../support/rivals.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

test("two that agree on other TLS behind one address are told, held apart, and one that comes with TLS and without is none", async () => {
  const files = temporaryData();
  const [cert, key] = [join(files, "cert.pem"), join(files, "key.pem")];
  await Bun.write(cert, FIRST.cert);
  await Bun.write(key, FIRST.key);
  const secured = { "tcp.tls.listen": "127.0.0.1:0", "tcp.tls.cert": cert, "tcp.tls.key": key };
  const gateway = await Gateway.start({ settings: { workers: 2, "conflict.action": "hold", ...secured } });
  const trackers: Tracker[] = [];
  const login = async (imei: string, own: ConnectionOptions | null): Promise<number> => {
    const tracker = own === null ? await Tracker.open(gateway.tcpPort) : await Tracker.openTls(gateway.tlsPort, { ca: FIRST.cert, ...own });
    trackers.push(tracker);
    tracker.write(encodeLogin(imei));
    return await tracker.answered();
  };
  const [old, fresh] = [{ maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }] as const;
  for (const own of [old, fresh, old, fresh, old]) expect(await login(imeiOf(1), own)).toBe(1);
  const [one] = await until("a conflict", async () => {
    const all = await conflicts(gateway.url);
    return all.length > 0 && all;
  });
  expect([one!.verdict, one!.evidence?.differ]).toEqual(["clone", ["tls"]]);
  expect(one!.origins.map(({ tls }) => tls?.slice(0, 7))).toEqual(["TLSv1.3", "TLSv1.2"]);
  expect([await login(imeiOf(1), fresh), await login(imeiOf(1), old)]).toEqual([0, 1]);
  for (const own of [old, null, old, null, old, null, old]) expect(await login(imeiOf(2), own)).toBe(1);
  await untilAllKept(gateway, imeiOf(1), imeiOf(2));
  expect((await history(gateway.url, imeiOf(2))).every(({ evidence }) => [null, "restart_loop"].includes(evidence.verdict))).toBe(true);
  expect(await conflicts(gateway.url)).toHaveLength(1);
  for (const tracker of trackers) tracker.close();
  expect((await gateway.stop()).code).toBe(0);
});
