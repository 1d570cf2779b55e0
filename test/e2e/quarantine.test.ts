/** Frames that cannot be decoded: seen, released, forgotten; also over kill -9, and by whom. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { frameAround } from "../support/frames.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { ask, metric } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

interface Frame {
  readonly id: number;
  readonly device: string;
  readonly count: number;
  readonly releasedAt: number | null;
  readonly hex?: string;
}
interface Page {
  readonly frames: readonly Frame[];
  readonly badCrc: readonly { readonly device: string | null; readonly hex?: string }[];
  readonly next: string | null;
}

/** Of a codec nobody knows; it says that it has three records. */
const odd = (...bytes: number[]): Uint8Array => frameAround([0x09, 3, ...bytes, 3]);
const HELD = "berth_quarantine_frames";

/** Sends one frame on a connection of its own; the acknowledgement, or null when it is closed without one. */
async function answerTo(gateway: Gateway, imei: string, bytes: Uint8Array): Promise<number | null> {
  const tracker = await Tracker.loggedIn(gateway.tcpPort, imei);
  tracker.write(bytes);
  const first = await Promise.race([tracker.ack().catch(() => null), tracker.ended(10_000).then(() => null)]);
  tracker.close();
  return first;
}
const page = async (gateway: Gateway, query = "", init = {}): Promise<Page> =>
  (await ask<Page>(gateway.url, `/v1/quarantine${query}`, init)).json;
const post = (gateway: Gateway, path: string, init: RequestInit = {}) => ask(gateway.url, path, { method: "POST", ...init });

test("a frame that blocks its device is seen, and once released it is acknowledged, after kill -9 too", async () => {
  let gateway = await Gateway.start({ settings: { workers: 2 } });
  const imei = imeiOf(1);
  const first = odd(1, 2, 3);
  for (let i = 0; i < 3; i++) expect(await answerTo(gateway, imei, first)).toBe(null);
  expect(await answerTo(gateway, imei, odd(4))).toBe(null);
  const { frames } = await page(gateway, "?raw=true");
  expect(frames.map(({ count }) => count)).toEqual([1, 3]);
  expect(frames[1]).toMatchObject({
    device: imei,
    codec: "other",
    fault: "unknown_codec",
    offset: 0,
    decodes: null,
    bytes: 6,
    releasedAt: null,
    replay: null,
    hex: "090301020303",
    origin: { address: "127.0.0.1" },
  });
  await until("the alert", async () => await metric(gateway.url, HELD) === 2);
  expect(await post(gateway, `/v1/quarantine/${frames[1]!.id}/release`)).toMatchObject({ status: 204 });
  // 204 says that it is on the disk.
  await gateway.kill();
  gateway = await Gateway.start({ data: gateway.data, settings: { workers: 2 } });
  expect(await answerTo(gateway, imei, first)).toBe(3);
  expect(await answerTo(gateway, imei, odd(4))).toBe(null);
  expect(await answerTo(gateway, imeiOf(2), first)).toBe(null);
  const after = (await page(gateway, `?device=${imei}`)).frames;
  expect(after.map(({ count }) => count)).toEqual([2, 4]);
  expect(after[1]!.releasedAt).toBeGreaterThan(1e12);
  expect(after[0]!.hex).toBeUndefined();
  await until("the alert", async () => await metric(gateway.url, HELD) === 2);
  expect(await post(gateway, `/v1/quarantine/${frames[1]!.id}/release`)).toMatchObject({ status: 204 });
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
}, 40_000);

