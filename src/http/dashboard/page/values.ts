/**
 * The newest value of each IO id a device has sent, with its name in a family of devices. Not every record has every id, so each
 * value has the time of its own record. Pure; owned by the page.
 */
import { namedValues } from "../../../codec/io_value.ts";
import type { IoFamily } from "../../../codec/teltonika/io_names.ts";
import type { StoredJson } from "../../schema.ts";

export interface IoValue {
  readonly id: string;
  /** As on the wire. */
  readonly hex: string;
  readonly time: number;
  readonly seq: number;
}

export interface ShownValue extends IoValue {
  /** Null: not known in the family; its bytes are all there is to say. */
  readonly name: string | null;
  readonly text: string;
}

export class NewestValues {
  readonly #byId = new Map<string, IoValue>();
  version = 0;

  add({ io, time, seq }: StoredJson): void {
    for (const [id, hex] of Object.entries(io)) {
      const before = this.#byId.get(id);
      if (before !== undefined && (before.time > time || (before.time === time && before.seq >= seq))) continue;
      this.#byId.set(id, { id, hex, time, seq });
      this.version++;
    }
  }

  /** Named ones first, by their id. */
  list(family: IoFamily): ShownValue[] {
    const all = [...this.#byId.values()].sort((a, b) => Number(a.id) - Number(b.id));
    const shown = all.map((one): ShownValue => {
      const named = namedValues({ [one.id]: one.hex }, family)[one.id];
      if (named === undefined) return { ...one, name: null, text: one.hex === "" ? "empty" : `0x${one.hex}` };
      const { name, value, unit } = named;
      return { ...one, name, text: unit === undefined ? String(value) : `${value} ${unit}` };
    });
    return [...shown.filter(({ name }) => name !== null), ...shown.filter(({ name }) => name === null)];
  }
}
