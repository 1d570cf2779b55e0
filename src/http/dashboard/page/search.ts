/** The search above the table of devices: `/` goes there from anywhere, Enter opens the first it finds. Owned by the page. */
import { byId, setText } from "./element.ts";
import { type Filter, isEverything } from "./filter.ts";
import type { Fleet } from "./fleet.ts";
import { go } from "./journey.ts";
import { deviceHash, FLEET_HASH } from "./route.ts";
import type { DeviceTable } from "./table.ts";
import { count } from "./words.ts";

/** Where a slash is a slash. */
const TYPING = "input, textarea, select, [contenteditable]";

export class Search {
  readonly #fleet: Fleet;
  readonly #table: DeviceTable;
  readonly #input = byId("search") as HTMLInputElement;
  readonly #only = byId("only-connected");
  readonly #all = byId("all-devices");
  readonly #found = byId("found");
  readonly #none = byId("none-found");
  #onlyConnected = false;

  constructor(fleet: Fleet, table: DeviceTable) {
    this.#fleet = fleet;
    this.#table = table;
  }

  listen(): void {
    this.#input.addEventListener("input", () => this.#apply());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#only.addEventListener("click", () => this.#show(true));
    this.#all.addEventListener("click", () => this.#show(false));
    byId("clear-search").addEventListener("click", () => this.#clear());
    document.addEventListener("keydown", (event) => this.#slash(event));
  }

  draw(): void {
    const { length } = this.#table;
    const isNarrow = !isEverything(this.#filter);
    this.#none.hidden = !isNarrow || length > 0 || this.#fleet.vehicles.length === 0;
    setText(this.#found, isNarrow ? `${count(length)} of ${count(this.#fleet.vehicles.length)}` : "");
  }

  get #filter(): Filter {
    return { text: this.#input.value, onlyConnected: this.#onlyConnected };
  }

  #apply(): void {
    this.#table.filter(this.#filter);
    this.#only.setAttribute("aria-pressed", String(this.#onlyConnected));
    this.#all.setAttribute("aria-pressed", String(!this.#onlyConnected));
  }

  #show(onlyConnected: boolean): void {
    this.#onlyConnected = onlyConnected;
    this.#apply();
  }

  #clear(): void {
    this.#input.value = "";
    this.#show(false);
    this.#input.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Enter" && this.#table.first !== undefined) go(deviceHash(this.#table.first.id));
    else if (event.key === "ArrowDown") this.#table.focus();
    else if (event.key === "Escape" && this.#input.value !== "") {
      this.#input.value = "";
      this.#apply();
    } else return;
    event.preventDefault();
  }

  #slash(event: KeyboardEvent): void {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.target as Element).closest(TYPING) !== null) return;
    event.preventDefault();
    if (this.#input.offsetParent === null) go(FLEET_HASH);
    // A page that was hidden is there at the next turn.
    setTimeout(() => {
      this.#input.focus();
      this.#input.select();
    });
  }
}
