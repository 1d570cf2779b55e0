/** `berth export` against a running gateway: everything stored, once, in each format. */
import { afterAll, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(endEverything);

test("exports what a device sent: over pages, in a range, as a track longer than may be sorted at once", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.page_records": 50, "http.sorted_matches": 100 } });
  const device = new TestDevice(1, "8");
  const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(1));
  const sent = device.frames(60, 5);
  for (const frame of sent) expect(await tracker.send(frame.bytes)).toBe(frame.records.length);
  const times = sent.flatMap((frame) => frame.records.map((record) => record.time));
  const exported = async (...args: string[]) => {
    const ran = await runBerth(["export", imeiOf(1), "--url", gateway.url, ...args]);
    expect(ran).toMatchObject({ code: 0, err: "" });
    return ran.out;
  };

  const lines = (await exported()).split("\n").filter(Boolean).map((line) => JSON.parse(line) as { time: number; satellites: number });
  expect(lines.map((line) => line.time)).toEqual(times);
  const between = (await exported("--from", String(times[10]!), "--to", new Date(times[19]!).toISOString())).split("\n").filter(Boolean);
  expect(between.length).toBe(times.filter((time) => time >= times[10]! && time <= times[19]!).length);
  const rows = (await exported("--format", "csv", "--names", "fmb")).split("\r\n");
  expect([rows.length, rows[0]!.startsWith("device,seq,time")]).toEqual([times.length + 2, true]);
  const track = await exported("--format", "gpx");
  const points = [...track.matchAll(/<time>([^<]*)<\/time>/g)].map((match) => Date.parse(match[1]!));
  const fixes = lines.filter((line) => line.satellites > 0).map((line) => line.time);
  expect(fixes.length).toBeGreaterThan(100);
  expect(points).toEqual(fixes.toSorted((a, b) => a - b));

  const unknown = await runBerth(["export", "1", "--url", gateway.url]);
  expect(unknown).toMatchObject({ code: 1, out: "" });
  expect(unknown.err).toContain("404");
  expect(await runBerth(["export", imeiOf(1), "--from", "tuesday"])).toMatchObject({ code: 2 });
  tracker.close();
}, 60_000);
