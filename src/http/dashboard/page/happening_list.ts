/** Shows the last takeovers and what the stream said about itself, newest first. Owned by the page. */
import { byId, make } from "./element.ts";
import type { Happening, Happenings } from "./happenings.ts";
import type { Selection } from "./selection.ts";
import { clock } from "./words.ts";

const SIGN: Readonly<Record<Happening["kind"], string>> = {
  takeover: "⇄",
  conflict: "!",
  refused: "×",
  gap: "…",
  resync: "↻",
  link: "↯",
};

export class HappeningList {
  readonly #happenings: Happenings;
  readonly #selection: Selection;
  readonly #list = byId("happenings");
  readonly #none = byId("no-happenings");
  #shown = -1;

  constructor(happenings: Happenings, selection: Selection) {
    this.#happenings = happenings;
    this.#selection = selection;
  }

  listen(): void {
    this.#list.addEventListener("click", (event) => {
      const id = (event.target as Element).closest<HTMLElement>("[data-of]")?.dataset["of"];
      if (id !== undefined) this.#selection.select(id, "table");
    });
  }

  draw(): void {
    if (this.#shown === this.#happenings.version) return;
    this.#shown = this.#happenings.version;
    const { list } = this.#happenings;
    this.#list.hidden = list.length === 0;
    this.#none.hidden = list.length > 0;
    this.#list.replaceChildren(...list.map(itemOf));
  }
}

function itemOf({ at, kind, device, text, detail }: Happening): HTMLElement {
  const sign = make("span", "sign", SIGN[kind]);
  sign.setAttribute("aria-hidden", "true");
  const what = make("div", "what", text);
  const time = make("time", "", clock(at));
  time.dateTime = new Date(at).toISOString();
  const head = make("div", "head", time);
  if (device === null) head.prepend(what);
  else {
    const button = make("button", "device", device);
    button.type = "button";
    button.dataset["of"] = device;
    head.prepend(button);
  }
  const lines = device === null ? [] : [what];
  const item = make("li", kind, sign, make("div", "body", head, ...lines, make("div", "detail", detail)));
  item.dataset["kind"] = kind;
  return item;
}
