/** The bar at the top: how many devices, whether the gateway can commit, how the page's connection is. Owned by the page. */
import { byId, setData, setText } from "./element.ts";
import type { Fleet } from "./fleet.ts";
import type { Link } from "./link.ts";
import { count } from "./words.ts";

/** What /readyz said last. Null: the gateway could not be asked. */
export type Readiness = { readonly ready: boolean; readonly reason: string } | null;

export class Bar {
  readonly #fleet: Fleet;
  readonly #link: Link;
  readonly #linkPill = byId("link");
  readonly #linkText = byId("link-text");
  readonly #alert = byId("alert");

  constructor(fleet: Fleet, link: Link) {
    this.#fleet = fleet;
    this.#link = link;
  }

  /** `title`: what the page shows. */
  draw(now: number, readiness: Readiness, title: string): void {
    setText(byId("connected"), count(this.#fleet.connected));
    setText(byId("known"), count(this.#fleet.vehicles.length));
    const state = this.#link.state(now);
    setData(this.#linkPill, "state", state);
    setText(this.#linkText, this.#link.words(now));
    const words = this.#alertWords(state, readiness);
    this.#alert.hidden = words === "";
    setText(this.#alert, words);
    document.title = words === "" ? title : `⚠ ${title}`;
  }

  #alertWords(state: string, readiness: Readiness): string {
    if (state === "refused") return `The gateway refused the stream: ${this.#link.reason}`;
    if (state === "reconnecting") return `No connection to the gateway: ${this.#link.reason}. What is shown is from before.`;
    if (state === "stale") return "The gateway has not been heard for a while. What is shown may be old.";
    return readiness !== null && !readiness.ready ? `Not ready: ${readiness.reason}` : "";
  }
}
