/** The takeovers of a device, newest first: the connection that lost it and the one that has it, side by side. Owned by the page. */
import { type DeviceStory, TAKEOVERS } from "./device_story.ts";
import { byId, make, setText } from "./element.ts";
import { evidenceLines, isOpen, precise, reasonWords, type Takeover, VERDICTS, whereOf } from "./takeovers.ts";
import { clock, count, moment } from "./words.ts";

export class TakeoverList {
  readonly #story: DeviceStory;
  readonly #list = byId("device-takeovers");
  readonly #none = byId("no-takeovers");
  #shown: readonly Takeover[] | null = null;

  constructor(story: DeviceStory) {
    this.#story = story;
  }

  draw(now: number): void {
    const { takeovers } = this.#story;
    if (takeovers === this.#shown) return;
    this.#shown = takeovers;
    setText(byId("takeover-count"), takeovers.length < TAKEOVERS ? "" : `the newest ${TAKEOVERS}`);
    this.#none.hidden = takeovers.length > 0;
    this.#list.hidden = takeovers.length === 0;
    this.#list.replaceChildren(...takeovers.map((one) => itemOf(one, now)));
  }
}

const lines = (pairs: readonly (readonly [string, string])[]): HTMLElement =>
  make("dl", "", ...pairs.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));

function side(name: string, title: string, pairs: readonly (readonly [string, string])[]): HTMLElement {
  return make("div", `side ${name}`, make("h4", "", title), lines(pairs));
}

function itemOf(one: Takeover, now: number): HTMLElement {
  const { at, policy, reason, old } = one;
  const time = make("time", "", moment(at, now));
  time.dateTime = new Date(at).toISOString();
  const verdict = VERDICTS[one.evidence.verdict ?? ""];
  const chips = [make("span", "chip", policy.replaceAll("_", " "))];
  if (verdict !== undefined) chips.push(make("span", `chip verdict ${one.evidence.verdict}`, verdict));
  if (isOpen(one)) chips.push(make("span", "chip open", "evidence is awaited"));
  const before = side("old", "Lost it", [
    ["From", whereOf(old.origin)],
    ["Fence", String(old.fence)],
    ["Held", `${precise(at - old.since)}, since ${clock(old.since)}`],
    ["Last byte", `${precise(at - old.lastByteAt)} before`],
    ["Records", count(old.records)],
  ]);
  const after = side("new", "Has it", [["From", whereOf(one.new.origin)], ["Fence", String(one.new.fence)]]);
  return make(
    "li",
    "",
    make("header", "", time, make("span", "chips", ...chips)),
    make("p", "reason", `${reasonWords(reason)}.`),
    make("div", "sides", before, make("span", "arrow", "→"), after),
    make("div", "evidence", make("h4", "", "Evidence"), lines(evidenceLines(one))),
  );
}
