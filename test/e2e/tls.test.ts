/** HTTPS: a certificate, its renewal on SIGHUP under a running stream, and what is refused. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connect } from "node:tls";
import { FIRST, SECOND } from "../support/certificates.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { pause, until } from "../support/until.ts";

afterAll(endEverything);

interface Files {
  readonly cert: string;
  readonly key: string;
}

async function write(directory: string, { cert, key }: typeof FIRST): Promise<Files> {
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  await Bun.write(files.cert, cert);
  await Bun.write(files.key, key);
  return files;
}

/** Whose certificate a newcomer is shown. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const settingsOf = ({ cert, key }: Files) => ({ workers: 1, "tls.cert": cert, "tls.key": key });

describe("HTTPS", () => {
  test.each([1, 2])("is spoken with a certificate, which SIGHUP renews while a stream goes on, by %i http threads", async (threads) => {
    const directory = temporaryData();
    const files = await write(directory, FIRST);
    const gateway = await Gateway.start({ settings: { ...settingsOf(files), "http.threads": threads } });
    const { port } = new URL(gateway.url);
    const url = `https://127.0.0.1:${port}`;
    const answer = await fetch(`${url}/readyz`, { tls: { ca: FIRST.cert } });
    expect(answer.status).toBe(200);
    expect(await shown(Number(port))).toBe("berth-test-1");
    expect(await fetch(`${gateway.url}/readyz`).then(({ status }) => status, () => "refused")).not.toBe(200);

    const stream = await fetch(`${url}/v1/events`, { tls: { ca: FIRST.cert } });
    const reader = stream.body!.getReader();
    await reader.read();
    await write(directory, SECOND);
    gateway.signal("SIGHUP");
    // A connection that waited at the old listener as it closed is reset.
    const all = (): Promise<string[]> => Promise.all(Array.from({ length: 8 * threads }, () => shown(Number(port)).catch(() => "")));
    await until("the new certificate", async () => (await all()).every((name) => name === "berth-test-2"));
    expect((await fetch(`${url}/readyz`, { tls: { ca: SECOND.cert } })).status).toBe(200);

    await Bun.write(files.cert, "no certificate");
    gateway.signal("SIGHUP");
    await until("the warning", () => gateway.logText.includes("the old certificate stays"));
    expect(await shown(Number(port))).toBe("berth-test-2");

    // The stream of before lives, and is told of the end.
    const rest = reader.read().then(async function more({ done, value }): Promise<string> {
      return done ? "" : new TextDecoder().decode(value) + (await reader.read().then(more));
    });
    expect((await gateway.stop()).code).toBe(0);
    expect(await rest).toContain('{"reason":"shutdown"}');
  }, 30_000);

  test("and its renewal are nothing to codec workers that block for their sockets", async () => {
    const files = await write(temporaryData(), FIRST);
    const gateway = await Gateway.start({ settings: { ...settingsOf(files), workers: 2 } });
    const reread = (): number => gateway.log.filter((line) => line.includes("reading the certificate again")).length;
    for (let i = 1; i <= 5; i++) {
      gateway.signal("SIGHUP");
      await until("the signal taken", () => reread() === i || gateway.hasEnded());
      // As long as an idle worker needs to block again.
      await pause(50);
    }
    expect((await fetch(`https://127.0.0.1:${new URL(gateway.url).port}/readyz`, { tls: { ca: FIRST.cert } })).status).toBe(200);
    expect(gateway.logText).not.toContain("AssertionError");
    expect((await gateway.stop()).code).toBe(0);
  });

  test("of a certificate that cannot be used is refused at the start, naming the file", async () => {
    const files = await write(temporaryData(), FIRST);
    await Bun.write(files.key, "no key");
    const bad = Gateway.spawn({ settings: settingsOf(files) });
    expect((await bad.ended()).code).toBe(1);
    expect(bad.logText).toContain(`Cannot use ${files.key}: it holds no private key in PEM`);
    const half = Gateway.spawn({ settings: { workers: 1, "tls.cert": files.cert } });
    expect((await half.ended()).code).toBe(1);
    expect(half.logText).toContain("go together");
  }, 20_000);

  test("is no reason to share a port with another gateway", async () => {
    const files = await write(temporaryData(), FIRST);
    const first = await Gateway.start({ settings: settingsOf(files) });
    const { port } = new URL(first.url);
    const second = Gateway.spawn({ settings: settingsOf(files), args: ["--http", `127.0.0.1:${port}`] });
    expect((await second.ended()).code).toBe(1);
    expect(second.logText).toContain("address already in use");
    await first.stop();
  }, 20_000);
});
