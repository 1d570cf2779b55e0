/** Shows the last takeovers and what the stream said about itself, newest first: of all devices, or of one. Owned by the page. */
import { make } from "./element.ts";
import type { Happening, Happenings } from "./happenings.ts";
import { clock } from "./words.ts";

const SIGN: Readonly<Record<Happening["kind"], string>> = {
  takeover: "⇄",
  conflict: "!",
  refused: "×",
  quarantined: "?",
  gap: "…",
  resync: "↻",
  link: "↯",
};

/** What belongs in a list. `device`: of this one, and what the stream said of itself; null: of all. */
export interface Wants {
  readonly kinds: "all" | "no takeovers";
  readonly device: () => string | null;
}

export const OF_ALL: Wants = { kinds: "all", device: () => null };

export class HappeningList {
  readonly #happenings: Happenings;
  readonly #list: HTMLElement;
  readonly #none: HTMLElement;
  readonly #wants: Wants;
  #shownAs = "";

  constructor(happenings: Happenings, list: HTMLElement, none: HTMLElement, wants: Wants) {
    this.#happenings = happenings;
    this.#list = list;
    this.#none = none;
    this.#wants = wants;
  }

  draw(): void {
    const { kinds } = this.#wants;
    const device = this.#wants.device();
    const as = `${this.#happenings.version} ${device}`;
    if (this.#shownAs === as) return;
    this.#shownAs = as;
    const list = this.#happenings.list.filter((one) =>
      (kinds === "all" || one.kind !== "takeover") && (device === null || one.device === null || one.device === device)
    );
    this.#list.hidden = list.length === 0;
    this.#none.hidden = list.length > 0;
    this.#list.replaceChildren(...list.map((one) => itemOf(one, device)));
  }
}

/** Choosing a device in a list. */
export function onChosen(list: HTMLElement, chosen: (id: string) => void): void {
  list.addEventListener("click", (event) => {
    const id = (event.target as Element).closest<HTMLElement>("[data-of]")?.dataset["of"];
    if (id !== undefined) chosen(id);
  });
}

/** `of`: the device whose page this is needs no name. */
function itemOf({ at, kind, device, text, detail }: Happening, of: string | null): HTMLElement {
  const sign = make("span", "sign", SIGN[kind]);
  sign.setAttribute("aria-hidden", "true");
  const what = make("div", "what", text);
  const time = make("time", "", clock(at));
  time.dateTime = new Date(at).toISOString();
  const head = make("div", "head", time);
  const isNamed = device !== null && device !== of;
  if (!isNamed) head.prepend(what);
  else {
    const button = make("button", "device", device);
    button.type = "button";
    button.dataset["of"] = device;
    head.prepend(button);
  }
  const lines = isNamed ? [what] : [];
  const item = make("li", kind, sign, make("div", "body", head, ...lines, make("div", "detail", detail)));
  item.dataset["kind"] = kind;
  return item;
}
