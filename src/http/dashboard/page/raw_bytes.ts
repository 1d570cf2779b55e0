/**
 * The bytes of one frame and what they mean, side by side: a field that is pointed at or walked to shows its bytes, and a byte its field.
 * Owned by the page.
 */
import { fromHex } from "../../../base/bytes.ts";
import { namedValues } from "../../../codec/io_value.ts";
import type { IoFamily } from "../../../codec/teltonika/io_names.ts";
import { type LayoutField, layoutOf } from "../../../codec/teltonika/layout.ts";
import { make } from "./element.ts";
import { count } from "./words.ts";

/** More are shown when somebody asks. */
const FIELDS = 400;
const COPIED_MS = 2000;
const NARROW = "(max-width: 600px)";

const byteText = (value: number): string => value.toString(16).padStart(2, "0");
const offsetText = (at: number): string => at.toString(16).padStart(4, "0");

export function fieldValue({ io, value }: LayoutField, family: IoFamily): { readonly name: string | null; readonly text: string } {
  if (io === null) return { name: null, text: value };
  const named = namedValues({ [io.id]: io.hex }, family)[io.id];
  if (named === undefined) return { name: null, text: io.hex === "" ? "empty" : `0x${io.hex}` };
  return { name: named.name, text: named.unit === undefined ? String(named.value) : `${named.value} ${named.unit}` };
}

let made = 0;

export class RawBytes {
  readonly element: HTMLElement;
  readonly #hex: string;
  readonly #data: Uint8Array;
  readonly #family: IoFamily;
  readonly #fields: readonly LayoutField[];
  readonly #dump = make("div", "dump");
  readonly #list = make("div", "fields");
  readonly #id = `raw-${++made}`;
  #on = -1;

  constructor(hex: string, family: IoFamily) {
    const data = fromHex(hex);
    this.#hex = hex;
    this.#data = typeof data === "number" ? new Uint8Array(0) : data;
    this.#family = family;
    this.#fields = layoutOf(this.#data);
    this.#list.tabIndex = 0;
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-label", "Fields of the frame: arrow keys walk along them");
    const copy = make("button", "copy", "Copy hex");
    copy.type = "button";
    copy.addEventListener("click", () => void this.#copy(copy));
    const note = make("p", "note", "The data field: codec to second count. Preamble, length and CRC are not kept.");
    this.element = make("div", "raw-frame", make("div", "bytes-of", this.#dump, make("div", "under", copy, note)), this.#list);
    this.#show(this.#fields.findIndex(({ isOdd }) => isOdd) < FIELDS ? FIELDS : Number.POSITIVE_INFINITY);
    this.#listen();
  }

  /** It is on the page now: what the decoder cannot make sense of comes into sight. */
  shown(): void {
    const odd = this.#fields.findIndex(({ isOdd }) => isOdd);
    if (odd < 0) return;
    this.#mark(odd);
    this.#reveal();
  }

  #show(most: number): void {
    const shown = this.#fields.slice(0, most);
    const perLine = matchMedia(NARROW).matches ? 8 : 16;
    const left = this.#fields.length - shown.length;
    this.#dump.replaceChildren(...dumpLines(this.#data, shown, perLine));
    this.#list.replaceChildren(...this.#rows(shown));
    if (left === 0) return;
    const more = make("button", "more", `and ${count(left)} fields more: show`);
    more.type = "button";
    more.addEventListener("click", () => {
      this.#show(Number.POSITIVE_INFINITY);
      this.#list.focus();
    });
    this.#list.append(more);
  }

  #rows(fields: readonly LayoutField[]): HTMLElement[] {
    const rows: HTMLElement[] = [];
    let record: number | null = null;
    fields.forEach((field, i) => {
      if (field.record !== record && field.record !== null) rows.push(make("div", "of-record", `Record ${field.record + 1}`));
      record = field.record;
      const { name, text } = fieldValue(field, this.#family);
      const words = make("span", "name", field.name, ...(name === null ? [] : [make("span", "known", ` ${name}`)]));
      const row = make(
        "div",
        field.isOdd ? "field odd" : "field",
        make("span", "at", offsetText(field.at)),
        words,
        make("span", "says", text),
      );
      row.id = `${this.#id}-${i}`;
      row.dataset["field"] = String(i);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      rows.push(row);
    });
    return rows;
  }

  #listen(): void {
    // Not `pointerover`: rows that scroll by below a pointer at rest point at nothing, and would take the mark from the keyboard.
    this.element.addEventListener("pointermove", (event) => {
      const at = (event.target as Element).closest<HTMLElement>("[data-field]")?.dataset["field"];
      if (at !== undefined) this.#mark(Number(at));
    });
    this.element.addEventListener("click", (event) => {
      const at = (event.target as Element).closest<HTMLElement>("[data-field]")?.dataset["field"];
      if (at === undefined) return;
      this.#mark(Number(at));
      this.#reveal();
    });
    this.#list.addEventListener("keydown", (event) => {
      const last = this.#list.querySelectorAll("[data-field]").length - 1;
      const steps: Readonly<Record<string, number>> = {
        ArrowDown: this.#on + 1,
        ArrowUp: this.#on - 1,
        PageDown: this.#on + 10,
        PageUp: this.#on - 10,
        Home: 0,
        End: last,
      };
      const to = steps[event.key];
      if (to === undefined || event.target !== this.#list) return;
      event.preventDefault();
      this.#mark(Math.max(0, Math.min(last, to)));
      this.#reveal();
    });
  }

  #mark(at: number): void {
    if (at === this.#on) return;
    for (const one of this.element.querySelectorAll(`[data-field="${this.#on}"]`)) one.classList.remove("on");
    document.getElementById(`${this.#id}-${this.#on}`)?.setAttribute("aria-selected", "false");
    this.#on = at;
    for (const one of this.element.querySelectorAll(`[data-field="${at}"]`)) one.classList.add("on");
    const row = document.getElementById(`${this.#id}-${at}`);
    row?.setAttribute("aria-selected", "true");
    if (row !== null) this.#list.setAttribute("aria-activedescendant", row.id);
  }

  /** Both sides scroll to it by themselves; the page stays where it is. */
  #reveal(): void {
    for (const [box, selector] of [[this.#list, ".field.on"], [this.#dump, "span.on"]] as const) {
      const one = box.querySelector<HTMLElement>(selector);
      if (one === null) continue;
      const [outer, inner] = [box.getBoundingClientRect(), one.getBoundingClientRect()];
      if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 8;
      else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 8;
    }
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#hex);
      button.textContent = "Copied";
    } catch {
      // No clipboard here.
      button.textContent = "Cannot copy";
    }
    setTimeout(() => (button.textContent = "Copy hex"), COPIED_MS);
  }
}

/** Lines of so many bytes, each piece of a field an element. */
function dumpLines(data: Uint8Array, fields: readonly LayoutField[], perLine: number): HTMLElement[] {
  const lines: HTMLElement[] = [];
  let line: HTMLElement | null = null;
  fields.forEach((field, i) => {
    for (let at = field.at; at < field.at + field.length;) {
      if (line === null || at % perLine === 0) {
        line = make("div", "line", make("span", "at", offsetText(at)));
        lines.push(line);
      }
      const end = Math.min(field.at + field.length, at + perLine - (at % perLine));
      const piece = make(
        "span",
        `${i % 2 === 0 ? "even" : "uneven"}${field.isOdd ? " odd" : ""}`,
        [...data.subarray(at, end)].map(byteText).join(" "),
      );
      piece.dataset["field"] = String(i);
      line.append(piece);
      at = end;
    }
  });
  return lines;
}
