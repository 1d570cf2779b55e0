/** `berth drain` and POST /v1/drain against a fleet that comes back, does not, or goes elsewhere. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { berthCommand, endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { ask, device, devicesPage, metric, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { pause, until } from "../support/until.ts";

afterAll(endEverything);

let gateway: Gateway;
beforeEach(async () => {
  gateway = await Gateway.start({ settings: { workers: 2 } });
});
afterEach(async () => {
  expect((await gateway.stop()).code).toBe(0);
});

interface Line {
  readonly event: string;
  readonly device?: string;
  readonly fence?: number;
  readonly [field: string]: unknown;
}
const linesOf = (text: string): Line[] => text.trim().split("\n").map((line) => JSON.parse(line) as Line);
const named = (lines: readonly Line[], event: string): string[] =>
  lines.filter((line) => line.event === event).map((line) => line.device!).toSorted();

/** Devices that connect again whenever they are closed, but those in `stay`. */
class Fleet {
  readonly trackers = new Map<string, Tracker>();
  #over = false;

  static async of(count: number, from: number, staysAway: readonly number[] = []): Promise<Fleet> {
    const fleet = new Fleet();
    for (let i = 0; i < count; i++) {
      const imei = imeiOf(from + i);
      await fleet.#connect(imei);
      if (!staysAway.includes(i)) void fleet.#comeBack(imei);
    }
    return fleet;
  }
  end(): void {
    this.#over = true;
    for (const tracker of this.trackers.values()) tracker.reset();
  }
  async #connect(imei: string): Promise<void> {
    this.trackers.set(imei, await Tracker.loggedIn(gateway.tcpPort, imei));
  }
  async #comeBack(imei: string): Promise<void> {
    while (!this.#over) {
      await this.trackers.get(imei)!.ended(60_000).catch(() => null);
      // A shut door is tried again, and not all the time.
      if (!this.#over) await this.#connect(imei).catch(() => pause(20));
    }
  }
}

