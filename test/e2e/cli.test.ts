/** The verbs against a running gateway, as a person uses them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";

const FRAMES = 6;
const RECORDS = 24;

describe("the command line against a running gateway", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start();
  });
  afterAll(async () => {
    await gateway.stop();
    await endEverything();
  });

  test("simulate sends frames that are all acknowledged", async () => {
    const { code, out } = await runBerth(["simulate", gateway.readyLine.tcp, "--devices", "3", "--frames", String(FRAMES), "--rate", "0"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ sent: FRAMES, acked: FRAMES, records: RECORDS });
  });

  test("tail from the start gives every record once, in order, as JSON", async () => {
    const { code, out } = await runBerth([
      "tail",
      "--url",
      gateway.url,
      "--from-start",
      "--kind",
      "record",
      "--count",
      String(RECORDS),
      "--json",
    ]);
    expect(code).toBe(0);
    const events = out.trimEnd().split("\n").map((line) => JSON.parse(line) as { id: string; event: string; data: { seq: number } });
    expect(events.map(({ event }) => event)).toEqual(Array.from({ length: RECORDS }, () => "record"));
    const seqs = events.map(({ data }) => data.seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(events.map(({ id }) => Number(id.split(".").at(-1)))).toEqual(seqs);
  });

  test("tail goes on after a cursor, for people", async () => {
    const first = await runBerth(["tail", "--url", gateway.url, "--from-start", "--count", "2", "--json"]);
    const ids = first.out.trimEnd().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
    const { code, out } = await runBerth(["tail", "--url", gateway.url, "--last-event-id", ids[0]!, "--count", "1"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}35000000000000\d {2}(connected|record)/);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
  });

  test("tail of a kind nobody knows exits 1 with the gateway's reason", async () => {
    const { code, err } = await runBerth(["tail", "--url", gateway.url, "--kind", "fly"]);
    expect(code).toBe(1);
    expect(err).toContain('unknown kind "fly"');
  });

  test("devices lists them, and shows one", async () => {
    const table = await runBerth(["devices", "--url", gateway.url]);
    expect(table.code).toBe(0);
    expect(table.out.trimEnd().split("\n")).toHaveLength(4);
    const one = await runBerth(["devices", "350000000000001", "--url", gateway.url, "--json"]);
    expect(JSON.parse(one.out)).toMatchObject({ id: "350000000000001", records: RECORDS / 3 });
    expect(await runBerth(["devices", "1", "--url", gateway.url])).toMatchObject({ code: 1, out: "" });
  });

  test("tail without a cursor says that it follows, and counts what happens from then on", async () => {
    for (const json of [[], ["--json"]]) {
      let ended = false;
      const tailing = runBerth(["tail", "--url", gateway.url, "--kind", "record", "--count", "2", ...json]).finally(() => ended = true);
      for (let no = 0; !ended; no++) {
        await runBerth([
          "simulate",
          gateway.readyLine.tcp,
          "--devices",
          "1",
          "--frames",
          "2",
          "--rate",
          "0",
          "--imei",
          `3600000000000${String(no).padStart(2, "0")}`,
        ]);
      }
      const { code, out, err } = await tailing;
      const lines = out.trimEnd().split("\n");
      if (json.length === 0) {
        expect(err).toBe(`berth: following ${gateway.url}; Ctrl-C ends it\n`);
        expect(lines.map((line) => line.split("  ")[2])).toEqual(["record", "record"]);
      } else expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["resync", "record", "record"]);
      expect(code).toBe(0);
    }
  });
});

test("verbs say so when nobody listens", async () => {
  for (const verb of ["tail", "devices"]) {
    const { code, err } = await runBerth([verb, "--url", "http://127.0.0.1:1"]);
    expect(code).toBe(1);
    expect(err).toStartWith('berth: Cannot reach http://127.0.0.1:1: connection refused; is "berth serve" running?');
  }
});

test("selftest lists each role with its thread id and passes", async () => {
  const { code, out } = await runBerth(["selftest"], {}, 60_000);
  for (const role of ["journal", "sync", "registry", "reader", "http", "codec-0", "codec-1", "accept"]) {
    expect(out).toMatch(new RegExp(`${role} [1-9]\\d*`));
  }
  expect(out).toMatch(/^selftest: \d+ passed, 0 failed$/m);
  expect(code).toBe(0);
}, 70_000);
