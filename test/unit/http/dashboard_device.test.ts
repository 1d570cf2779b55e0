/** The page of one device: its address, what it reads and when, what it says of takeovers; and the search that leads to it. */
import { describe, expect, test } from "bun:test";
import { err, ok, type Result } from "../../../src/base/result.ts";
import { DeviceStory } from "../../../src/http/dashboard/page/device_story.ts";
import { exportCommand, recordsPath } from "../../../src/http/dashboard/page/export_words.ts";
import { filtered } from "../../../src/http/dashboard/page/filter.ts";
import { Fleet } from "../../../src/http/dashboard/page/fleet.ts";
import { deviceHash, routeOf } from "../../../src/http/dashboard/page/route.ts";
import { aliveWords, evidenceLines, isOpen, type Takeover, whereOf } from "../../../src/http/dashboard/page/takeovers.ts";
import type { DeviceJson, StoredJson } from "../../../src/http/schema.ts";

const T = 1_760_000_000_000;

describe("dashboard route", () => {
  test("a device's address leads back to it, and nonsense to the fleet", () => {
    for (const id of ["356307042441013", "a/b", "%41", "x#y?z"]) {
      expect(routeOf(deviceHash(id))).toEqual({ page: "device", id });
    }
    for (const hash of ["", "#", "#/", "#/devices/", "#/devices/%", "#/devices/a/b", "#/devices/a%20b", `#/devices/${"x".repeat(65)}`]) {
      expect(routeOf(hash)).toEqual({ page: "fleet" });
    }
  });
});

const deviceOf = (id: string, connected: boolean, address: string): DeviceJson => ({
  id,
  connected,
  fence: 1,
  transport: "tcp",
  origin: { address, port: 4000, clientInstance: null },
  since: T,
  lastSeenAt: T,
  lastByteAt: T,
  position: null,
  records: 0,
});

describe("dashboard search", () => {
  const fleet = new Fleet();
  fleet.page([deviceOf("356307", true, "10.0.0.1"), deviceOf("356308", false, "10.0.0.2"), deviceOf("truck-A", true, "fe80::1")], 1);
  fleet.hydrated();
  const found = (text: string, onlyConnected = false): string[] => filtered(fleet.vehicles, { text, onlyConnected }).map(({ id }) => id);

  test("every word is looked for in id and address, whatever its case", () => {
    expect(found("")).toHaveLength(3);
    expect(found("3563")).toEqual(["356307", "356308"]);
    expect(found("  10.0.0.2 ")).toEqual(["356308"]);
    expect(found("10.0.0 07")).toEqual(["356307"]);
    expect(found("TRUCK :4000")).toEqual(["truck-A"]);
    expect(found("nothing")).toEqual([]);
  });

  test("only connected ones are listed when asked for", () => {
    expect(found("", true)).toEqual(["356307", "truck-A"]);
    expect(found("356", true)).toEqual(["356307"]);
  });
});

describe("dashboard export words", () => {
  test("a command names device, range and gateway, fit for a shell", () => {
    expect(exportCommand({ id: "356307", from: T, to: null }, "gpx", "http://127.0.0.1:8080")).toBe(
      "berth export 356307 --from 2025-10-09T08:53:20Z --format gpx > 356307.gpx",
    );
    expect(exportCommand({ id: "a'b c", from: T, to: T + 1500 }, "csv", "http://[::1]:9")).toBe(
      String
        .raw`berth export 'a'\''b c' --from 2025-10-09T08:53:20Z --to 2025-10-09T08:53:21.500Z --format csv --url 'http://[::1]:9' > 'a'\''b c.csv'`,
    );
    expect(recordsPath({ id: "a/b", from: 5, to: 9 })).toBe("/v1/devices/a%2Fb/records?order=time&from=5&to=9&limit=1000");
  });
});

const takeoverAt = (at: number, evidence: Partial<Takeover["evidence"]> = {}): Takeover => ({
  at,
  policy: "takeover",
  reason: "superseded",
  old: { fence: 1, origin: { address: "10.0.0.2", port: 40, clientInstance: null }, since: at - 60_000, lastByteAt: at - 6000, records: 5 },
  new: { fence: 2, origin: { address: "fe80::1", port: 50, clientInstance: "b" } },
  evidence: { oldInFlight: 1, silentMs: 6000, oldKernel: null, answered: null, bytesAfter: null, verdict: null, ...evidence },
});

