/**
 * The last records of the range, newest first, their IO bytes when asked for. While somebody reads the bytes of one, the list holds
 * still and says how many came since. Owned by the page.
 */
import type { StoredJson } from "../../schema.ts";
import type { DeviceStory } from "./device_story.ts";
import { byId, make, setText } from "./element.ts";
import type { Mark } from "./mark.ts";
import { count, degrees, heading, moment, span } from "./words.ts";

const ROWS = 30;
const PRIORITY = ["low", "high", "panic"];
const COLUMNS = 8;

interface Row {
  readonly record: StoredJson;
  readonly element: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  detail: HTMLTableRowElement | null;
}

export class RecordTable {
  readonly #story: DeviceStory;
  readonly #mark: Mark;
  readonly #body = byId("records");
  readonly #newer = byId("newer-records");
  readonly #none = byId("no-records");
  readonly #table = byId("records-table");
  readonly #rows = new Map<number, Row>();
  #shown: readonly StoredJson[] = [];
  #shownAs = "";

  constructor(story: DeviceStory, mark: Mark) {
    this.#story = story;
    this.#mark = mark;
  }

  listen(): void {
    this.#body.addEventListener("click", (event) => this.#click(event));
    this.#body.addEventListener("pointermove", (event) => this.#mark.point(this.#rowOf(event)?.record ?? null));
    this.#body.addEventListener("pointerleave", () => this.#mark.point(null));
    this.#newer.addEventListener("click", () => this.#closeAll());
  }

  draw(now: number): void {
    const { id, reads, version, records } = this.#story;
    const isHeld = [...this.#rows.values()].some(({ detail }) => detail !== null);
    const as = `${id} ${reads}`;
    if (!this.#shownAs.startsWith(`${as} `)) this.#forget();
    else if (isHeld) {
      const last = this.#shown[0];
      const fresh = last === undefined ? 0 : records.items.length - 1 - records.items.findLastIndex(({ seq }) => seq === last.seq);
      this.#newer.hidden = fresh === 0;
      setText(this.#newer, `${fresh === records.items.length ? `More than ${fresh}` : count(fresh)} newer: show`);
      this.#drawMarked();
      return;
    }
    if (this.#shownAs !== `${as} ${version}`) {
      this.#shownAs = `${as} ${version}`;
      this.#shown = records.items.slice(-ROWS).reverse();
      this.#arrange(now);
    }
    this.#newer.hidden = true;
    this.#none.hidden = this.#shown.length > 0;
    this.#table.hidden = this.#shown.length === 0;
    this.#drawMarked();
  }

  #drawMarked(): void {
    const seq = this.#mark.on?.seq;
    for (const { record, element } of this.#rows.values()) element.classList.toggle("marked", record.seq === seq);
  }

  #forget(): void {
    this.#rows.clear();
    this.#body.replaceChildren();
  }

  #arrange(now: number): void {
    const wanted = new Set(this.#shown.map(({ seq }) => seq));
    for (const [seq, { element }] of this.#rows) {
      if (wanted.has(seq)) continue;
      element.remove();
      this.#rows.delete(seq);
    }
    this.#shown.forEach((record, i) => {
      let row = this.#rows.get(record.seq);
      if (row === undefined) this.#rows.set(record.seq, row = makeRow(record, now));
      const there = this.#body.children[i];
      // What is in its place stays there: moving it would take the focus away.
      if (there !== row.element) this.#body.insertBefore(row.element, there ?? null);
    });
  }

  #rowOf(event: Event): Row | undefined {
    const seq = (event.target as Element).closest<HTMLElement>("tr[data-seq]")?.dataset["seq"];
    return seq === undefined ? undefined : this.#rows.get(Number(seq));
  }

  #click(event: Event): void {
    const row = this.#rowOf(event);
    if (row === undefined) return;
    if ((event.target as Element).closest("button.io") === null) this.#mark.pin(row.record);
    else if (row.detail === null) open(row);
    else close(row);
  }

  #closeAll(): void {
    for (const row of this.#rows.values()) close(row);
    this.#table.querySelector<HTMLElement>("button.io")?.focus();
  }
}

function open(row: Row): void {
  const bytes = Object.entries(row.record.io).map(([id, hex]) => make("li", "", make("b", "", id), " ", make("code", "", hex || "–")));
  const cell = make("td", "", make("ul", "bytes", ...bytes));
  cell.colSpan = COLUMNS;
  row.detail = make("tr", "detail", cell);
  row.detail.id = `io-${row.record.seq}`;
  row.element.after(row.detail);
  row.button.setAttribute("aria-expanded", "true");
}

function close(row: Row): void {
  row.detail?.remove();
  row.detail = null;
  row.button.setAttribute("aria-expanded", "false");
}

function makeRow(record: StoredJson, now: number): Row {
  const { seq, time, receivedAt, satellites, speed, angle, altitude, lat, lon, eventId, priority, io } = record;
  const values = Object.keys(io).length;
  const button = make("button", "io", values === 1 ? "1 value" : `${values} values`);
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", `io-${seq}`);
  const at = make("button", "at", moment(time, now));
  at.type = "button";
  at.title = "Show it on the map";
  const late = receivedAt - time;
  const isFix = satellites > 0;
  const priorityWord = PRIORITY[priority] ?? String(priority);
  const cells = [
    make("td", "", at),
    make("td", "late", late < 1000 ? "at once" : `${span(late)} later`),
    make("td", "number", isFix ? `${speed} km/h` : "–"),
    make("td", "heading", isFix ? heading(angle) : "–"),
    make("td", "where", isFix ? `${degrees(lat, lon)}, ${altitude} m` : "no fix"),
    make("td", "number satellites", String(satellites)),
    make("td", "cause", `${eventId === 0 ? "periodic" : `IO ${eventId}`}${priority === 0 ? "" : `, ${priorityWord}`}`),
    make("td", "io", button),
  ];
  const mark = record.quarantined === true
    ? "quarantined"
    : record.redecoded === true
    ? "redecoded"
    : record.unfenced === true
    ? "unfenced"
    : record.invalid === true
    ? "invalid"
    : "";
  const element = make("tr", mark, ...cells);
  element.dataset["seq"] = String(seq);
  element.dataset["priority"] = priorityWord;
  return { record, element, button, detail: null };
}
