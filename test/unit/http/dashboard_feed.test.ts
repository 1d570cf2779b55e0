/** How the page follows the journal: resumed, hydrated again when it must be, honest about what is missing. */
import { describe, expect, test } from "bun:test";
import { err, ok, type Result } from "../../../src/base/result.ts";
import type { BerthEvent } from "../../../src/client/events.ts";
import type { Device, DevicesPage } from "../../../src/client/model.ts";
import type { RestFault } from "../../../src/client/rest.ts";
import type { Loss } from "../../../src/client/loss.ts";
import { Feed, type FeedPorts, type Told } from "../../../src/http/dashboard/page/feed.ts";

type News = BerthEvent | "open" | Loss;

const event = (seq: number, kind = "record", data: object = { device: "a" }): BerthEvent =>
  ({ id: `e.${seq}`, channel: "", event: kind, data }) as unknown as BerthEvent;
const lost = (cause: Loss["cause"], reason: string, waitMs: number | null): Loss => ({ cause, reason, status: null, waitMs });

const page = (cursor: string, devices: readonly string[], next: string | null = null): Result<DevicesPage, RestFault> =>
  ok({ cursor, devices: devices.map((id) => ({ id })) as unknown as Device[], next });

/** Plays answers and streams in turn; the last stream ends the feed. */
async function play(answers: Result<DevicesPage, RestFault>[], streams: News[][]) {
  const asked: string[] = [];
  const said: string[] = [];
  const events: (readonly [string, number, boolean])[] = [];
  const ports: FeedPorts = {
    devices: ({ limit, after } = {}) => {
      asked.push(`${limit} devices after ${after}`);
      return Promise.resolve(answers.shift()!);
    },
    follow: async function* ({ cursor, mode, onConnect, onDisconnect }) {
      asked.push(`${mode === "latest" ? "" : `${mode} `}events after ${cursor}`);
      for (const news of streams.shift() ?? []) {
        if (news === "open") onConnect!();
        else if ("cause" in news) onDisconnect!(news);
        else yield await Promise.resolve(news);
      }
    },
    pause: (ms) => (said.push(`pause ${ms}`), Promise.resolve()),
    breathe: () => Promise.resolve(),
  };
  const told: Told = {
    hydrating: () => said.push("hydrating"),
    page: (devices, seq) => said.push(`page ${devices.map(({ id }) => id).join()} at ${seq}`),
    hydrated: () => said.push("hydrated"),
    opened: () => said.push("opened"),
    heard: () => {},
    event: (kind, seq, _data, isNew) => events.push([kind, seq, isNew]),
    lost: (reason) => said.push(`lost: ${reason}`),
    refused: (reason, cause) => said.push(`refused: ${reason} (${cause})`),
    bye: (reason) => said.push(`bye: ${reason}`),
    again: (why, missing) => said.push(`${why}: ${missing}`),
    leftOut: (events) => said.push(`left out: ${events}`),
    corrected: (devices, seq) => said.push(`corrected ${devices.map(({ id }) => id).join()} at ${seq}`),
  };
  const feed = new Feed(ports, told);
  await feed.run(new AbortController().signal);
  for (let left = answers.length; left > 0; left = Math.min(left - 1, answers.length)) await feed.correct();
  return { asked, said, events, counts: feed.counts };
}