describe("dashboard takeovers", () => {
  test("what is known of the old connection is told, and what is not known is told to be so", () => {
    const one = takeoverAt(T);
    expect(evidenceLines(one)).toEqual([
      ["Silent", "for 6.0 s when it lost the device"],
      ["In flight", "1 frame without a verdict"],
      ["Kernel", "could not be asked"],
      ["Afterwards", "not known yet whether it still lived"],
    ]);
    expect([isOpen(one), isOpen(takeoverAt(T, { answered: false }))]).toEqual([true, false]);
    expect(aliveWords(takeoverAt(T, { answered: false, bytesAfter: false }))).toContain("zombie");
    expect(aliveWords(takeoverAt(T, { answered: true, bytesAfter: false }))).toContain("still there");
    expect(aliveWords(takeoverAt(T, { answered: true, bytesAfter: true }))).toContain("alive");
    const oldKernel = { lastAckAt: T - 5000, rttMs: 12.5, retransmits: 3 };
    expect(evidenceLines(takeoverAt(T, { oldKernel }))[2]).toEqual([
      "Kernel",
      "peer last acknowledged 5.0 s before, round trip 12.5 ms, 3 retransmits",
    ]);
    expect([whereOf(one.old.origin), whereOf(one.new.origin)]).toEqual(["10.0.0.2:40", "b at [fe80::1]:50"]);
  });
});

const recordAt = (seq: number, device = "a"): StoredJson => ({
  seq,
  time: T + seq * 1000,
  device,
  fence: 1,
  receivedAt: T + seq * 1000,
  priority: 0,
  lon: 25,
  lat: 54,
  altitude: 10,
  angle: 90,
  satellites: 9,
  speed: 50,
  eventId: 0,
  generationType: null,
  io: { "66": "5e0f" },
});

/** A gateway whose answers come when they are let go. */
function slowGateway(records: number) {
  const waiting: { path: string; go: (answer: Result<unknown, string>) => void }[] = [];
  const state = { records, takeovers: [] as Takeover[], fault: "" };
  const answerTo = (path: string): Result<unknown, string> => {
    if (state.fault !== "") return err("refused", state.fault);
    if (path.includes("/history")) return ok({ takeovers: state.takeovers });
    if (path.includes("/records")) return ok({ records: Array.from({ length: state.records }, (_, i) => recordAt(i + 1)), next: null });
    return ok({ ...deviceOf("a", true, "10.0.0.1"), lastSeenAt: T + state.records * 1000, liveness: { inFlight: 2, kernel: null } });
  };
  const getJson = (path: string): Promise<Result<unknown, string>> => new Promise((go) => waiting.push({ path, go }));
  /** Answers all that was asked by now, and what that makes it ask. */
  const settle = async (): Promise<string[]> => {
    const asked: string[] = [];
    while (waiting.length > 0) {
      const { path, go } = waiting.shift()!;
      asked.push(path.replace(/\?.*/, ""));
      go(answerTo(path));
      await Promise.resolve();
      for (let turns = 0; turns < 8; turns++) await Promise.resolve();
    }
    return asked;
  };
  return { waiting, state, getJson, settle };
}

