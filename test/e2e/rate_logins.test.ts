/** Ten thousand logins of strangers from one address, with TLS and without: known devices do not feel them, and nothing is left of them. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { connect as connectSecure } from "node:tls";
import { join } from "node:path";
import { FIRST } from "../support/certificates.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { ask, metrics } from "../support/rest.ts";
import { take } from "../support/rivals.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(90_000);
afterAll(endEverything);

const STRANGERS = "127.0.0.2";
const AT_ONCE = 100;

/** One login nobody knows; resolves when the gateway has ended it: with the answer, or null. */
function stranger(gateway: Gateway, n: number, isSecure: boolean): Promise<number | null> {
  return new Promise((resolve) => {
    const where = { host: "127.0.0.1", localAddress: STRANGERS };
    const socket = isSecure
      ? connectSecure({ ...where, port: gateway.tlsPort, ca: FIRST.cert }, () => void socket.write(encodeLogin(imeiOf(100_000 + n))))
      : connect({ ...where, port: gateway.tcpPort }, () => void socket.write(encodeLogin(imeiOf(100_000 + n))));
    let answer: number | null = null;
    socket.on("data", (bytes: Uint8Array) => answer = bytes[0]!);
    socket.on("end", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

const memory = async (gateway: Gateway): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await Bun.file(`/proc/${gateway.pid}/status`).text())?.[1]) / 1024;

describe.each([["without TLS", false, 10_000], ["with TLS", true, 2000]] as const)("bad logins %s", (_, isSecure, count) => {
  test("of one address are refused, counted and forgotten, while a known device is served", async () => {
    const files = temporaryData();
    const [cert, key] = [join(files, "cert.pem"), join(files, "key.pem")];
    await Bun.write(cert, FIRST.cert);
    await Bun.write(key, FIRST.key);
    const gateway = await Gateway.start({
      settings: {
        workers: 2,
        unknown_devices: "reject",
        ...(isSecure ? { "tcp.tls.listen": "127.0.0.1:0", "tcp.tls.cert": cert, "tcp.tls.key": key } : {}),
      },
    });
    const one = new TestDevice(9301, "8E");
    expect((await ask(gateway.url, `/v1/allow/${one.imei}`, { method: "PUT" })).status).toBe(204);
    const good = await take(gateway, one.imei, "127.0.0.1");
    const answers = new Map<number | null, number>();
    const flood = async (from: number): Promise<void> => {
      for (let n = from; n < count; n += AT_ONCE) {
        const answer = await stranger(gateway, n, isSecure);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
        if (n % 500 === 0) expect(await good.send(one.frame(one.records(1)).bytes)).toBe(1);
      }
    };
    const before = await memory(gateway);
    await Promise.all(Array.from({ length: AT_ONCE }, (_each, from) => flood(from)));
    expect(answers.get(1) ?? 0).toBe(0);
    expect([...answers.values()].reduce((sum, each) => sum + each, 0)).toBe(count);
    expect((await memory(gateway)) - before).toBeLessThan(96);
    await until("all of them gone, and each counted once", async () => {
      const all = await metrics(gateway.url);
      const sum = (name: string): number => [...all].reduce((total, [key, value]) => key.startsWith(`${name}{`) ? total + value : total, 0);
      return all.get("berth_sockets") === 1 &&
        all.get("berth_accepted_total") === sum("berth_closed_total") + sum("berth_accept_refused_total") + 1;
    });
    // The address is held against nobody for longer than a second.
    const again = await until("a known device from there", () => take(gateway, one.imei, STRANGERS).catch(() => undefined));
    expect(await again.send(one.frame(one.records(1)).bytes)).toBe(1);
    expect((await gateway.stop()).code).toBe(0);
  });
});
