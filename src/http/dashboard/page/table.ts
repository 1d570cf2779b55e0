/**
 * The table of devices: as many rows as are in sight, whatever the size of the fleet; sorted by its headings; walked with the
 * keyboard. Owned by the page.
 */
import { byId, make, setData, setText } from "./element.ts";
import { EVERYTHING, type Filter, filtered, isEverything } from "./filter.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import { go } from "./journey.ts";
import { FIRST_DESCENDING, type Order, type Sort, sorted, SORTS } from "./order.ts";
import { deviceHash } from "./route.ts";
import type { Selection } from "./selection.ts";
import { ago, count } from "./words.ts";

const ROW_PX = 34;
/** Rows beyond the edges, so that scrolling shows no blanks. */
const SPARE_ROWS = 6;
/** An order by something that moves is made anew at most this often. */
const SORT_MS = 1000;

interface Row {
  readonly element: HTMLElement;
  readonly cells: Readonly<Record<Sort, HTMLElement>>;
}

export class DeviceTable {
  readonly #fleet: Fleet;
  readonly #selection: Selection;
  readonly #touched: () => void;
  readonly #grid = byId("grid");
  readonly #scroll = byId("rows");
  readonly #space = byId("row-space");
  readonly #empty = byId("empty");
  readonly #rows: Row[] = [];
  #order: Order = { by: "id", descending: false };
  #filter: Filter = EVERYTHING;
  #list: readonly Vehicle[] = [];
  #sortedAt = -Infinity;
  #sortedAs = "";

  constructor(fleet: Fleet, selection: Selection, touched: () => void) {
    this.#fleet = fleet;
    this.#selection = selection;
    this.#touched = touched;
  }

