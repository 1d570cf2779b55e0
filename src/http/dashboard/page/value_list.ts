/** The newest IO values of a device as a table: named where the family knows them, their bytes always. Owned by the page. */
import { IO_FAMILIES, type IoFamily } from "../../../codec/teltonika/io_names.ts";
import type { DeviceStory } from "./device_story.ts";
import { byId, make, setText } from "./element.ts";
import type { ShownValue } from "./values.ts";
import { ago, count } from "./words.ts";

interface Row {
  readonly element: HTMLTableRowElement;
  readonly name: HTMLElement;
  readonly value: HTMLElement;
  readonly hex: HTMLElement;
  readonly when: HTMLElement;
}

/** A device may send more ids than anybody reads. */
const SHOWN = 300;

const isFamily = (text: string): text is IoFamily => (IO_FAMILIES as readonly string[]).includes(text);

export class ValueList {
  readonly #story: DeviceStory;
  readonly #body = byId("values");
  readonly #none = byId("no-values");
  readonly #more = byId("more-values");
  readonly #table = byId("values-table");
  readonly #rows = new Map<string, Row>();
  family: IoFamily = "fmb";
  #shownAs = "";
  #list: readonly ShownValue[] = [];

  constructor(story: DeviceStory) {
    this.#story = story;
  }

  listen(): void {
    byId("family").addEventListener("change", (event) => {
      const { value } = event.target as HTMLSelectElement;
      if (isFamily(value)) this.family = value;
    });
  }

  draw(now: number): void {
    const { id, values, reads } = this.#story;
    const as = `${id} ${reads} ${values.version} ${this.family}`;
    if (as !== this.#shownAs) {
      this.#shownAs = as;
      const all = values.list(this.family);
      this.#list = all.slice(0, SHOWN);
      this.#more.hidden = all.length <= SHOWN;
      setText(this.#more, `and ${count(all.length - SHOWN)} more in its records`);
      this.#arrange();
    }
    this.#none.hidden = this.#list.length > 0;
    this.#table.hidden = this.#list.length === 0;
    for (const { id: io, time } of this.#list) setText(this.#rows.get(io)!.when, ago(now - time));
  }

  /** Rows that stay are moved, not made anew. */
  #arrange(): void {
    const rows = this.#list.map((one) => {
      const row = this.#rows.get(one.id) ?? makeRow(one.id);
      this.#rows.set(one.id, row);
      row.element.classList.toggle("unnamed", one.name === null);
      setText(row.name, one.name ?? "not named");
      setText(row.value, one.text);
      setText(row.hex, one.hex);
      return row.element;
    });
    if (rows.length !== this.#body.childElementCount || rows.some((row, i) => this.#body.children[i] !== row)) {
      this.#body.replaceChildren(...rows);
    }
  }
}

function makeRow(id: string): Row {
  const name = make("span");
  const [value, hex, when] = [make("td", "value"), make("td", "hex"), make("td", "when")];
  const head = make("th", "", name, make("span", "io-id", id));
  head.scope = "row";
  return { element: make("tr", "", head, value, hex, when), name, value, hex, when };
}