describe("dashboard device story", () => {
  test("reads device, history and records, and joins what came meanwhile, each record once", async () => {
    const { getJson, settle, state } = slowGateway(3);
    const story = new DeviceStory(getJson, () => {});
    const opened = story.open("a");
    story.event("record", recordAt(3));
    story.event("record", recordAt(4));
    story.event("record", recordAt(5, "b"));
    state.takeovers = [takeoverAt(T)];
    expect(await settle()).toEqual(["/v1/devices/a", "/v1/devices/a/history", "/v1/devices/a/records"]);
    await opened;
    expect([story.state, story.track.records, story.takeovers.length, story.liveness?.inFlight]).toEqual(["shown", 4, 1, 2]);
    story.event("record", recordAt(4));
    story.event("record", recordAt(6));
    expect(story.track.points.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 6]);
    expect(story.records.items.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 6]);
  });

  test("a device without a position yet is shown from its first record on, whatever its clock says", async () => {
    const { getJson, settle } = slowGateway(0);
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    await settle();
    const yearAgo = { ...recordAt(1), time: T - 365 * 86_400_000 };
    story.event("record", yearAgo);
    expect(story.track.points.map(({ time }) => time)).toEqual([yearAgo.time]);
  });

  test("an answer for a device that was left is dropped", async () => {
    const { getJson, settle, waiting } = slowGateway(3);
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    expect(waiting).toHaveLength(2);
    story.close();
    await settle();
    expect([story.id, story.track.records]).toEqual([null, 0]);
    void story.open("a");
    const again = story.open("b");
    await settle();
    await again;
    expect([story.id, story.reads]).toEqual(["b", 1]);
  });

  test("a device nobody knows is told so, and read when it comes", async () => {
    const { getJson, settle, state } = slowGateway(1);
    state.fault = 'http://x/v1/devices/a answered 404 Unknown device "a"';
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    await settle();
    expect(story.state).toBe("unknown");
    state.fault = "";
    story.event("connected", { device: "a", fence: 1 });
    await settle();
    expect([story.state, story.track.records]).toEqual(["shown", 1]);
  });

  test("a fault is told in the gateway's words, and goes with the next look", async () => {
    const { getJson, settle, state } = slowGateway(1);
    state.fault = "http://x/v1/devices/a answered 503 the reader is busy";
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    await settle();
    expect([story.state, story.fault]).toEqual(["fault", "503 the reader is busy"]);
    state.fault = "";
    void story.look(false);
    await settle();
    expect([story.state, story.fault]).toEqual(["shown", ""]);
  });

  test("a takeover is asked for when its event comes, and its evidence until it is known", async () => {
    const { getJson, settle, state } = slowGateway(1);
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    await settle();
    void story.look(false);
    expect(await settle()).toEqual(["/v1/devices/a"]);
    state.takeovers = [takeoverAt(Date.now())];
    story.event("replaced", { device: "a", fence: 2 });
    expect(await settle()).toEqual(["/v1/devices/a", "/v1/devices/a/history"]);
    expect(story.takeovers).toHaveLength(1);
    state.takeovers = [takeoverAt(Date.now(), { answered: false })];
    void story.look(false);
    expect(await settle()).toEqual(["/v1/devices/a", "/v1/devices/a/history"]);
    void story.look(false);
    expect(await settle()).toEqual(["/v1/devices/a"]);
  });

  test("what happens while it is read is asked for after", async () => {
    const { getJson, settle, waiting, state } = slowGateway(1);
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    // The history was asked for before the takeover, and answers with nothing.
    for (const { path, go } of waiting.splice(0)) {
      go(path.includes("history") ? ok({ takeovers: [] }) : ok(deviceOf("a", true, "10.0.0.1")));
    }
    state.takeovers = [takeoverAt(T, { answered: true })];
    story.event("replaced", { device: "a", fence: 2 });
    for (let turns = 0; turns < 8; turns++) await Promise.resolve();
    expect(await settle()).toEqual(["/v1/devices/a/records", "/v1/devices/a", "/v1/devices/a/history"]);
    expect(story.takeovers).toHaveLength(1);
  });

  test("another range is read with the values kept, and what is shown stays until then", async () => {
    const { getJson, settle } = slowGateway(3);
    const story = new DeviceStory(getJson, () => {});
    void story.open("a");
    await settle();
    void story.choose({ from: T + 2000, to: T + 3000 });
    expect([story.track.records, story.isReading]).toEqual([3, true]);
    await settle();
    expect(story.track.points.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(story.values.list("fmb").map(({ name }) => name)).toEqual(["External Voltage"]);
    story.event("record", recordAt(9));
    expect(story.track.records).toBe(2);
    expect(story.values.list("fmb")[0]!.seq).toBe(9);
  });
});
