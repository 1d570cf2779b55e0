/** The card of the chosen device. Owned by the page. */
import { byId, setData, setText } from "./element.ts";
import { Facts, VEHICLE_LINES } from "./facts.ts";
import type { Fleet } from "./fleet.ts";
import { deviceHash } from "./route.ts";
import type { Selection } from "./selection.ts";

export class Card {
  readonly #fleet: Fleet;
  readonly #selection: Selection;
  readonly #card = byId("card");
  readonly #title = byId("card-title");
  readonly #facts = new Facts(byId("card-lines"), VEHICLE_LINES);
  readonly #open = byId("card-open") as HTMLAnchorElement;

  constructor(fleet: Fleet, selection: Selection) {
    this.#fleet = fleet;
    this.#selection = selection;
  }

  listen(): void {
    byId("card-close").addEventListener("click", () => this.#selection.select(null, "table"));
  }

  draw(now: number): void {
    const { selected } = this.#selection;
    const one = selected === null ? undefined : this.#fleet.get(selected);
    this.#card.hidden = one === undefined;
    if (one === undefined) return;
    setText(this.#title, one.id);
    setData(this.#card, "connected", String(one.connected));
    this.#facts.draw(one, now);
    const href = deviceHash(one.id);
    if (this.#open.getAttribute("href") !== href) this.#open.setAttribute("href", href);
  }
}