describe("frames kept raw", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "journal.quarantine_per_device": 3 } });
    for (let i = 0; i < 5; i++) expect(await answerTo(gateway, imeiOf(1), odd(i))).toBe(null);
    expect(await answerTo(gateway, imeiOf(2), odd(9))).toBe(null);
    const device = new TestDevice(3, "8");
    for (const frame of device.frames(12, 1)) {
      frame.bytes[20]! ^= 0x55;
      expect(await answerTo(gateway, device.imei, frame.bytes)).toBe(null);
    }
    // Nobody waits until those are kept.
    await until("frames of a wrong CRC", async () => (await page(gateway)).badCrc.length === 10);
  }, 60_000);

  test("are bounded by device, and those of a wrong CRC by ten in all", async () => {
    const all = await page(gateway);
    expect(all.frames.map(({ device }) => device)).toEqual([imeiOf(2), imeiOf(1), imeiOf(1), imeiOf(1)]);
    expect(all.badCrc.map(({ device }) => device)).toEqual(Array.from({ length: 10 }, () => imeiOf(3)));
    expect(all.next).toBe(null);
    await until("what found no room", async () => await metric(gateway.url, "berth_quarantine_full_total") === 2);
  });

  test("come in pages, newest first", async () => {
    const all = await page(gateway);
    const ids: number[] = [];
    for (let after = ""; ids.length < 10;) {
      const one = await page(gateway, `?limit=1${after}`);
      ids.push(...one.frames.map(({ id }) => id));
      if (one.next === null) break;
      after = `&after=${one.next}`;
      expect((await page(gateway, `?limit=1${after}`)).badCrc).toEqual([]);
    }
    expect(ids).toEqual(all.frames.map(({ id }) => id));
  });

  test("one is forgotten, and makes room", async () => {
    const { id } = (await page(gateway, `?device=${imeiOf(1)}`)).frames[0]!;
    expect((await ask(gateway.url, `/v1/quarantine/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await ask(gateway.url, `/v1/quarantine/${id}`, { method: "DELETE" })).status).toBe(404);
    expect(await answerTo(gateway, imeiOf(1), odd(4))).toBe(null);
    expect((await page(gateway, `?device=${imeiOf(1)}`)).frames.length).toBe(3);
  });

  test("what is not there is 404, and what cannot be meant 400", async () => {
    for (const id of ["99999999", "0", "x", "-1"]) expect((await post(gateway, `/v1/quarantine/${id}/release`)).status).toBe(404);
    expect((await post(gateway, "/v1/quarantine/99999999/replay")).status).toBe(404);
    for (const query of ["?after=x", "?limit=0", "?raw=yes", "?device=a%20b", "?kind=x"]) {
      expect((await ask(gateway.url, `/v1/quarantine${query}`)).status).toBe(400);
    }
    expect((await page(gateway, "?device=nobody")).frames).toEqual([]);
  });

  test("berth quarantine lists, releases and forgets them", async () => {
    const berth = (...args: string[]) => runBerth(["quarantine", ...args, "--url", gateway.url]);
    const listed = await berth("list", "--json");
    expect(listed.code).toBe(0);
    const [one, two] = listed.out.trim().split("\n").map((line) => JSON.parse(line) as Frame);
    expect(await berth("release", String(one!.id), String(two!.id))).toEqual({ code: 0, out: "", err: "" });
    expect((await page(gateway, "?limit=2")).frames.every(({ releasedAt }) => releasedAt !== null)).toBe(true);
    const held = (await page(gateway, "?held=true")).frames.map(({ id }) => id);
    expect(held.length).toBe(2);
    expect(held).not.toContain(one!.id);
    expect((await page(gateway, `?held=true&device=${imeiOf(1)}&limit=1`)).next).toBe(String(held[0]!));
    expect((await berth("list", "--held", "--json")).out.trim().split("\n").length).toBe(2);
    expect((await berth("list", "--device", imeiOf(2), "--raw")).out).toContain(`unknown_codec at byte 0`);
    expect(await berth("forget", String(one!.id))).toEqual({ code: 0, out: "", err: "" });
    expect((await page(gateway)).frames.map(({ id }) => id)).not.toContain(one!.id);
    expect(await berth("release", "123456789")).toMatchObject({ code: 1, err: expect.stringContaining("Unknown frame") as never });
  });

  test("are shown to those who may see the device, and changed by nobody but admin", async () => {
    const headers = (text: string): RequestInit => ({ headers: { authorization: `Bearer ${text}` } });
    const token = (await runBerth(["token", "create", "--scope", "admin", "--url", gateway.url])).out.trim();
    const create = async (...scopes: string[]): Promise<string> =>
      (await ask<{ token: string }>(gateway.url, "/v1/tokens", { method: "POST", body: JSON.stringify({ scopes }), ...headers(token) }))
        .json.token;
    const [reader, ofOne, ofBoth, command] = [
      await create("read"),
      await create(`device:${imeiOf(1)}`),
      await create(`device:${imeiOf(1)}`, `device:${imeiOf(2)}`),
      await create("command"),
    ];
    const { frames } = await page(gateway, "", headers(reader));
    const seen = async (text: string, query = "") => (await page(gateway, query, headers(text))).frames.map(({ id }) => id);
    const own = frames.filter(({ device }) => device === imeiOf(1)).map(({ id }) => id);
    expect(await seen(ofOne)).toEqual(own);
    expect((await page(gateway, "", headers(ofOne))).badCrc).toEqual([]);
    expect(await seen(ofBoth)).toEqual(frames.map(({ id }) => id));
    const paged: number[] = [];
    for (let after = ""; paged.length < 9;) {
      const one = await page(gateway, `?limit=1${after}`, headers(ofBoth));
      paged.push(...one.frames.map(({ id }) => id));
      if (one.next === null) break;
      after = `&after=${one.next}`;
    }
    expect(paged).toEqual(frames.map(({ id }) => id));
    expect((await ask(gateway.url, `/v1/quarantine?device=${imeiOf(2)}`, headers(ofOne))).status).toBe(403);
    for (const text of [reader, ofOne, command]) {
      for (const verb of ["release", "replay"]) {
        expect((await post(gateway, `/v1/quarantine/${own[0]!}/${verb}`, headers(text))).status).toBe(403);
      }
    }
    expect((await ask(gateway.url, "/v1/quarantine", headers(command))).status).toBe(403);
    expect((await ask(gateway.url, "/v1/quarantine")).status).toBe(401);
    expect((await post(gateway, `/v1/quarantine/${own[0]!}/release`, headers(token))).status).toBe(204);
  });
});