  listen(): void {
    this.#scroll.addEventListener("scroll", () => this.#touched(), { passive: true });
    new ResizeObserver(() => this.#touched()).observe(this.#scroll);
    this.#scroll.addEventListener("click", (event) => {
      const id = idOf(event);
      if (id !== null) this.#selection.select(id, "table");
    });
    this.#scroll.addEventListener("dblclick", (event) => {
      const id = idOf(event);
      if (id !== null) go(deviceHash(id));
    });
    this.#scroll.addEventListener("pointermove", (event) => this.#selection.hover(idOf(event)));
    this.#scroll.addEventListener("pointerleave", () => this.#selection.hover(null));
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
    for (const by of SORTS) byId(`sort-${by}`).addEventListener("click", () => this.#sortBy(by));
  }

  /** How many devices it lists. */
  get length(): number {
    return this.#list.length;
  }

  /** The first one; undefined when it lists none. */
  get first(): Vehicle | undefined {
    return this.#list[0];
  }

  filter(filter: Filter): void {
    this.#filter = filter;
    this.#scroll.scrollTop = 0;
    this.#sortedAs = "";
    this.#sort(this.#sortedAt);
    this.#touched();
  }

  focus(): void {
    this.#grid.focus();
  }

  /** The reader comes back from the page of a device. */
  returnTo(id: string): void {
    this.#grid.focus({ preventScroll: true });
    this.reveal(id);
  }

  /** Brings a device into sight. */
  reveal(id: string): void {
    const index = this.#list.findIndex((one) => one.id === id);
    if (index < 0) return;
    const top = index * ROW_PX;
    const { scrollTop, clientHeight } = this.#scroll;
    if (top < scrollTop) this.#scroll.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.#scroll.scrollTop = top + ROW_PX - clientHeight;
    this.#touched();
  }

  /** `isKnown`: the devices were read, so that none means none. */
  draw(now: number, isKnown: boolean): void {
    this.#sort(now);
    const { length } = this.#list;
    this.#empty.hidden = this.#fleet.vehicles.length > 0 || !isKnown;
    this.#grid.setAttribute("aria-rowcount", String(length + 1));
    const height = `${length * ROW_PX}px`;
    if (this.#space.style.height !== height) this.#space.style.height = height;
    const first = Math.max(0, Math.floor(this.#scroll.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(length, Math.ceil((this.#scroll.scrollTop + this.#scroll.clientHeight) / ROW_PX) + SPARE_ROWS);
    while (this.#rows.length < last - first) this.#rows.push(this.#makeRow());
    this.#rows.forEach((row, i) => {
      const one = i < last - first ? this.#list[first + i] : undefined;
      row.element.hidden = one === undefined;
      if (one !== undefined) this.#fill(row, one, first + i, now);
    });
  }

  #sort(now: number): void {
    const { by, descending } = this.#order;
    const as = `${by} ${descending} ${this.#fleet.membership}`;
    const isMoving = by !== "id" || !isEverything(this.#filter);
    if (as === this.#sortedAs && !(isMoving && now - this.#sortedAt >= SORT_MS)) return;
    this.#sortedAs = as;
    this.#sortedAt = now;
    this.#list = sorted(filtered(this.#fleet.vehicles, this.#filter), this.#order);
  }

  #sortBy(by: Sort): void {
    const descending = this.#order.by === by ? !this.#order.descending : FIRST_DESCENDING[by];
    this.#order = { by, descending };
    for (const each of SORTS) {
      byId(`sort-${each}`).parentElement!.setAttribute("aria-sort", each !== by ? "none" : descending ? "descending" : "ascending");
    }
    this.#scroll.scrollTop = 0;
    this.#list = sorted(filtered(this.#fleet.vehicles, this.#filter), this.#order);
    this.#touched();
  }

  #makeRow(): Row {
    const cell = (name: string): HTMLElement => {
      const element = make("div", `cell ${name}`);
      element.setAttribute("role", "gridcell");
      return element;
    };
    const cells = { id: cell("id"), state: cell("state"), seen: cell("seen"), speed: cell("speed"), records: cell("records") };
    const element = make("div", "row", ...SORTS.map((name) => cells[name]));
    element.setAttribute("role", "row");
    this.#space.append(element);
    return { element, cells };
  }

  #fill({ element, cells }: Row, one: Vehicle, index: number, now: number): void {
    const isSelected = one.id === this.#selection.selected;
    setData(element, "device", one.id);
    setData(element, "records", String(one.records));
    setData(element, "connected", String(one.connected));
    element.classList.toggle("hovered", one.id === this.#selection.hovered);
    element.id = `row-${index}`;
    element.setAttribute("aria-rowindex", String(index + 2));
    element.setAttribute("aria-selected", String(isSelected));
    element.style.transform = `translateY(${index * ROW_PX}px)`;
    setText(cells.id, one.id);
    setText(cells.state, one.connected ? "connected" : "offline");
    setText(cells.seen, ago(now - one.lastSeenAt));
    setText(cells.speed, one.place === null ? "–" : `${one.place.speed} km/h`);
    setText(cells.records, count(one.records));
    if (isSelected) this.#grid.setAttribute("aria-activedescendant", element.id);
  }

  #key(event: KeyboardEvent): void {
    const now = this.#list.findIndex(({ id }) => id === this.#selection.selected);
    const page = Math.max(1, Math.floor(this.#scroll.clientHeight / ROW_PX) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key === "Escape") this.#selection.select(null, "table");
    if (event.key === "Enter" && event.target === this.#grid && this.#selection.selected !== null) {
      go(deviceHash(this.#selection.selected));
    }
    const step = steps[event.key];
    if (step === undefined || this.#list.length === 0) return;
    event.preventDefault();
    const next = this.#list[Math.max(0, Math.min(this.#list.length - 1, now + step))]!;
    this.#selection.select(next.id, "table");
    this.reveal(next.id);
  }
}

const idOf = (event: Event): string | null => (event.target as Element).closest<HTMLElement>(".row")?.dataset["device"] ?? null;
