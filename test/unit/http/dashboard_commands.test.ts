/** Commands on the page of a device: read once, then told by the stream, and never back from an end. */
import { expect, test } from "bun:test";
import { err, ok, type Result } from "../../../src/base/result.ts";
import { type Command, CommandStory, stateWords } from "../../../src/http/dashboard/page/command_story.ts";

const T = 1_760_000_000_000;
const made = (no: number, changes: Partial<Command> = {}): Command => ({
  id: `c${no}`,
  text: `t${no}`,
  state: "queued",
  createdAt: T + no,
  writtenAt: null,
  endedAt: null,
  response: null,
  reason: null,
  ...changes,
});
const ended = (no: number): Command => made(no, { state: "answered", writtenAt: T, endedAt: T, response: "ok" });

function world(pages: readonly { readonly commands: readonly Command[]; readonly next: string | null }[]) {
  const asked: string[] = [];
  const left = [...pages];
  const getJson = (path: string): Promise<Result<unknown, string>> => {
    asked.push(path);
    const page = left.shift();
    return Promise.resolve(page === undefined ? err("refused", "x answered 503 busy") : ok(page));
  };
  const postJson = (path: string, body: object): Promise<Result<unknown, string>> => {
    asked.push(`${path} ${JSON.stringify(body)}`);
    return Promise.resolve(
      (body as { text: string }).text === "bad" ? err("refused", "http://x/v1 answered 400 not a text") : ok(made(99)),
    );
  };
  return {
    asked,
    story: new CommandStory({ getJson, postJson }, () => undefined),
    turn: () => new Promise((resolve) => setTimeout(resolve)),
  };
}
const idsOf = (story: CommandStory): string[] => story.list.map(({ id }) => id);

test("commands are read in pages, and those that come are told by the stream", async () => {
  const { story, asked, turn } = world([
    { commands: [made(3), ended(2)], next: "c2" },
    { commands: [ended(1)], next: null },
  ]);
  story.open("a/b");
  await turn();
  expect([idsOf(story), story.next]).toEqual([["c3", "c2"], "c2"]);
  story.event("command", { device: "a/b", ...made(4) });
  story.event("command", { device: "other", ...made(5) });
  story.event("command", { device: "a/b", unsolicited: true, hex: "00" });
  story.event("record", { device: "a/b", ...made(6) });
  expect(idsOf(story)).toEqual(["c4", "c3", "c2"]);
  await story.read(true);
  expect([idsOf(story), story.next, asked]).toEqual([
    ["c4", "c3", "c2", "c1"],
    null,
    ["/v1/devices/a%2Fb/commands?limit=10", "/v1/devices/a%2Fb/commands?limit=10&after=c2"],
  ]);
  // Not to be read now: what is known stays.
  await story.read();
  expect(idsOf(story).length).toBe(4);
});

test("what has ended does not go back, whatever comes late", async () => {
  const { story, turn } = world([{ commands: [made(1)], next: null }, { commands: [made(1, { state: "written" })], next: null }]);
  story.open("a");
  story.event("command", { device: "a", ...ended(1) });
  await turn();
  expect(story.list).toMatchObject([{ state: "answered", response: "ok" }]);
  await story.read();
  story.event("command", { device: "a", ...made(1, { state: "routed" }) });
  expect(story.list).toMatchObject([{ state: "answered" }]);
});

test("one that is sent shows at once, and why one cannot be is said", async () => {
  const { story, asked, turn } = world([{ commands: [], next: null }]);
  story.open("a");
  await turn();
  expect(await story.send("getinfo", 14)).toBe(null);
  expect([idsOf(story), asked.at(-1)]).toEqual([["c99"], '/v1/devices/a/commands {"text":"getinfo","codec":14}']);
  expect(await story.send("bad", 12)).toBe("400: not a text");
  const late = story.send("getver", 12);
  story.open("b");
  await late;
  expect(idsOf(story)).toEqual([]);
});

test("states are words", () => {
  expect(stateWords(made(1))).toBe("waits for the device");
  expect(stateWords(made(1, { state: "unknown", reason: "commit_failed" }))).toBe("perhaps obeyed: no answer came (commit failed)");
  expect(stateWords(made(1, { state: "new_one" }))).toBe("new_one");
});
