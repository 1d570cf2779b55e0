/** Which device is pointed at and which is chosen, for the map, the table and the card together. Owned by the page. */

export class Selection {
  #hovered: string | null = null;
  #selected: string | null = null;
  readonly #changed: () => void;
  /** Called when a device was chosen; `from` chose it. */
  onSelect: ((id: string | null, from: "map" | "table") => void) | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get hovered(): string | null {
    return this.#hovered;
  }
  get selected(): string | null {
    return this.#selected;
  }

  hover(id: string | null): void {
    if (id === this.#hovered) return;
    this.#hovered = id;
    this.#changed();
  }

  select(id: string | null, from: "map" | "table"): void {
    if (id === this.#selected) return;
    this.#selected = id;
    this.onSelect?.(id, from);
    this.#changed();
  }
}