describe("dashboard feed", () => {
  test("reads every page, then follows from a little before the first one's cursor", async () => {
    const { asked, said } = await play([page("e.5000", ["a"], "7"), page("e.5009", ["b"])], [["open"]]);
    expect(asked).toEqual(["1000 devices after undefined", "1000 devices after 7", "events after e.3000"]);
    expect(said).toEqual(["hydrating", "page a at 5000", "page b at 5009", "hydrated", "opened"]);
  });

  test("counts each event after the hydrate once, and shows those before without counting them", async () => {
    const { events, counts } = await play([page("e.3", ["a"])], [[1, 2, 3, 4, 5].map((seq) => event(seq))]);
    expect(events.map(([, seq, isNew]) => [seq, isNew])).toEqual([[1, false], [2, false], [3, false], [4, true], [5, true]]);
    expect(counts).toMatchObject({ events: 2, seq: 5, doubled: 0, unseen: 0, hydrates: 1 });
  });

  test("an event that comes twice is left out, seqs that did not come (as those of messages on channels) are counted", async () => {
    const { events, counts } = await play([page("e.0", [])], [[event(1), event(1), event(2), event(5)]]);
    expect(events.map(([, seq]) => seq)).toEqual([1, 2, 5]);
    expect(counts).toMatchObject({ events: 3, doubled: 1, unseen: 2 });
  });

  test("a gap after the hydrate makes it read devices again, and is said with its size", async () => {
    const gap = event(20, "gap", { from: 6, to: 20, cause: "retention" });
    const all = Array.from({ length: 31 }, (_, i) => event(i + 1));
    const { said, counts, asked } = await play([page("e.5", ["a"]), page("e.30", ["a"])], [[...all.slice(0, 5), gap, event(21)], all]);
    expect(said).toContain("gap: 15");
    expect(counts).toMatchObject({ hydrates: 2, unseen: 0, events: 1, seq: 31 });
    expect(asked.at(-1)).toBe("events after e.0");
  });

  test("records that newer ones stand for are no loss: nothing is read again, and each of them is counted", async () => {
    const coalesced = (from: number, to: number) => event(to, "gap", { from, to, cause: "coalesced" });
    const streams = [[coalesced(1, 7), event(8), coalesced(9, 12), event(13)]];
    const { said, counts, events } = await play([page("e.5", ["a"])], streams);
    expect(said.slice(-2)).toEqual(["left out: 2", "left out: 4"]);
    expect(events).toEqual([["record", 8, true], ["record", 13, true]]);
    expect(counts).toEqual({ events: 2, seq: 13, doubled: 0, unseen: 0, coalesced: 6, hydrates: 1 });
  });

  test("devices are read beside the stream, of its epoch only", async () => {
    const { said } = await play([page("e.5", ["a"]), page("e.20", ["a"], "7"), page("e.21", ["b"])], [[event(6)]]);
    expect(said.slice(-2)).toEqual(["corrected a at 20", "corrected b at 21"]);
    const other = await play([page("e.5", ["a"]), page("f.20", ["a"])], [[event(6)]]);
    expect(other.said.at(-1)).toBe("hydrated");
    const unreachable = await play([page("e.5", ["a"]), err("unreachable", "nobody")], [[event(6)]]);
    expect(unreachable.said.at(-1)).toBe("hydrated");
  });

  test("a gap before the hydrate is nobody's loss", async () => {
    const gap = event(4, "gap", { from: 1, to: 4, cause: "retention" });
    const { said, counts } = await play([page("e.5", ["a"])], [[gap, event(5), event(6)]]);
    expect(said.filter((text) => text.startsWith("gap"))).toEqual([]);
    expect(counts).toMatchObject({ hydrates: 1, unseen: 0, doubled: 0, events: 1 });
  });

  test("a resync makes it read devices again and follow in the new epoch", async () => {
    const resync = event(9, "resync", { cause: "epoch" });
    const { said, asked } = await play([page("e.5", ["a"]), page("f.2000", ["b"])], [[resync], []]);
    expect(said).toContain("resync: 0");
    expect(asked.at(-1)).toBe("events after f.0");
  });

  test("a hydrate that fails, or sees two epochs, begins again", async () => {
    const { said } = await play([err("unreachable", "nobody"), page("e.5", ["a"], "1"), page("f.1", ["b"]), page("f.1", ["b"])], [[]]);
    expect(said.filter((text) => text.startsWith("lost"))).toEqual(["lost: nobody", "lost: the store was changed while devices were read"]);
    expect(said.filter((text) => text.startsWith("pause"))).toHaveLength(2);
    expect(said.at(-1)).toBe("hydrated");
  });

  test("losses, refusals and farewells are passed on", async () => {
    const over = event(0, "over", { cause: "auth", reason: "401 who are you", status: 401 });
    const news: News[] = ["open", lost("shutdown", "gone", 10), lost("auth", "401 who are you", null), over];
    const { said } = await play([page("e.5", [])], [news]);
    expect(said.slice(-4)).toEqual(["opened", "bye: shutdown", "lost: gone", "refused: 401 who are you (auth)"]);
  });
});