describe("drain", () => {
  test("closes each connection once at its rate, names who came back and who did not, and who came newly", async () => {
    const fleet = await Fleet.of(30, 3200, [4, 9]);
    const consumer = await SseConsumer.open(gateway.url);
    const began = performance.now();
    const running = runBerth(["drain", "--json", "--rate", "50", "--timeout", "3", "--url", gateway.url]);
    await until("the first close", async () => await metric(gateway.url, 'berth_evictions_total{reason="drained"}') > 0);
    const newcomer = await Tracker.loggedIn(gateway.tcpPort, imeiOf(3299));
    const { code, out } = await running;
    // 30 closes, the first at once, 50 a second; then three seconds for those who stay away.
    expect(performance.now() - began).toBeGreaterThan(29 * 20 + 3000 - 50);
    const lines = linesOf(out);
    expect([code, lines[0]]).toMatchObject([1, { event: "begin", devices: 30, perSecond: 50, shut: false }]);
    const all = Array.from({ length: 30 }, (_, i) => imeiOf(3200 + i));
    const away = [imeiOf(3204), imeiOf(3209)];
    expect(named(lines, "drained")).toEqual(all);
    expect(named(lines, "returned")).toEqual(all.filter((id) => !away.includes(id)));
    expect(named(lines, "away")).toEqual(away);
    expect(lines.at(-1)).toMatchObject({
      event: "end",
      outcome: "late",
      devices: 30,
      drained: 30,
      left: 0,
      returned: 28,
      away: 2,
      newcomers: 1,
    });
    for (const { device: id, fence } of lines.filter(({ event }) => event === "returned")) {
      expect((await device(gateway.url, id!)).fence).toBe(fence!);
    }
    // One that is back before its end has reached the registry is told as replaced.
    await consumer.until("all ends", () => consumer.of("disconnected").length + consumer.of("replaced").length === 30);
    expect(new Set(consumer.of("disconnected").map(({ data }) => (JSON.parse(data) as { reason: string }).reason))).toEqual(
      new Set(["drained"]),
    );
    consumer.close();
    newcomer.close();
    fleet.end();
  }, 60_000);

  test("as a table, exit status 0 when everybody is back; nothing to drain is done at once", async () => {
    const empty = await runBerth(["drain", "--url", gateway.url]);
    expect([empty.code, empty.out]).toMatchObject([0, expect.stringContaining("drained                 0\n")]);
    const fleet = await Fleet.of(5, 3300);
    const { code, out } = await runBerth(["drain", "--rate", "100", "--url", gateway.url]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^connected at the start {2}5\ndrained {17}5\nleft before their turn {2}0\nreturned {16}5, half within \d+ ms, 99 % within \d+ ms\nnot returned {12}0\nnewly come {14}0\n$/,
    );
    fleet.end();
  }, 60_000);

  test("loses no record that was in flight", async () => {
    const one = new TestDevice(3400, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    const frames = one.frames(60, 3);
    for (const { bytes } of frames) tracker.write(bytes);
    const { code } = await runBerth(["drain", "--timeout", "1", "--url", gateway.url]);
    expect(code).toBe(1);
    await tracker.ended();
    const next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    for (const { bytes, records } of frames) expect(await next.send(bytes)).toBe(records.length);
    expect((await device(gateway.url, one.imei)).records).toBe(frames.reduce((sum, { records }) => sum + records.length, 0));
    next.close();
  }, 60_000);

  test("with --stop refuses newcomers, is not ready, ends when all are gone; --open admits again", async () => {
    const fleet = await Fleet.of(6, 3500);
    const { code, out } = await runBerth(["drain", "--stop", "--json", "--url", gateway.url]);
    expect([code, linesOf(out).at(-1)]).toMatchObject([0, { outcome: "done", drained: 6, returned: 0, away: 0 }]);
    const ready = await ask<Problem>(gateway.url, "/readyz");
    expect([ready.status, ready.json.detail]).toEqual([503, "draining: an operator has shut the door for newcomers"]);
    await until("everybody's end on the disk", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 0);
    const refused = await Tracker.open(gateway.tcpPort);
    refused.write(encodeLogin(imeiOf(3500)));
    expect(await refused.ended()).toBe("fin");
    expect(refused.login).toBeNull();
    expect((await runBerth(["drain", "--open", "--url", gateway.url])).code).toBe(0);
    expect((await ask(gateway.url, "/readyz")).status).toBe(200);
    await until("the fleet back", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 6);
    fleet.end();
  }, 60_000);

  test("with --to proves who moved to another gateway, who came back and who is nowhere", async () => {
    const other = await Gateway.start({ settings: { workers: 1 } });
    const here = await Fleet.of(4, 3550, [3]);
    const movers = await Promise.all(Array.from({ length: 5 }, (_, i) => Tracker.loggedIn(gateway.tcpPort, imeiOf(3560 + i))));
    const moved = movers.map(async (tracker, i) => {
      await tracker.ended(20_000);
      return await Tracker.loggedIn(other.tcpPort, imeiOf(3560 + i));
    });
    const late = await runBerth(["drain", "--to", other.url, "--timeout", "3", "--json", "--url", gateway.url]);
    const lines = linesOf(late.out);
    const back = lines.filter(({ event, to }) => event === "returned" || to === gateway.url).map(({ device: id }) => id!);
    const there = lines.filter(({ to }) => to === other.url).map(({ device: id }) => id!);
    expect(late.code).toBe(1);
    expect(back.toSorted()).toEqual([3550, 3551, 3552].map(imeiOf));
    expect(there.toSorted()).toEqual([3560, 3561, 3562, 3563, 3564].map(imeiOf));
    here.end();
    for (const tracker of await Promise.all(moved)) tracker.close();
    const again = await Tracker.loggedIn(gateway.tcpPort, imeiOf(3570));
    const comes = again.ended(20_000).then(() => Tracker.loggedIn(other.tcpPort, imeiOf(3570)));
    await until("the others gone", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 1);
    const { code, out } = await runBerth(["drain", "--stop", "--to", other.url, "--url", gateway.url]);
    expect([code, out]).toMatchObject([
      0,
      expect.stringContaining(`moved                   1 to ${other.url}\nnot returned            0\n`),
    ]);
    (await comes).close();
    expect((await runBerth(["drain", "--to", "http://127.0.0.1:1", "--url", gateway.url])).code).toBe(1);
    expect((await other.stop()).code).toBe(0);
  }, 60_000);

  test("is ended by ending the request: who is connected stays, and a door it shut is open again", async () => {
    const fleet = await Fleet.of(20, 3600);
    const process = Bun.spawn([...berthCommand(), "drain", "--stop", "--rate", "2", "--json", "--url", gateway.url], {
      stdout: "pipe",
      stderr: "pipe",
    });
    await until("a close", async () => await metric(gateway.url, 'berth_evictions_total{reason="drained"}') > 1);
    const second = await ask<Problem>(gateway.url, "/v1/drain", { method: "POST" });
    expect([second.status, second.json.detail]).toEqual([409, "Cannot drain: a drain is under way"]);
    process.kill("SIGINT");
    expect(await process.exited).toBe(1);
    expect(await new Response(process.stderr).text()).toContain("the drain was ended; who is connected stays");
    await until("the door open", async () => (await ask(gateway.url, "/readyz")).status === 200);
    await until("everybody", async () => (await devicesPage(gateway.url, "?connected=true")).devices.length === 20);
    expect(await metric(gateway.url, 'berth_evictions_total{reason="drained"}')).toBeLessThan(15);
    expect((await ask(gateway.url, "/v1/drain", { method: "POST", body: '{"open":true}' })).status).toBe(200);
    fleet.end();
  }, 60_000);

  test("what it cannot use is named", async () => {
    const tried = async (body: string) => {
      const { status, json } = await ask<Problem & { parameter?: string }>(gateway.url, "/v1/drain", { method: "POST", body });
      return [status, json.parameter];
    };
    expect(await tried('{"rate":0}')).toEqual([400, "rate"]);
    expect(await tried('{"timeoutMs":"1"}')).toEqual([400, "timeoutMs"]);
    expect(await tried('{"speed":1}')).toEqual([400, "speed"]);
    expect(await tried("{")).toEqual([400, undefined]);
    expect((await runBerth(["drain", "--rate", "0"])).code).toBe(2);
    expect((await runBerth(["drain", "--stop", "--open"])).code).toBe(2);
  }, 60_000);
});

test("SIGTERM ends a drain that is under way", async () => {
  const other = await Gateway.start({ settings: { workers: 1 } });
  const trackers = await Promise.all(Array.from({ length: 5 }, (_, i) => Tracker.loggedIn(other.tcpPort, imeiOf(3700 + i))));
  const running = runBerth(["drain", "--rate", "1", "--json", "--url", other.url]);
  await trackers[0]!.ended();
  expect((await other.stop()).code).toBe(0);
  const { code, out } = await running;
  expect([code, linesOf(out).at(-1)]).toMatchObject([1, { event: "end", outcome: "stopped" }]);
}, 60_000);
