/** Frames on the page of a device: what is asked for and when, and what is said of them. */
import { describe, expect, test } from "bun:test";
import { err, ok, type Result } from "../../../src/base/result.ts";
import {
  framePage,
  heldDevices,
  heldWords,
  isHeld,
  type KeptFrame,
  keptPage,
  markWords,
  plainFault,
} from "../../../src/http/dashboard/page/raw_frames.ts";
import { RawStory } from "../../../src/http/dashboard/page/raw_story.ts";

const T = 1_760_000_000_000;
const kept = (id: number, changes: Partial<KeptFrame> = {}): KeptFrame => ({
  id,
  codec: "other",
  fault: "unknown_codec",
  offset: 0,
  decodes: null,
  bytes: 9,
  count: 1,
  firstAt: T,
  lastAt: T,
  releasedAt: null,
  replay: null,
  origin: null,
  ...changes,
});

describe("frames in words", () => {
  test("one that was released, or decoded since, stands in nobody's way", () => {
    const replay = (records: number) => ({ at: T, records, stored: 0 });
    expect([kept(1), kept(2, { releasedAt: T }), kept(3, { replay: replay(2) }), kept(4, { replay: replay(0) })].map(isHeld)).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([heldWords([]), heldWords([kept(1, { releasedAt: T })])]).toEqual(["", ""]);
    expect(heldWords([kept(1), kept(2)])).toStartWith("2 frames of this device cannot be decoded.");
  });

  test("a stored frame says what was not new, and how it came", () => {
    const frame = { seq: 1, receivedAt: T, codec: "8", records: 3, new: 3, from: T, to: T, bytes: 9, hex: "" };
    expect(markWords(frame)).toBe("");
    expect(markWords({ ...frame, new: 1, unfenced: true })).toBe("1 new, the others were stored before; beside the owner");
    expect(markWords({ ...frame, unfenced: true, redecoded: true, quarantined: true })).toBe("kept raw, decoded later; marked");
  });

  test("devices that get no further are named once each", () => {
    expect(heldDevices({ frames: [{ device: "b" }, { device: "a" }, { device: "b" }, {}], next: "7" })).toEqual({
      devices: ["b", "a"],
      isAll: false,
    });
    expect(heldDevices(null)).toEqual({ devices: [], isAll: true });
  });

  test("an answer of another version, or none, is empty", () => {
    for (const answer of [null, {}, { frames: 1, badCrc: null, next: 2 }]) {
      expect([framePage(answer), keptPage(answer)]).toEqual([{ frames: [], next: null }, { frames: [], badCrc: [] }]);
    }
  });

  test("a fault is said without the address", () => {
    expect(plainFault("http://a:1/v1/quarantine/1/release answered 403 no scope")).toBe("403: no scope");
    expect(plainFault("Cannot reach http://a:1: connection refused")).toBe("connection refused");
  });
});

/** A story whose answers the test gives. */
function world() {
  const asked: string[] = [];
  const answers = new Map<string, unknown>();
  const getJson = (path: string): Promise<Result<unknown, string>> => {
    asked.push(path);
    const key = [...answers.keys()].find((part) => path.includes(part));
    return Promise.resolve(key === undefined ? err("refused", `x answered 404 nothing at ${path}`) : ok(answers.get(key)));
  };
  const post = (path: string): Promise<Result<unknown, string>> => {
    asked.push(`POST ${path}`);
    return getJson(path);
  };
  let changes = 0;
  const story = new RawStory({ getJson, post }, () => changes++);
  return { story, asked, answers, turn: () => new Promise((resolve) => setTimeout(resolve)), changes: () => changes };
}
const stored = (seq: number) => ({ seq, hex: "08" });

describe("frames of a device", () => {
  test("are not asked for before somebody looks, and then once until there are more", async () => {
    const { story, asked, answers, turn } = world();
    answers.set("/frames", { frames: [stored(2)], next: "2" }).set("/v1/quarantine", { frames: [], badCrc: [] });
    story.open("a/b");
    await turn();
    expect(asked).toEqual(["/v1/quarantine?device=a%2Fb"]);
    story.tick(false, Date.now());
    story.tick(true, Date.now());
    story.tick(true, Date.now());
    await turn();
    expect(asked.slice(1)).toEqual(["/v1/devices/a%2Fb/frames?limit=20"]);
    expect([story.stored.length, story.next, story.hasNewer]).toEqual([1, "2", false]);
    story.tick(true, Date.now() + 60_000);
    story.event("record", { device: "other" });
    story.tick(true, Date.now() + 60_000);
    await turn();
    expect(asked.length).toBe(2);
    story.event("record", { device: "a/b" });
    story.tick(true, Date.now());
    expect(asked.length).toBe(2);
    story.tick(true, Date.now() + 2000);
    await turn();
    expect(asked.length).toBe(3);
  });

  test("stand still below the newest, and an answer that comes late is dropped", async () => {
    const { story, asked, answers, turn } = world();
    answers.set("/frames", { frames: [stored(2)], next: null }).set("/v1/quarantine", { frames: [kept(1)] });
    story.open("a");
    await story.read("9");
    story.event("record", { device: "a" });
    story.tick(true, Date.now() + 60_000);
    expect([story.after, story.hasNewer, asked.filter((path) => path.includes("/frames")).length]).toEqual(["9", true, 1]);
    const late = story.read(null);
    story.open("b");
    await late;
    expect([story.id, story.stored]).toEqual(["b", []]);
    await turn();
    expect(story.kept.length).toBe(1);
    story.close();
    expect([story.kept, story.id]).toEqual([[], null]);
    story.tick(true, Date.now() + 60_000);
    expect(asked.at(-1)).toBe("/v1/quarantine?device=b");
  });

  test("that cannot be read are asked for again, and why is said", async () => {
    const { story, answers } = world();
    answers.set("/v1/quarantine", { frames: [] });
    story.open("a");
    await story.read(null);
    expect([story.fault, story.hasNewer, story.wasRead]).toEqual(["404: nothing at /v1/devices/a/frames?limit=20", true, false]);
    answers.set("/frames", { frames: [], next: null });
    await story.read(null);
    expect([story.fault, story.wasRead]).toEqual(["", true]);
  });

  test("that cannot be decoded are read again when one comes, and after an order", async () => {
    const { story, asked, answers, turn } = world();
    answers.set("/v1/quarantine", { frames: [kept(7)], badCrc: [{ at: T, bytes: 3, hex: "0801" }] });
    story.open("a");
    await turn();
    story.event("quarantined", { device: "a" });
    story.tick(false, Date.now() + 2000);
    await turn();
    expect(asked.length).toBe(2);
    expect(await story.order(7, "release")).toBe(null);
    expect(asked.slice(2)).toEqual(["POST /v1/quarantine/7/release", "/v1/quarantine/7/release", "/v1/quarantine?device=a"]);
    expect(await story.hexOf({ at: T, bytes: 3 })).toBe("0801");
    expect(await story.hexOf(kept(7))).toBe(null);
    expect(asked.at(-1)).toBe("/v1/quarantine?device=a&limit=1&raw=true&after=8");
    answers.delete("/v1/quarantine");
    expect(await story.order(7, "release")).toStartWith("404: nothing");
    expect(story.kept.length).toBe(1);
  });
});
